"""Host names to addresses on a daemon thread of our own.

``loop.getaddrinfo`` runs in an executor, and executors refuse work once the interpreter shuts down, which is when the
last records are sent. A lookup that hangs must not stop the event loop either.
"""

from __future__ import annotations

import asyncio
import contextlib
import encodings.idna  # noqa: F401 - getaddrinfo imports it on first use: doing so in a thread hangs forked children
import queue
import socket
import threading
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from fapilog_otel.telemetry.origin import our_thread

if TYPE_CHECKING:
    from collections.abc import Callable


class Address(NamedTuple):
    """Where a socket can connect to."""

    family: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]


_Answer: TypeAlias = "tuple[Address, ...] | OSError"
_Lookup: TypeAlias = "tuple[str, int, Callable[[_Answer], None]]"
_Inbox: TypeAlias = "queue.SimpleQueue[_Lookup | None]"

_STOP: Final = None


def numeric_addresses(host: str, port: int) -> tuple[Address, ...]:
    """Give the address that a numeric host is, scope included (``fe80::1%eth0``); empty for a name. Never waits."""
    try:
        return _addresses(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return ()


class Resolver:
    """Looks names up, from `start` to `stop`; equal lookups under way are shared."""

    def __init__(self) -> None:
        self._inbox: _Inbox | None = None
        self._lookups: dict[tuple[str, int], asyncio.Future[_Answer]] = {}

    def start(self) -> None:
        """Start the thread, unless it runs."""
        if self._inbox is None:
            self._inbox = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(self._inbox,), name="fapilog-otel-resolver", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end once its present lookup does; nobody waits for it."""
        if self._inbox is not None:
            self._inbox.put(_STOP)
        self.abandon()

    def abandon(self) -> None:
        """Forget a thread that did not survive a fork."""
        self._inbox = None
        self._lookups = {}

    async def resolve(self, host: str, port: int) -> tuple[Address, ...]:
        """Give the addresses of a host, in the order to try them; a numeric host needs no thread.

        Raises:
            OSError: The name is unknown, or there is no answer.
        """
        numeric = numeric_addresses(host, port)
        if numeric:
            return numeric
        answer = await asyncio.shield(self._lookup(host, port))
        if isinstance(answer, OSError):
            raise answer
        return answer

    def _lookup(self, host: str, port: int) -> asyncio.Future[_Answer]:
        pending = self._lookups.get((host, port))
        if pending is not None:
            return pending
        if self._inbox is None:
            raise OSError("the exporter has not been started")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Answer] = loop.create_future()
        self._lookups[host, port] = future
        lookups = self._lookups
        future.add_done_callback(lambda _: lookups.pop((host, port), None))

        def reply(answer: _Answer) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, future, answer)

        self._inbox.put((host, port, reply))
        return future


def _settle(future: asyncio.Future[_Answer], answer: _Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _serve(inbox: _Inbox) -> None:
    with our_thread():
        while (lookup := inbox.get()) is not None:
            host, port, reply = lookup
            reply(_answer(host, port))


def _answer(host: str, port: int) -> _Answer:
    try:
        return _addresses(host, port, 0)
    except OSError as error:
        return error
    except UnicodeError as error:
        return OSError(f"{host!r} is not a host name: {error}")


def _addresses(host: str, port: int, flags: int) -> tuple[Address, ...]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=flags)
    inet = (socket.AF_INET, socket.AF_INET6)
    return tuple(
        dict.fromkeys(Address(family, sockaddr) for family, _, _, _, sockaddr in found if family in inet)  # type: ignore[arg-type]
    )
