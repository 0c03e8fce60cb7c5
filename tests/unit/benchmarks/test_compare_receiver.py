"""The comparison's HTTP receiver keeps every body whole, however the bytes come in."""

from __future__ import annotations

import gzip
import socket
import time

from benchmarks.compare import receiver
from benchmarks.compare.receiver import HttpReceiver

BODY = bytes(range(256)) * 300


def post(connection: socket.socket, body: bytes, *headers: str, cut: int) -> None:
    """Send a request in two pieces and read the reply."""
    head = "\r\n".join(["POST /v1/logs HTTP/1.1", f"Content-Length: {len(body)}", *headers, "", ""]).encode()
    message = head + body
    connection.sendall(message[:cut])
    time.sleep(0.01)  # only makes it likelier that the pieces arrive apart; either way must do
    connection.sendall(message[cut:])
    reply = b""
    while b"\r\n\r\n" not in reply:
        reply += connection.recv(4096)
    assert reply.startswith(b"HTTP/1.1 200 ")


class TestHttpReceiver:
    def test_keeps_bodies_of_one_connection_in_order(self, monkeypatch) -> None:
        monkeypatch.setattr(receiver, "_ARENA_BYTES", len(BODY) + 10)  # the second body finds no room in it
        server = HttpReceiver()
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            for cut in (5, 60, 20_000):
                post(connection, BODY + bytes([cut % 256]), cut=cut)
            post(connection, gzip.compress(BODY), "Content-Encoding: gzip", cut=30)
        kept = [bytes(body) for body in server.bodies()]
        assert kept == [BODY + b"\5", BODY + b"<", BODY + b" ", BODY]

    def test_forgets_on_request(self, monkeypatch) -> None:
        monkeypatch.setattr(receiver, "_ARENA_BYTES", 1024)
        server = HttpReceiver()
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            post(connection, b"one", cut=4)
            server.clear()
            post(connection, b"two", cut=4)
        assert [bytes(body) for body in server.bodies()] == [b"two"]
