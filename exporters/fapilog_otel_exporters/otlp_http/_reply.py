"""Reads one HTTP/1.1 reply, with a bound on everything that a server could make endless.

::

    status line, headers   ≤ 64 KiB, 1xx skipped ─► Reply.status, .headers
    body                   ≤ 4 MiB decoded: Content-Length | chunked (trailers ≤ 64 KiB) | until the end ─► Reply.body

Source: RFC 9112, sections 4 to 7. A body that cannot be read does not hide the status: `Reply.problem` tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fapilog_otel_exporters._body_sink import BodySink, ReplyUnreadableError
from fapilog_otel_exporters.otlp_http._stream import receive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel_exporters.otlp_http._stream import Stream

BODY_LIMIT: Final = 4 * 1024 * 1024
_HEAD_LIMIT: Final = 65_536
_NO_BODY: Final = frozenset({204, 304})
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) +([1-5][0-9][0-9])(?: .*)?")
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of a reply.

    Args:
        status: Status code, 200 or more.
        headers: Names in lower case; equal names joined by commas (RFC 9110, section 5.3).
        keep_alive: Whether the connection may serve another request.
    """

    status: int
    headers: Mapping[str, str]
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply.

    Args:
        head: Status and headers.
        body: The body, decoded; its beginning where there is a problem.
        problem: Why the body could not be read to its end; None: it was.
    """

    head: Head
    body: bytes
    problem: str | None = None

    @property
    def status(self) -> int:
        """Status code."""
        return self.head.status

    def header(self, name: str) -> str:
        """Give a header's value, or empty text."""
        return self.head.headers.get(name, "")


class EndOfStreamError(ConnectionError):
    """The peer ended the stream before the reply was complete."""


class ReplyReader:
    """Reads a reply from a stream.

    Args:
        stream: The connection.
        early: Bytes of the reply that arrived while the request was being sent.
    """

    def __init__(self, stream: Stream, early: bytes | None = None) -> None:
        self._stream = stream
        self._buffer = bytearray(early or b"")
        self._ended = early == b""
        self.started = bool(early)
        """Whether a byte of the reply has arrived."""

    @property
    def exhausted(self) -> bool:
        """Whether nothing was left over that does not belong to the reply."""
        return not self._buffer and not self._ended

    async def head(self) -> Head:
        """Read the status line and the headers, those of 1xx replies skipped.

        Raises:
            ReplyUnreadableError: They are malformed or too long.
            OSError: The connection ended or broke before their end.
        """
        budget = _HEAD_LIMIT
        while True:
            lines: list[bytes] = []
            while line := await self._line(budget):
                budget -= len(line) + 2
                lines.append(line)
            if not lines:
                raise ReplyUnreadableError("no status line")
            head = _parse_head(lines)
            if head.status >= 200:
                return head

    async def body(self, head: Head, *, with_body: bool = True) -> Reply:
        """Read the body.

        Args:
            head: What `head` gave.
            with_body: False for the reply to a successful CONNECT, which has none.

        Returns:
            The reply, with `Reply.problem` set where the body is malformed, cut off or too large.
        """
        if not with_body or head.status in _NO_BODY:
            return Reply(head, b"")
        try:
            sink = BodySink(head.headers.get("content-encoding", ""), BODY_LIMIT)
        except ReplyUnreadableError as error:
            return Reply(head, b"", str(error))
        try:
            await self._read_body(head, sink)
            sink.finish()
        except (ReplyUnreadableError, OSError) as error:
            return Reply(head, sink.beginning(), str(error) or type(error).__name__)
        return Reply(head, sink.body)

    async def _read_body(self, head: Head, sink: BodySink) -> None:
        coding = head.headers.get("transfer-encoding", "").strip().lower()
        if coding == "chunked":
            await self._read_chunks(sink)
        elif coding:
            raise ReplyUnreadableError(f"transfer-encoding {coding[:20]!r} was not asked for")
        elif "content-length" in head.headers:
            await self._read_exactly(_content_length(head.headers["content-length"]), sink)
        else:
            await self._read_to_end(sink)

    async def _read_chunks(self, sink: BodySink) -> None:
        framing = BODY_LIMIT  # chunks of one byte, or endless extensions, cost as much as a body
        while True:
            line = await self._line(_HEAD_LIMIT)
            match = _CHUNK_SIZE.fullmatch(line)
            if match is None:
                raise ReplyUnreadableError("malformed chunk")
            framing -= len(line) + 4
            if framing < 0:
                raise ReplyUnreadableError("too many chunks")
            size = int(match[1], 16)
            if size == 0:
                break
            await self._read_exactly(size, sink)
            if await self._line(2):
                raise ReplyUnreadableError("malformed chunk")
        budget = _HEAD_LIMIT
        while line := await self._line(budget):
            budget -= len(line) + 2

    async def _read_exactly(self, size: int, sink: BodySink) -> None:
        while size > 0:
            await self._fill()
            piece = bytes(self._buffer[:size])
            del self._buffer[:size]
            size -= len(piece)
            sink.write(piece)

    async def _read_to_end(self, sink: BodySink) -> None:
        while not self._ended or self._buffer:
            sink.write(bytes(self._buffer))
            self._buffer.clear()
            await self._more()

    async def _line(self, limit: int) -> bytes:
        """Give a line without its end, which may be a bare LF (RFC 9112, section 2.2)."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > limit:
                raise ReplyUnreadableError("headers too long")
            await self._more(needed=True)
        if end > limit:
            raise ReplyUnreadableError("headers too long")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    async def _fill(self) -> None:
        if not self._buffer:
            await self._more(needed=True)

    async def _more(self, *, needed: bool = False) -> None:
        data = b"" if self._ended else await receive(self._stream)
        self._ended = not data
        self.started = self.started or bool(data)
        self._buffer += data
        if needed and self._ended:
            raise EndOfStreamError("the connection was closed before the end of the reply")


def _parse_head(lines: list[bytes]) -> Head:
    match = _STATUS_LINE.fullmatch(lines[0])
    if match is None:
        raise ReplyUnreadableError("not an HTTP/1.1 reply")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise ReplyUnreadableError("malformed header")
        key, text = name.decode("latin-1").lower(), value.strip(b" \t").decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    closing = "close" in headers.get("connection", "").lower() or match[1] == b"0"
    return Head(int(match[2]), headers, keep_alive=not closing)


def _content_length(text: str) -> int:
    values = {value.strip() for value in text.split(",")}
    value = values.pop()
    if values or not value.isascii() or not value.isdigit() or len(value) > 18:
        raise ReplyUnreadableError("malformed Content-Length")
    if int(value) > BODY_LIMIT:
        raise ReplyUnreadableError(f"larger than {BODY_LIMIT} bytes")
    return int(value)
