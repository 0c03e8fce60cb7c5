"""A byte stream over a non-blocking socket: one small interface, here over TCP, in ``_tls_stream`` over another stream.

asyncio's transports copy what a socket does not take at once; here the kernel gets the very buffers of a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from fapilog_otel_exporters._resolver import Address

READ_SIZE: Final = 65_536
_GATHER: Final = 512  # buffers a sendmsg call; POSIX guarantees 16, Linux and the BSDs take 1024
_POLL_SECONDS: Final = 0.002


class Stream(Protocol):
    """What HTTP is spoken over. Only `wait` waits."""

    def push(self, buffers: list[memoryview]) -> bool:
        """Write what goes without waiting and take it off the list; True once nothing is left.

        Raises:
            OSError: The connection is gone.
        """
        ...

    def pull(self) -> bytes | None:
        """Read what is there: None: nothing yet; empty: the peer has ended the stream.

        Raises:
            OSError: The connection is gone.
        """
        ...

    async def wait(self, *, writing: bool) -> None:
        """Wait until there may be something to read or, if asked, room to write.

        Raises:
            OSError: The stream was closed or interrupted meanwhile.
        """
        ...

    def interrupt(self, error: OSError) -> None:
        """Make a `wait` under way raise the error."""
        ...

    def close(self) -> None:
        """Close at once; nothing further is sent."""
        ...

    def abandon(self) -> None:
        """Close this process's descriptor and touch nothing that a parent process still uses."""
        ...


async def receive(stream: Stream) -> bytes:
    """Give the next bytes, or empty bytes at the end."""
    while True:
        data = stream.pull()
        if data is not None:
            return data
        await stream.wait(writing=False)


async def send(stream: Stream, buffers: list[memoryview]) -> bytes | None:
    """Write everything, or stop because the peer speaks first (it refuses the request, or hangs up).

    Returns:
        None: all was written; else what the peer said meanwhile, empty if it hung up.
    """
    try:
        while not stream.push(buffers):
            await stream.wait(writing=True)
            said = stream.pull()
            if said is not None:
                return said
    except ConnectionError:
        # A server that refuses a request early may reset the connection behind its reply.
        said = stream.pull()
        if not said:
            raise
        return said
    return None


class TcpStream:
    """A connected TCP socket.

    Args:
        sock: Non-blocking.
        loop: The loop that watches it.
    """

    __slots__ = ("__weakref__", "_closed", "_fd", "_loop", "_sock", "_waiter", "_watchable")

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._sock = sock
        self._fd = sock.fileno()
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._watchable = True
        self._closed = False

    @classmethod
    def to(cls, address: Address) -> TcpStream:
        """Give a stream that can `connect` to an address of this family.

        Raises:
            OSError: The system has no such family, or no descriptor left.
        """
        sock = socket.socket(address.family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return cls(sock, asyncio.get_running_loop())

    async def connect(self, address: Address, limit: float | None = None) -> None:
        """Connect, or close.

        Args:
            address: Where to.
            limit: Seconds after which to give up; None: whoever waits decides.

        Raises:
            OSError: It cannot be reached, or not in time.
        """
        try:
            await self._connect(address, limit)
        except BaseException:
            self.close()
            raise

    async def _connect(self, address: Address, limit: float | None) -> None:
        with contextlib.suppress(BlockingIOError):
            self._sock.connect(address.sockaddr)
            return
        late = TimeoutError(f"no connection within {limit} s")
        timer = self._loop.call_later(limit, self.interrupt, late) if limit is not None else None
        try:
            await self.wait(writing=True)
        finally:
            if timer is not None:
                timer.cancel()
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def push(self, buffers: list[memoryview]) -> bool:
        """Write what goes without waiting and take it off the list; True once nothing is left."""
        while buffers:
            try:
                sent = self._write(buffers)
            except (BlockingIOError, InterruptedError):
                return False
            _consume(buffers, sent)
        return True

    def _write(self, buffers: list[memoryview]) -> int:
        if hasattr(self._sock, "sendmsg"):
            return self._sock.sendmsg(buffers[:_GATHER])
        return self._sock.send(buffers[0])  # Windows

    def pull(self) -> bytes | None:
        """Read what is there: None: nothing yet; empty: the peer has ended the stream."""
        try:
            return self._sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return None

    async def wait(self, *, writing: bool) -> None:
        """Wait until there may be something to read or, if asked, room to write."""
        if self._closed:
            raise ConnectionAbortedError("the connection was closed")
        waiter = self._waiter = self._loop.create_future()
        try:
            if self._watch(waiter, writing=writing):
                await waiter
            else:
                await self._poll(waiter, writing=writing)
        finally:
            self._waiter = None
            self._forget_descriptor()

    def _watch(self, waiter: asyncio.Future[None], *, writing: bool) -> bool:
        try:
            self._loop.add_reader(self._fd, _wake, waiter)
        except NotImplementedError:
            self._watchable = False
            return False
        if writing:
            self._loop.add_writer(self._fd, _wake, waiter)
        return True

    async def _poll(self, waiter: asyncio.Future[None], *, writing: bool) -> None:
        """Do what `wait` does on Windows' proactor loop, which cannot watch sockets."""
        watched = [self._sock]
        while not waiter.done():
            if any(select.select(watched, watched if writing else [], watched if writing else [], 0)):
                return
            await asyncio.sleep(_POLL_SECONDS)
        waiter.result()

    def _forget_descriptor(self) -> None:
        if self._watchable and not self._closed:  # once closed, the number may belong to another connection
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)

    def interrupt(self, error: OSError) -> None:
        """Make a `wait` under way raise the error."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def close(self) -> None:
        """Close at once; nothing further is sent."""
        if self._closed:
            return
        if self._waiter is not None and not self._loop.is_closed():
            self._forget_descriptor()
            self.interrupt(ConnectionAbortedError("the connection was closed"))
        self.abandon()

    def abandon(self) -> None:
        """Close the descriptor only: the loop's selector is shared with the parent process."""
        self._closed = True
        self._sock.close()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _consume(buffers: list[memoryview], sent: int) -> None:
    done = 0
    while done < len(buffers) and sent >= len(buffers[done]):
        sent -= len(buffers[done])
        done += 1
    del buffers[:done]
    if sent:
        buffers[0] = buffers[0][sent:]
