"""TLS over another stream, so that it also works through a proxy's tunnel and within another TLS stream."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Final

from fapilog_otel_exporters.otlp_http._stream import READ_SIZE

if TYPE_CHECKING:
    from fapilog_otel_exporters.otlp_http._stream import Stream

_BATCH: Final = 65_536  # ciphertext handed down at once, bytes


class TlsStream:
    """A verified TLS connection.

    Args:
        lower: The stream that carries the records.
        context: Verifies the server.
        host: Name or address that the server's certificate must be for.
    """

    __slots__ = ("_cipher", "_incoming", "_lower", "_outgoing", "_tls")

    def __init__(self, lower: Stream, context: ssl.SSLContext, host: str) -> None:
        self._lower = lower
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._cipher: list[memoryview] = []
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    async def handshake(self) -> None:
        """Agree on keys and verify the server.

        Raises:
            ssl.SSLError: The server cannot be trusted, or does not trust us.
            OSError: The connection is gone.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flushed()
                if not self._feed():
                    await self._lower.wait(writing=False)
                continue
            except ssl.SSLError:
                with contextlib.suppress(OSError):  # the error under way is the one that matters
                    self._flush()  # the alert tells the server why
                raise
            await self._flushed()
            return

    def push(self, buffers: list[memoryview]) -> bool:
        """Write what goes without waiting and take it off the list; True once nothing is left."""
        while self._flush():
            if not buffers:
                return True
            while buffers and self._outgoing.pending < _BATCH:
                self._encrypt(buffers)
        return False

    def _encrypt(self, buffers: list[memoryview]) -> None:
        first = buffers[0]
        taken = self._tls.write(first) if len(first) else 0
        if taken == len(first):
            del buffers[0]
        else:
            buffers[0] = first[taken:]

    def pull(self) -> bytes | None:
        """Read what is there: None: nothing yet; empty: the peer has ended the stream."""
        while True:
            try:
                return self._tls.read(READ_SIZE)
            except ssl.SSLWantReadError:
                self._flush()  # an answer to a key update
                if not self._feed():
                    return None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    async def wait(self, *, writing: bool) -> None:
        """Wait until there may be something to read or, if asked, room to write."""
        await self._lower.wait(writing=writing)

    def interrupt(self, error: OSError) -> None:
        """Make a `wait` under way raise the error."""
        self._lower.interrupt(error)

    def close(self) -> None:
        """Close at once, without a closing alert: an HTTP/1.1 reply says itself where it ends."""
        self._lower.close()

    def abandon(self) -> None:
        """Close this process's descriptor; not a byte is sent in the parent's session."""
        self._lower.abandon()

    def _feed(self) -> bool:
        data = self._lower.pull()
        if data:
            self._incoming.write(data)
        elif data is not None:
            self._incoming.write_eof()
        return data is not None

    def _flush(self) -> bool:
        if self._outgoing.pending:
            self._cipher.append(memoryview(self._outgoing.read()))
        return self._lower.push(self._cipher)

    async def _flushed(self) -> None:
        while not self._flush():
            await self._lower.wait(writing=True)
