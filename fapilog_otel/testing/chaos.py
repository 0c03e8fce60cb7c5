"""A TCP proxy between an exporter and its receiver that spoils the connection on purpose."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, TypeAlias

from fapilog_otel.testing.chaos_connection import ChaosConnection, Traffic
from fapilog_otel.testing.chaos_faults import ChaosCounts, Refuse, as_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from typing_extensions import Self

    from fapilog_otel.testing.chaos_faults import ChaosFault, ChaosFaults

_Address: TypeAlias = "tuple[int, tuple[object, ...]]"

_ACCEPT_PAUSE: Final = 0.05
_BACKLOG: Final = 128


class ChaosProxy:
    """Passes TCP connections on to a target, with faults; also a context manager.

    Faults are switched while it runs, for connections that are open too, or planned connection by connection. It runs
    on a daemon thread of its own; everything public may be called from any thread. TLS passes through as it is.

        with ChaosProxy("127.0.0.1", 4318) as proxy:
            proxy.apply(Latency(0.2), Throttle(10_000))
            …
            proxy.heal()

    Args:
        target_host: Where connections go.
        target_port: Its port.
        host: Address to listen on, loopback unless another is given.
        port: Port to listen on; 0: a free one.
        plan: Faults of the connections to come, in order; see `plan`.
    """

    def __init__(
        self,
        target_host: str,
        target_port: int,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        plan: Iterable[ChaosFaults | None] = (),
    ) -> None:
        self._target = (target_host, target_port)
        self._host = host
        self._port = port
        self._faults: tuple[ChaosFault, ...] = ()
        self._plan: list[tuple[ChaosFault, ...] | None] = _planned(plan)
        self._traffic = Traffic()
        self._accepted = 0
        self._connections: dict[ChaosConnection, asyncio.Task[None]] = {}
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._address: _Address = (0, ())
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return self._host

    @property
    def port(self) -> int:
        """The port that it listens on; known as soon as it has been started, and the same after `Refuse`."""
        return self._port

    @property
    def endpoint(self) -> str:
        """``http://host:port``, for an exporter that goes through it."""
        return f"http://[{self._host}]:{self._port}" if ":" in self._host else f"http://{self._host}:{self._port}"

    @property
    def faults(self) -> tuple[ChaosFault, ...]:
        """The faults of every connection without a plan of its own."""
        return self._faults

    @property
    def counts(self) -> ChaosCounts:
        """Connections and bytes so far."""
        passed = self._traffic.passed
        return ChaosCounts(
            self._accepted, len(self._connections), passed["up"], passed["down"], self._traffic.swallowed
        )

    def start(self) -> Self:
        """Listen, and return once connections are taken.

        Raises:
            OSError: The port cannot be listened on, or the target's name is unknown.
        """
        if self._running is None:
            address = _resolved(*self._target)
            ready: Future[None] = Future()
            name = "fapilog-otel-chaos"
            self._thread = threading.Thread(target=self._run, args=(address, ready), name=name, daemon=True)
            self._thread.start()
            ready.result()
        return self

    def stop(self) -> None:
        """Stop listening, reset every connection and wait for the thread."""
        if self._running is not None and self._thread is not None:
            loop, end = self._running
            loop.call_soon_threadsafe(end.set)
            self._thread.join()
            self._running = self._thread = None

    def apply(self, *faults: ChaosFault) -> None:
        """Put faults in the place of those there were; they count at once, on open connections too.

        Args:
            *faults: Any number, acting together.
        """
        self._on_loop(lambda: self._set(faults))

    def heal(self) -> None:
        """Take every fault back, `Refuse` included; a plan stays."""
        self.apply()

    def plan(self, connections: Iterable[ChaosFaults | None]) -> None:
        """Say what happens to the next connections, one by one; those after them have what `apply` says.

        Args:
            connections: For each connection a fault, or several, or none (``()``): it keeps them, whatever is applied
                later. None: what `apply` says.

        Raises:
            ValueError: There is a `Refuse` among them: what is refused is no connection that could be counted.
        """
        planned = _planned(connections)
        self._on_loop(lambda: self._plan.__setitem__(slice(None), planned))

    def cut(self, *, reset: bool = True) -> None:
        """End every connection that is open now.

        Args:
            reset: True: with a TCP RST; False: with an orderly FIN.
        """
        self._on_loop(lambda: self._cut(reset=reset))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _on_loop(self, work: Callable[[], None]) -> None:
        if self._running is None:
            work()  # not started: nothing runs that could be disturbed
            return
        done: Future[None] = Future()
        self._running[0].call_soon_threadsafe(_settle, done, work)
        done.result()

    def _set(self, faults: tuple[ChaosFault, ...]) -> None:
        self._faults = faults
        if self._running is None:
            return
        if any(isinstance(fault, Refuse) for fault in faults):
            self._close_listener()
        else:
            self._listen()
        for connection in tuple(self._connections):
            connection.react()

    def _cut(self, *, reset: bool) -> None:
        for connection in tuple(self._connections):
            connection.cut(reset=reset)

    def _run(self, address: _Address, ready: Future[None]) -> None:
        try:
            asyncio.run(self._serve(address, ready))
        except Exception as error:  # whatever stops the loop before it serves belongs to the caller of start()
            if ready.done():
                raise
            ready.set_exception(error)

    async def _serve(self, address: _Address, ready: Future[None]) -> None:
        end = asyncio.Event()
        self._address = address
        with self._hold_port():
            self._running = (asyncio.get_running_loop(), end)
            self._set(self._faults)
            ready.set_result(None)
            await end.wait()
            self._close_listener()
            tasks = tuple(self._connections.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _hold_port(self) -> socket.socket:
        """Bind the port for good, so that nobody else gets it while connections are refused."""
        held = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET)
        try:
            if sys.platform == "linux":  # elsewhere a second socket could not be bound beside it
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                held.bind((self._host, self._port))
                self._port = held.getsockname()[1]
        except OSError:
            held.close()
            raise
        return held

    def _listen(self) -> None:
        if self._listener is not None:
            return
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._listener = socket.create_server((self._host, self._port), family=family, backlog=_BACKLOG)
        self._listener.setblocking(False)
        self._port = self._listener.getsockname()[1]
        self._accepting = asyncio.get_running_loop().create_task(self._accept(self._listener))

    def _close_listener(self) -> None:
        if self._accepting is not None and self._listener is not None:
            self._accepting.cancel()
            self._listener.close()
        self._accepting = self._listener = None

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(listener)
            except OSError:  # the client has gone already, or there are no descriptors left for the moment
                await asyncio.sleep(_ACCEPT_PAUSE)
                continue
            self._accepted += 1
            own = self._plan.pop(0) if self._plan else None
            connection = ChaosConnection(_prompt(client), self._dial, self._faults_of(own), self._traffic)
            task = loop.create_task(connection.serve())
            self._connections[connection] = task
            task.add_done_callback(lambda _, ended=connection: self._connections.pop(ended))  # type: ignore[misc]

    def _faults_of(self, own: tuple[ChaosFault, ...] | None) -> Callable[[], tuple[ChaosFault, ...]]:
        return lambda: self._faults if own is None else own

    async def _dial(self) -> socket.socket:
        family, address = self._address
        target = _prompt(socket.socket(family))
        try:
            await asyncio.get_running_loop().sock_connect(target, address)
        except BaseException:
            target.close()
            raise
        return target


def _planned(connections: Iterable[ChaosFaults | None]) -> list[tuple[ChaosFault, ...] | None]:
    planned = [None if faults is None else as_faults(faults) for faults in connections]
    if any(isinstance(fault, Refuse) for faults in planned if faults for fault in faults):
        raise ValueError("Refuse is for apply(): what is refused is no connection that a plan could count")
    return planned


def _resolved(host: str, port: int) -> _Address:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return family, address


def _prompt(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _settle(done: Future[None], work: Callable[[], None]) -> None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - handed to the caller, who waits for it
        done.set_exception(error)
    else:
        done.set_result(None)
