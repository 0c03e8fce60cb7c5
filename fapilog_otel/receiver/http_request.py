"""One HTTP/1.1 request read from a stream: head, body, and the body's content encoding undone under a cap."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.receiver.records import Signal

HEAD_LIMIT = 64 * 1024


class RequestError(Exception):
    """A request that is answered with an error status.

    Args:
        status: HTTP status to answer with.
        message: Why.
    """

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Head:
    """A request line and its headers (RFC 9112).

    Args:
        method: As sent.
        path: The target without its query.
        version: ``HTTP/1.1`` or another.
        headers: Names in lower case; of equal names the last one.
    """

    method: str
    path: str
    version: str
    headers: Mapping[str, str]

    @property
    def signal(self) -> Signal | None:
        """What the path asks for; a prefix before it, as in ``/otlp/v1/logs``, is passed over."""
        if self.path.endswith("/v1/logs"):
            return "logs"
        return "traces" if self.path.endswith("/v1/traces") else None

    @property
    def as_json(self) -> bool:
        """True for OTLP/JSON."""
        return self.content_type == "application/json"

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def content_encoding(self) -> str:
        """``gzip``, ``deflate``, another name, or empty for a plain body."""
        name = self.headers.get("content-encoding", "").strip().lower()
        return "" if name == "identity" else name

    @property
    def keep_alive(self) -> bool:
        """Whether the client means to use the connection again."""
        tokens = {token.strip() for token in self.headers.get("connection", "").lower().split(",")}
        return "close" not in tokens and (self.version == "HTTP/1.1" or "keep-alive" in tokens)


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Give the next request's head, or None where the client has ended the connection.

    Raises:
        RequestError: It is malformed or longer than 64 KiB.
    """
    try:
        text = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise RequestError(431, f"request head over {HEAD_LIMIT} bytes") from error
    line, *fields = text.decode("latin-1").strip("\r\n").split("\r\n")
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise RequestError(400, "malformed request line")
    return Head(parts[0], urlsplit(parts[1]).path, parts[2], _headers(fields))


def _headers(fields: list[str]) -> dict[str, str]:
    headers = {}
    for field in fields:
        name, colon, value = field.partition(":")
        if not colon or name != name.strip():
            raise RequestError(400, "malformed header line")
        headers[name.lower()] = value.strip()
    return headers


async def read_body(reader: asyncio.StreamReader, head: Head, limit: int) -> bytes:
    """Give the body as sent.

    Args:
        reader: The stream after the head.
        head: The head that was read from it.
        limit: Bytes beyond which it is refused.

    Raises:
        RequestError: Its length is contradictory, malformed or over the limit.
        asyncio.IncompleteReadError: The client ended the connection in the middle.
    """
    length = head.headers.get("content-length")
    if "transfer-encoding" in head.headers:
        if length is not None or head.headers["transfer-encoding"].lower() != "chunked":
            raise RequestError(400, "only chunked transfer encoding, and without a content length, is understood")
        return await _read_chunked(reader, limit)
    if length is None:
        return b""
    if not (length.isascii() and length.isdigit()):
        raise RequestError(400, "malformed content length")
    if int(length) > limit:
        raise RequestError(413, f"request body over {limit} bytes")
    return await reader.readexactly(int(length))


async def _read_chunked(reader: asyncio.StreamReader, limit: int) -> bytes:
    body = bytearray()
    while size := await _chunk_size(reader):
        if len(body) + size > limit:
            raise RequestError(413, f"request body over {limit} bytes")
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readline() not in (b"\r\n", b"\n", b""):
        pass  # trailer fields carry nothing that OTLP knows
    return bytes(body)


async def _chunk_size(reader: asyncio.StreamReader) -> int:
    line = await reader.readline()
    try:
        return int(line.partition(b";")[0].strip(), 16)
    except ValueError as error:
        raise RequestError(400, "malformed chunk size") from error


def decode_body(body: bytes, encoding: str, limit: int) -> bytes:
    """Give the body without its content encoding.

    Args:
        body: As sent.
        encoding: ``gzip``, ``deflate`` or empty.
        limit: Decoded bytes beyond which it is refused, before they are all in memory.

    Raises:
        RequestError: The encoding is unknown, the data is corrupt, cut off or decodes to more than the limit.
    """
    if not encoding:
        return body
    if encoding not in ("gzip", "deflate"):
        raise RequestError(415, f"content encoding {encoding[:40]!r} is not supported")
    try:
        return _inflate(body, _window(body, encoding), limit)
    except zlib.error as error:
        raise RequestError(400, f"corrupt {encoding} data: {error}") from error


def _window(body: bytes, encoding: str) -> int:
    if encoding == "gzip":
        return zlib.MAX_WBITS | 16
    # RFC 9110 means the zlib format by "deflate", yet some clients send the bare stream.
    wrapped = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    decoded = bytearray()
    while body:
        inflater = zlib.decompressobj(window)
        decoded += inflater.decompress(body, limit + 1 - len(decoded))
        if len(decoded) > limit:
            raise RequestError(413, f"decoded body over {limit} bytes")
        if not inflater.eof:
            raise RequestError(400, "compressed body is cut off")
        body = inflater.unused_data  # gzip allows several members end to end (RFC 1952, 2.2)
    return bytes(decoded)
