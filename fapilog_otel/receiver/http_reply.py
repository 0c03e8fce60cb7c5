"""Replies written to an HTTP/1.1 stream, spoiled on the wire where the script says so."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from fapilog_otel.receiver.payload import http_body
from fapilog_otel.receiver.script import Bomb, Disconnect, Drip, Truncate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from fapilog_otel.receiver.records import Signal
    from fapilog_otel.receiver.script import Reply

_LINGER_SECONDS = 2.0
_MEBIBYTE = 1024 * 1024


async def send_reply(
    writer: asyncio.StreamWriter, reply: Reply, signal: Signal | None, *, as_json: bool, keep_alive: bool
) -> bool:
    """Send a reply, with its delay and its fault.

    Returns:
        Whether the connection can serve another request; where it cannot, the caller closes it.
    """
    if reply.delay:
        await asyncio.sleep(reply.delay)
    if isinstance(reply.fault, Disconnect):
        _end(writer, reset=reply.fault.reset)
        return False
    kind = "application/json" if as_json else "application/x-protobuf"
    if isinstance(reply.fault, Bomb):
        await _send_bomb(writer, reply, reply.fault, kind)
        return False
    body = http_body(signal, reply, as_json=as_json)
    headers = {"content-type": kind, "content-length": str(len(body))}
    if reply.status == 204:
        del headers["content-length"]  # RFC 9110, 8.6
    data = _head(reply, headers, keep_alive=keep_alive) + body
    if isinstance(reply.fault, Truncate):
        writer.write(data[: reply.fault.after])
        await writer.drain()
        _end(writer, reset=reply.fault.reset)
        return False
    await _send(writer, data, reply.fault)
    return keep_alive


async def linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read on for a moment after the last reply.

    Closing over unread data sends a RST, which can destroy the reply before the client has read it (RFC 9112, 9.6).
    """
    if writer.can_write_eof():
        writer.write_eof()
    deadline = asyncio.get_running_loop().time() + _LINGER_SECONDS
    while (left := deadline - asyncio.get_running_loop().time()) > 0:
        try:
            if not await asyncio.wait_for(reader.read(65536), left):
                return
        except asyncio.TimeoutError:
            return


def _head(reply: Reply, headers: Mapping[str, str], *, keep_alive: bool) -> bytes:
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    fields = {**headers, "connection": "keep-alive" if keep_alive else "close"}
    fields.update({name.lower(): value for name, value in reply.headers.items()})
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


async def _send(writer: asyncio.StreamWriter, data: bytes, fault: object) -> None:
    if not isinstance(fault, Drip):
        writer.write(data)
        await writer.drain()
        return
    for start in range(0, len(data), fault.size):
        await asyncio.sleep(fault.interval)
        writer.write(data[start : start + fault.size])
        await writer.drain()


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if not reset:
        writer.close()
        return
    sock = writer.get_extra_info("socket")
    # Lingering for zero seconds makes close() send a RST in place of a FIN.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _send_bomb(writer: asyncio.StreamWriter, reply: Reply, bomb: Bomb, kind: str) -> None:
    headers = {"content-type": kind}
    chunked = bomb.place == "trailers" or (bomb.chunked and bomb.place == "body")
    if chunked:
        headers["transfer-encoding"] = "chunked"
    if bomb.compressed and bomb.place == "body":
        headers["content-encoding"] = "gzip"
    writer.write(_head(reply, headers, keep_alive=False).removesuffix(b"\r\n"))
    if bomb.place == "headers":
        await _write_all(writer, _bomb_lines(bomb))
    writer.write(b"\r\n")
    if bomb.place == "body":
        await _write_all(writer, map(_chunk, _bomb_pieces(bomb)) if chunked else _bomb_pieces(bomb))
    if chunked:
        writer.write(b"0\r\n")
        await _write_all(writer, _bomb_lines(bomb) if bomb.place == "trailers" else iter(()))
        writer.write(b"\r\n")
    await writer.drain()


async def _write_all(writer: asyncio.StreamWriter, pieces: Iterator[bytes]) -> None:
    async for piece in _paced(pieces):
        writer.write(piece)
        await writer.drain()


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def _bomb_lines(bomb: Bomb) -> Iterator[bytes]:
    line = b"x-bomb: " + b"y" * 1014 + b"\r\n"
    left = bomb.mebibytes
    while left is None or left > 0:
        yield line * 1024
        left = None if left is None else left - 1


async def _paced(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(0)  # an endless reply must leave the loop to other connections
        yield piece


def _bomb_pieces(bomb: Bomb) -> Iterator[bytes]:
    zeros = bytes(_MEBIBYTE)
    deflater = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    left = bomb.mebibytes
    while left is None or left > 0:
        if piece := deflater.compress(zeros) if bomb.compressed else zeros:
            yield piece
        left = None if left is None else left - 1
    if bomb.compressed:
        yield deflater.flush()
