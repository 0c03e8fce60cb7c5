"""POSTs over kept-alive connections.

::

    post ─► idle connection, still open ─┬─► send head and body ─► read reply ─► idle again, or closed
            else a new one ──────────────┘       └── the server had closed it while idle: once more, on a new one
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fapilog_otel_exporters.otlp_http._reply import Reply, ReplyReader
from fapilog_otel_exporters.otlp_http._stream import send

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Sequence

    from fapilog_otel_exporters.otlp_http._stream import Stream

IDLE_SECONDS: Final = 55.0
"""Idle connections older than this are not used again: load balancers drop them after 60 s, often without a word."""

AGE_SECONDS: Final = 300.0
"""A connection older than this is replaced, so that a changed DNS record or a new replica gets its share."""

_AT_ONCE_SECONDS: Final = 1.0


@dataclass(slots=True, eq=False)
class Connection:
    """An open connection.

    Args:
        stream: What it sends on.
        context: The TLS context it was made with.
        opened: Seconds of the loop's clock.
        used: Seconds of the loop's clock when it last became idle.
        requests: Requests sent on it.
    """

    stream: Stream
    context: ssl.SSLContext | None
    opened: float
    used: float
    requests: int = 0

    def fit(self, context: ssl.SSLContext | None, now: float) -> bool:
        """Tell whether another request may be sent; what an idle server has said, or its hanging up, is seen here."""
        if context is not self.context or now - self.used > IDLE_SECONDS or now - self.opened > AGE_SECONDS:
            return False
        try:
            return self.stream.pull() is None
        except OSError:
            return False


class _StaleConnectionError(Exception):
    """The server closed an idle connection in the moment in which it was used again."""


class HttpClient:
    """Keeps connections to one endpoint.

    Args:
        dial: Opens a connection for a TLS context.
        context: Gives the TLS context of new connections; None: plaintext.
        max_idle: Connections kept while nothing is sent.
        attempt_seconds: Seconds after which whoever calls `post` gives up.
    """

    def __init__(
        self,
        dial: Callable[[ssl.SSLContext | None], Awaitable[Stream]],
        context: Callable[[], ssl.SSLContext | None],
        max_idle: int,
        attempt_seconds: float,
    ) -> None:
        self._dial = dial
        self._context = context
        self._max_idle = max_idle
        self._attempt_seconds = attempt_seconds
        self._idle: list[Connection] = []

    async def post(self, head: bytes, body: Sequence[bytes | memoryview]) -> Reply:
        """Send a request and read its reply.

        Args:
            head: Request line and headers, with the empty line that ends them.
            body: Buffers, sent as they are.

        Returns:
            The reply, whatever its status.

        Raises:
            OSError: The connection failed; the request may have arrived.
            ReplyUnreadableError: What came back is not HTTP.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._attempt_seconds
        context = self._context()
        connection = self._take(context, loop.time())
        if connection is not None:
            try:
                return await self._exchange(connection, head, body, deadline)
            except _StaleConnectionError:
                pass  # no byte of a reply came: a new connection decides
        connection = Connection(await self._dial(context), context, loop.time(), loop.time())
        return await self._exchange(connection, head, body, deadline)

    def forget(self) -> None:
        """Keep no connection any more; whoever opened them closes them."""
        self._idle.clear()

    def _take(self, context: ssl.SSLContext | None, now: float) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.fit(context, now):
                return connection
            connection.stream.close()
        return None

    async def _exchange(
        self, connection: Connection, head: bytes, body: Sequence[bytes | memoryview], deadline: float
    ) -> Reply:
        reusable = False
        try:
            reply, reusable = await self._round_trip(connection, head, body, deadline)
            return reply
        finally:
            # A cancelled exchange ends here too: a connection with half a request on it is never kept.
            self._release(connection, reusable=reusable)

    def _release(self, connection: Connection, *, reusable: bool) -> None:
        if not reusable or len(self._idle) >= self._max_idle:
            connection.stream.close()
            return
        connection.used = asyncio.get_running_loop().time()
        self._idle.append(connection)

    async def _round_trip(
        self, connection: Connection, head: bytes, body: Sequence[bytes | memoryview], deadline: float
    ) -> tuple[Reply, bool]:
        loop = asyncio.get_running_loop()
        stream, started = connection.stream, loop.time()
        connection.requests += 1
        reader: ReplyReader | None = None
        try:
            early = await send(stream, [memoryview(head), *(memoryview(buffer) for buffer in body)])
            reader = ReplyReader(stream, early)
            reply_head = await reader.head()
        except ConnectionError as error:
            silent = reader is None or not reader.started
            if connection.requests > 1 and silent and loop.time() - started < _AT_ONCE_SECONDS:
                raise _StaleConnectionError from error
            raise
        # Past a 2xx head the request must not be sent again: its body gets a little less time than the caller has.
        late = TimeoutError("did not arrive in time")
        timer = loop.call_at(started + 0.9 * (deadline - started), stream.interrupt, late)
        try:
            reply = await reader.body(reply_head)
        finally:
            timer.cancel()
        whole = early is None and reply.problem is None and reply_head.keep_alive and reader.exhausted
        return reply, whole
