"""An HTTP/2 server that answers one gRPC call with more than any client should take, and relays all others."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Literal

from typing_extensions import Self

Kind = Literal["headers", "trailers", "grpc-message", "data"]

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _WINDOW_UPDATE, _CONTINUATION = 0, 1, 3, 4, 8, 9
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_PREFACE: Final = 24
_PIECE: Final = 16_000
_BOUND: Final = 400 * 1024 * 1024
"""Bytes that are sent at most, should a client take them all."""
_START: Final = b"\x88"  # :status 200


class Http2Bombs:
    """Relays connections to a receiver that behaves; the first call after `arm` explodes.

    Args:
        kind: What is so large.
        target: Port of the receiver.
    """

    def __init__(self, kind: Kind, target: int) -> None:
        self._kind = kind
        self._target = target
        self._armed = False
        self._relayed: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self.sent = 0
        """Bytes of bombs that clients have taken."""

    @property
    def endpoint(self) -> str:
        """URL for the exporter."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def arm(self) -> None:
        """End what is relayed now, and have the next call explode."""
        self._armed = True
        for client in self._relayed:
            with contextlib.suppress(OSError):  # it has ended by itself
                client.shutdown(socket.SHUT_RDWR)
        self._relayed.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5.0)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # The client may have gone at any moment, which is what it should do.
        with client, contextlib.suppress(OSError):
            if self._armed:
                client.sendall(_frame(_SETTINGS, 0, 0, b""))
                if _call_began(client):
                    self._armed = False
                    self._explode(client)
                return
            self._relayed.append(client)
            with socket.create_connection(("127.0.0.1", self._target)) as target:
                back = threading.Thread(target=_copy, args=(target, client), daemon=True)
                back.start()
                _copy(client, target)
                back.join()

    def _explode(self, client: socket.socket) -> None:
        window = _Window(client)
        for frame in _frames(self._kind):
            if frame[3] == _DATA and not window.open_for(len(frame) - 9):
                return
            client.sendall(frame)
            self.sent += len(frame)
            if self.sent > _BOUND:
                return
        with contextlib.suppress(OSError):
            while client.recv(65_536):  # until the client has had enough
                pass


class _Window:
    """What the client lets through on its stream and connection (RFC 9113, section 5.2)."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._left = {0: 65_535, 1: 65_535}

    def open_for(self, size: int) -> bool:
        """Wait until so many bytes may be sent; False: the client has ended the stream, or everything."""
        while min(self._left.values()) < size:
            head = _exactly(self._client, 9)
            if not head or head[3] == _RST_STREAM:
                return False
            payload = _exactly(self._client, int.from_bytes(head[:3], "big"))
            stream = int.from_bytes(head[5:], "big")
            if head[3] == _WINDOW_UPDATE and stream in self._left:
                self._left[stream] += int.from_bytes(payload, "big")
        for stream in self._left:
            self._left[stream] -= size
        return True


def _frames(kind: Kind) -> Iterator[bytes]:
    if kind == "headers":
        yield _frame(_HEADERS, 0, 1, _START)
        yield from _endless(_frame(_CONTINUATION, 0, 1, _field(b"x-bomb", b"y" * _PIECE)))
        return
    yield _frame(_HEADERS, _END_HEADERS, 1, _START + _field(b"content-type", b"application/grpc"))
    if kind == "data":
        yield _frame(_DATA, 0, 1, b"\x00" + struct.pack(">I", _BOUND))
        yield from _endless(_frame(_DATA, 0, 1, bytes(_PIECE)))
        return
    yield _frame(_DATA, 0, 1, bytes(5))
    yield _frame(_HEADERS, _END_STREAM, 1, _field(b"grpc-status", b"14"))
    if kind == "trailers":
        yield from _endless(_frame(_CONTINUATION, 0, 1, _field(b"x-bomb", b"y" * _PIECE)))
        return
    block = _field(b"grpc-message", b"y" * (20 * 1024 * 1024))
    for start in range(0, len(block), _PIECE):
        piece = block[start : start + _PIECE]
        yield _frame(_CONTINUATION, _END_HEADERS if start + _PIECE >= len(block) else 0, 1, piece)


def _endless(frame: bytes) -> Iterator[bytes]:
    while True:
        yield frame


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame (RFC 9113, section 4.1)."""
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def _field(name: bytes, value: bytes) -> bytes:
    """A literal header field without indexing (RFC 7541, section 6.2.2)."""
    return b"\x00" + _integer(len(name)) + name + _integer(len(value)) + value


def _integer(value: int) -> bytes:
    """An integer with a prefix of 7 bits (RFC 7541, section 5.1)."""
    if value < 127:
        return bytes((value,))
    value -= 127
    out = bytearray((127,))
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def _call_began(client: socket.socket) -> bool:
    """Read frames until the request of stream 1 has been seen whole."""
    if not _exactly(client, _PREFACE):
        return False
    while head := _exactly(client, 9):
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        _exactly(client, length)
        if kind == _SETTINGS and not flags & _ACK:
            client.sendall(_frame(_SETTINGS, _ACK, 0, b""))
        if kind in (_DATA, _HEADERS) and flags & _END_STREAM:
            return True
    return False


def _exactly(client: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        if not (data := client.recv(count - len(got))):
            return b""
        got += data
    return got


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
