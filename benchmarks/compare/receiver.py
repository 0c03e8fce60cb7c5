"""The counting receiver, a process of its own: it keeps what arrives, and parses it when the run is over.

While a run is timed it only reads, stores and answers, so that its own cost does not limit the fastest subject.
Commands come as JSON lines on stdin: ``{"do": "clear"}`` before a run, maybe ``{"do": "delay", "seconds": …}``, and
after it ``{"do": "examine", "trace_id": …, "span_id": …, "signal": …}``, ``{"do": "shapes", "trace_id": …}`` or
``{"do": "size"}``.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Protocol

from benchmarks.compare.shapes import shapes
from benchmarks.compare.verdict import Expected, examine

if TYPE_CHECKING:
    from collections.abc import Iterator

_ARENA_BYTES: Final = 320 * 1024 * 1024
_HEAD_BYTES: Final = 64 * 1024
_SOCKET_BYTES: Final = 4 * 1024 * 1024
_GZIP: Final = 31
_REPLY: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"


class Receiver(Protocol):
    """Takes requests on a port of its own."""

    port: int
    delay: float
    """Seconds until a request is answered."""

    def clear(self) -> None:
        """Forget what has arrived."""

    def bodies(self) -> Iterator[bytes | memoryview]:
        """Give the request bodies, decompressed."""
        ...


class HttpReceiver:
    """HTTP/1.1 with Content-Length, a thread a connection, bodies read straight into one block of memory."""

    def __init__(self) -> None:
        # Touched now: a receiver that takes page faults while a run is timed would be timed with it.
        self._arena = memoryview(bytearray(b"\1") * _ARENA_BYTES)
        self._lock = threading.Lock()
        self.clear()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BYTES)
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def clear(self) -> None:
        """Forget what has arrived."""
        self.delay = 0.0
        with self._lock:
            self._used = 0
            self._bodies: list[tuple[memoryview, bool]] = []

    def bodies(self) -> Iterator[bytes | memoryview]:
        """Give the request bodies, decompressed."""
        for body, compressed in self._bodies:
            yield zlib.decompress(body, _GZIP) if compressed else body

    def _accept(self) -> None:
        while True:
            connection, _ = self._server.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _claim(self, size: int) -> memoryview:
        with self._lock:
            begin = self._used
            if begin + size > len(self._arena):
                return memoryview(bytearray(size))
            self._used = begin + size
            return self._arena[begin : begin + size]

    def _serve(self, connection: socket.socket) -> None:
        buffer = bytearray(_HEAD_BYTES)
        view = memoryview(buffer)
        with connection:
            while True:
                have, end = 0, -1
                while end < 0:
                    got = connection.recv_into(view[have:])
                    if not got:
                        return
                    have += got
                    end = buffer.find(b"\r\n\r\n", 0, have)
                size, compressed = _read_head(bytes(view[:end]))
                self._take(connection, view[end + 4 : have], size, compressed)
                if self.delay:
                    time.sleep(self.delay)
                connection.sendall(_REPLY)

    def _take(self, connection: socket.socket, early: memoryview, size: int, compressed: bool) -> None:
        """Store a body, whose beginning may have come with the head; nobody here sends a request before a reply."""
        body = self._claim(size)
        have = len(early)
        body[:have] = early
        while have < size:
            got = connection.recv_into(body[have:], 0, socket.MSG_WAITALL)
            if not got:
                raise ConnectionError("the subject hung up in the middle of a request")
            have += got
        with self._lock:
            self._bodies.append((body, compressed))


def _read_head(head: bytes) -> tuple[int, bool]:
    size, compressed = 0, False
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            size = int(value)
        elif name == b"content-encoding":
            compressed = value.strip() == b"gzip"
    return size, compressed


class GrpcReceiver:
    """The Export method of the logs service, messages kept as they are."""

    def __init__(self) -> None:
        import grpc

        self.clear()
        handler = grpc.unary_unary_rpc_method_handler(self._take)
        service = grpc.method_handlers_generic_handler(
            "opentelemetry.proto.collector.logs.v1.LogsService", {"Export": handler}
        )
        self._server = grpc.server(
            ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
        )
        self._server.add_generic_rpc_handlers((service,))
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def clear(self) -> None:
        """Forget what has arrived."""
        self.delay = 0.0
        self._bodies: list[bytes] = []

    def bodies(self) -> Iterator[bytes | memoryview]:
        """Give the request messages."""
        return iter(self._bodies)

    def _take(self, message: bytes, _: object) -> bytes:
        self._bodies.append(message)
        time.sleep(self.delay)
        return b""


def _answer(receiver: Receiver, command: dict[str, Any]) -> dict[str, Any]:
    if command["do"] == "clear":
        receiver.clear()
        return {}
    if command["do"] == "delay":
        receiver.delay = command["seconds"]
        return {}
    if command["do"] == "shapes":
        return shapes(receiver.bodies(), bytes.fromhex(command["trace_id"]))
    if command["do"] == "size":
        return {"size": sum(map(len, receiver.bodies()))}
    expected = Expected(bytes.fromhex(command["trace_id"]), bytes.fromhex(command["span_id"]), command["signal"])
    return examine(receiver.bodies(), expected).as_dict()


def main(protocol: str) -> None:
    """Serve until stdin ends.

    Args:
        protocol: ``http`` or ``grpc``.
    """
    receiver: Receiver = GrpcReceiver() if protocol == "grpc" else HttpReceiver()
    sys.stdout.write(json.dumps({"port": receiver.port}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(receiver, json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
