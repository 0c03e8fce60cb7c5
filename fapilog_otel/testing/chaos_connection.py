"""One connection through a `ChaosProxy`: two pumps, and the faults that act on them.

::

    client ─► recv ─► hang? cut? half-closed? swallowed? ─► latency ─► throttle ─► corrupt ─► send ─► target
           ◄─ the same, the other way ◄──────────────────────────────────────────────────────
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fapilog_otel.testing.chaos_faults import Blackhole, Corrupt, Cut, HalfClose, Hang, Latency, Throttle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from fapilog_otel.testing.chaos_faults import ChaosFault, Direction

_F = TypeVar("_F", Blackhole, Corrupt, Cut, HalfClose, Hang, Latency, Throttle)

_PIECE: Final = 65_536
_SLICES: Final = 20
"""Pieces a second of a throttled direction."""
_LINGER_SECONDS: Final = 1.0


class Traffic:
    """What all connections of a proxy have passed on, and what they have not, in bytes."""

    __slots__ = ("passed", "swallowed")

    def __init__(self) -> None:
        self.passed: dict[Direction, int] = {"up": 0, "down": 0}
        self.swallowed = 0


class ChaosConnection:
    """A client's connection and the one to the target that belongs to it; lives on the proxy's loop.

    Args:
        client: The accepted socket.
        dial: Opens the connection to the target.
        faults: Gives the faults that count at this moment.
        traffic: Where bytes are added up.
    """

    def __init__(
        self,
        client: socket.socket,
        dial: Callable[[], Awaitable[socket.socket]],
        faults: Callable[[], tuple[ChaosFault, ...]],
        traffic: Traffic,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._client = client
        self._target: socket.socket | None = None
        self._dial = dial
        self._faults = faults
        self._traffic = traffic
        self._passed: dict[Direction, int] = {"up": 0, "down": 0}
        self._half_closed: set[Direction] = set()
        self._hanging: dict[Hang, float] = {}
        self._lost = False
        self._unconnected = False
        self._changed = asyncio.Event()
        self._end: asyncio.Future[bool] = self._loop.create_future()

    async def serve(self) -> None:
        """Pass bytes on until both sides have ended, or a fault ends them."""
        reset = True
        try:
            self.react()
            if not self._end.done() and not self._swallowing():
                await self._connect()
            if not self._end.done():
                await self._pump_both()
            reset = self._end.done() and self._end.result()
            if self._end.done() and not reset:
                await self._linger()
        finally:
            self._close(reset=reset)

    def cut(self, *, reset: bool) -> None:
        """End both sides, with a RST or a FIN."""
        if not self._end.done():
            self._end.set_result(reset)

    def react(self) -> None:
        """Do what the faults that count now demand at once, though no byte comes."""
        self._changed.set()
        self._changed = asyncio.Event()
        if (self._lost or self._unconnected) and not self._swallowing():
            self.cut(reset=True)
        for direction in self._passed:
            self._strike(direction, waiting=False)

    async def _connect(self) -> None:
        try:
            self._target = await self._dial()
        except OSError:
            self.cut(reset=True)

    async def _pump_both(self) -> None:
        self._unconnected = self._target is None
        pumps = [asyncio.create_task(self._pump("up", self._client, self._target))]
        if self._target is not None:
            pumps.append(asyncio.create_task(self._pump("down", self._target, self._client)))
        waiting: set[asyncio.Future[Any]] = {self._end, *pumps}
        try:
            while not self._end.done() and any(pump in waiting for pump in pumps):
                ended, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for future in ended:
                    future.result()
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, direction: Direction, source: socket.socket, sink: socket.socket | None) -> None:
        try:
            while data := await self._loop.sock_recv(source, _PIECE):
                await self._pass_on(direction, data, sink)
            await self._hang(direction)
            self._half_close(direction)
        except OSError:
            self.cut(reset=True)

    async def _pass_on(self, direction: Direction, data: bytes, sink: socket.socket | None) -> None:
        rest = memoryview(data)
        while rest:
            await self._hang(direction)
            self._strike(direction, waiting=True)
            if self._end.done() or sink is None or self._swallowing() or direction in self._half_closed:
                self._lost = self._lost or self._swallowing()
                self._traffic.swallowed += len(rest)
                return
            size = min(len(rest), self._allowance(direction))
            await self._delay(direction, size)
            await self._loop.sock_sendall(sink, self._corrupted(direction, rest[:size]))
            self._passed[direction] += size
            self._traffic.passed[direction] += size
            rest = rest[size:]
            self._strike(direction, waiting=False)

    def _active(self, kind: type[_F], direction: Direction) -> Iterator[_F]:
        for fault in self._faults():
            if isinstance(fault, kind) and getattr(fault, "direction", None) in (None, direction):
                yield fault

    def _strike(self, direction: Direction, *, waiting: bool) -> None:
        """End the connection, or one direction of it, where its bytes have been used up.

        Args:
            direction: Which bytes are counted.
            waiting: Whether a further byte is there; downstream, a fault after no byte at all waits for one.
        """
        passed = self._passed[direction]
        if direction == "down" and not passed and not waiting:
            return
        for cut in self._active(Cut, direction):
            if passed >= cut.after:
                self.cut(reset=cut.reset)
        for half in self._active(HalfClose, direction):
            if passed >= half.after:
                self._half_close(direction)

    def _swallowing(self) -> bool:
        return any(self._passed["up"] >= hole.after for hole in self._active(Blackhole, "up"))

    async def _hang(self, direction: Direction) -> None:
        while (wait := self._hang_left(direction)) > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), None if wait == float("inf") else wait)

    def _hang_left(self, direction: Direction) -> float:
        left = 0.0
        for hang in self._active(Hang, direction):
            if self._passed[direction] < hang.after:
                continue
            if hang.seconds is None:
                return float("inf")
            began = self._hanging.setdefault(hang, self._loop.time())
            left = max(left, began + hang.seconds - self._loop.time())
        return left

    def _allowance(self, direction: Direction) -> int:
        """How many bytes may pass in one go, before another fault is to be looked at."""
        passed = self._passed[direction]
        marks = [cut.after for cut in self._active(Cut, direction)]
        marks += [half.after for half in self._active(HalfClose, direction)]
        marks += [hang.after for hang in self._active(Hang, direction)]
        if direction == "up":
            marks += [hole.after for hole in self._active(Blackhole, direction)]
        slices = [max(1, int(throttle.rate / _SLICES)) for throttle in self._active(Throttle, direction)]
        return min([_PIECE, *slices, *(mark - passed for mark in marks if mark > passed)])

    async def _delay(self, direction: Direction, size: int) -> None:
        seconds = sum(latency.seconds for latency in self._active(Latency, direction))
        seconds += max((size / throttle.rate for throttle in self._active(Throttle, direction)), default=0.0)
        if seconds > 0:
            await asyncio.sleep(seconds)

    def _corrupted(self, direction: Direction, data: memoryview) -> bytes | memoryview:
        first = self._passed[direction]
        hits = [fault for fault in self._active(Corrupt, direction) if first <= fault.at < first + len(data)]
        if not hits:
            return data
        changed = bytearray(data)
        for fault in hits:
            changed[fault.at - first] ^= fault.mask
        return bytes(changed)

    def _half_close(self, direction: Direction) -> None:
        sink = self._target if direction == "up" else self._client
        if direction not in self._half_closed and sink is not None:
            self._half_closed.add(direction)
            with contextlib.suppress(OSError):  # the peer has gone by itself
                sink.shutdown(socket.SHUT_WR)

    async def _linger(self) -> None:
        """Send FINs and read on for a moment: closing over unread data sends a RST in their place."""
        self._half_close("up")
        self._half_close("down")
        sides = [side for side in (self._client, self._target) if side is not None]
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.gather(*map(self._drain, sides)), _LINGER_SECONDS)

    async def _drain(self, side: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while await self._loop.sock_recv(side, _PIECE):
                pass

    def _close(self, *, reset: bool) -> None:
        for side in (self._client, self._target):
            if side is not None:
                if reset:
                    # Lingering for zero seconds makes close() send a RST in place of a FIN.
                    with contextlib.suppress(OSError):
                        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                side.close()
