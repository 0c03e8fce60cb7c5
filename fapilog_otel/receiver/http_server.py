"""The HTTP side: asyncio streams on a thread of their own, for control over every byte of a reply."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from fapilog_otel.receiver.exchange import Arrival
from fapilog_otel.receiver.http_reply import linger, send_reply
from fapilog_otel.receiver.http_request import HEAD_LIMIT, Head, RequestError, decode_body, read_body, read_head
from fapilog_otel.receiver.script import Reply

if TYPE_CHECKING:
    import ssl

    from fapilog_otel.receiver.exchange import Exchange

_ACCEPT_PAUSE = 0.05
_CLOSE_SECONDS = 2.0
_CONTENT_TYPES = ("application/x-protobuf", "application/json")
_UNREADABLE = Head("", "", "HTTP/1.1", {"connection": "close"})


class HttpServer:
    """Serves OTLP/HTTP from `start` to `stop`, once.

    Args:
        exchange: Answers the requests.
        max_request_bytes: Limit of a body, both as sent and decoded.
        tls: Server side of TLS; None: plain HTTP.
    """

    def __init__(self, exchange: Exchange, max_request_bytes: int, tls: ssl.SSLContext | None) -> None:
        self._exchange = exchange
        self._limit = max_request_bytes
        self._tls = tls
        self._connections: set[asyncio.Task[None]] = set()
        self._thread: threading.Thread | None = None
        self._end: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def start(self, host: str, port: int) -> int:
        """Listen, and serve in a new thread.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0: a free one.

        Returns:
            The port.

        Raises:
            OSError: The address cannot be listened on.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        bound: int = listener.getsockname()[1]
        ready: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(listener, ready), name="fapilog-otel-receiver-http", daemon=True
        )
        self._thread.start()
        ready.result()
        return bound

    def stop(self) -> None:
        """Stop listening, cut every connection and wait for the thread."""
        if self._end is None or self._thread is None:
            return
        loop, end = self._end
        loop.call_soon_threadsafe(end.set)
        self._thread.join()
        self._end = self._thread = None

    def _run(self, listener: socket.socket, ready: Future[None]) -> None:
        try:
            asyncio.run(self._serve(listener, ready))
        except Exception as error:  # whatever stops the loop before it serves belongs to the caller of start()
            if ready.done():
                raise
            ready.set_exception(error)

    async def _serve(self, listener: socket.socket, ready: Future[None]) -> None:
        end = asyncio.Event()
        self._end = (asyncio.get_running_loop(), end)
        with listener:
            listener.setblocking(False)
            accepting = asyncio.create_task(self._accept(listener))
            ready.set_result(None)
            await end.wait()
            tasks = (accepting, *self._connections)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports report their end one turn later

    async def _accept(self, listener: socket.socket) -> None:
        # Not asyncio.Server, which logs errors about every connection that comes in while it is being closed.
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listener)
            except OSError:  # the client has gone already, or there are no descriptors left for the moment
                await asyncio.sleep(_ACCEPT_PAUSE)
                continue
            connection = loop.create_task(self._serve_connection(accepted))
            self._connections.add(connection)
            connection.add_done_callback(self._connections.discard)

    async def _serve_connection(self, accepted: socket.socket) -> None:
        try:
            reader, writer = await self._open_streams(accepted)
        except BaseException as error:
            accepted.close()
            if isinstance(error, OSError):
                return  # a TLS handshake that failed, which clients under test do on purpose
            raise
        try:
            while await self._serve_one(reader, writer):
                pass
            writer.close()
            await asyncio.wait_for(writer.wait_closed(), _CLOSE_SECONDS)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            pass  # the client has gone, which senders under test do on purpose; what had arrived is recorded
        finally:
            writer.transport.abort()

    async def _open_streams(self, accepted: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=HEAD_LIMIT, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=self._tls)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head, problem = await self._read_head(reader)
        if head is None:
            return False
        arrival = Arrival("http", head.path, head.headers, head.signal, as_json=head.as_json, problem=problem)
        complete = False
        reply = self._exchange.early(arrival)
        if reply is None:
            if problem is None:
                arrival, complete = await self._read_body(reader, writer, head, arrival)
            reply = self._exchange.answer(arrival)
        again = complete and head.keep_alive
        again = await send_reply(writer, reply, head.signal, as_json=head.as_json, keep_alive=again)
        if not complete and not writer.is_closing():
            await linger(reader, writer)
        return again

    async def _read_head(self, reader: asyncio.StreamReader) -> tuple[Head | None, Reply | None]:
        try:
            return await read_head(reader), None
        except RequestError as error:
            return _UNREADABLE, _refusal(error)

    async def _read_body(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: Head, arrival: Arrival
    ) -> tuple[Arrival, bool]:
        """Give the arrival with its body, and whether all of it was taken off the connection."""
        if head.headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            raw = await read_body(reader, head, self._limit)
        except RequestError as error:
            return arrival._replace(problem=_refusal(error)), False
        arrival = arrival._replace(wire_size=len(raw), content_encoding=head.content_encoding)
        try:
            _check(head)
            return arrival._replace(body=decode_body(raw, head.content_encoding, self._limit)), True
        except RequestError as error:
            return arrival._replace(problem=_refusal(error)), True


def _check(head: Head) -> None:
    if head.signal is None:
        raise RequestError(404, f"no such path: {head.path[:200]}")
    if head.method != "POST":
        raise RequestError(405, "only POST is understood")
    if head.content_type not in _CONTENT_TYPES:
        raise RequestError(415, f"content type {head.content_type[:80]!r} is not supported")


def _refusal(error: RequestError) -> Reply:
    return Reply(status=error.status, message=str(error))
