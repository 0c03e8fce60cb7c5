"""Collects a reply's body, decoded and within its bound, however it is compressed."""

from __future__ import annotations

import zlib
from typing import Final

_STEP: Final = 65_536
_EXCERPT: Final = 4096
_WINDOW_BITS: Final = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class ReplyUnreadableError(Exception):
    """A reply that is malformed, cut off or larger than its bound."""


class BodySink:
    """Takes a body piece by piece.

    Args:
        encoding: The reply's Content-Encoding; we ask for none, but a server may not listen.
        limit: Most bytes that the body may have, as sent and decoded.

    Raises:
        ReplyUnreadableError: The encoding is unknown.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._body = bytearray()
        self._inflater = _inflater(encoding.strip().lower())

    @property
    def body(self) -> bytes:
        """What has been taken so far, decoded."""
        return bytes(self._body)

    def beginning(self) -> bytes:
        """Give the first bytes, for an error message; the rest is not worth a copy."""
        return bytes(self._body[:_EXCERPT])

    def write(self, data: bytes) -> None:
        """Take a piece.

        Raises:
            ReplyUnreadableError: It is malformed, or more than the bound.
        """
        self._taken += len(data)
        if self._taken > self._limit:
            raise self._overflow()
        if self._inflater is None:
            self._body += data
        else:
            self._inflate(self._inflater, data)

    def finish(self) -> None:
        """Say that the body is complete.

        Raises:
            ReplyUnreadableError: Its compressed form is not.
        """
        if self._inflater is not None and self._taken and not self._inflater.eof:
            raise ReplyUnreadableError("cannot be decompressed: cut off")

    def _inflate(self, inflater: zlib._Decompress, data: bytes) -> None:
        try:
            while data:
                self._body += inflater.decompress(data, _STEP)
                if len(self._body) > self._limit:
                    raise self._overflow()
                data = inflater.unconsumed_tail
        except zlib.error as error:
            raise ReplyUnreadableError(f"cannot be decompressed: {error}") from error

    def _overflow(self) -> ReplyUnreadableError:
        return ReplyUnreadableError(f"larger than {self._limit} bytes")


def _inflater(encoding: str) -> zlib._Decompress | None:
    if encoding in {"", "identity"}:
        return None
    if encoding not in _WINDOW_BITS:
        raise ReplyUnreadableError(f"content-encoding {encoding[:20]!r} was not asked for")
    return zlib.decompressobj(_WINDOW_BITS[encoding])
