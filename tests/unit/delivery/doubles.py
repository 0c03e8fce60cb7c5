"""A scripted exporter, requests, diagnostics that remember, and a loop whose time passes without waiting."""

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
import selectors
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.model.record import Record

DELIVERED = ExportResult()


def request_of(count: int) -> EncodedLogs:
    """Give a request of records with bodies 0, 1, 2 …"""
    return EncodedLogs.from_records(Record(body=index, timestamp=1) for index in range(count))


def bodies(request: EncodedLogs) -> list[object]:
    return [record.body for record in request.records()]


class ScriptedExporter:
    """Plays one step a call: an exception is raised, a callable is called and awaited, anything else is returned.

    The last step is repeated. Remembers when each call came, in loop time, and with what request.
    """

    def __init__(self, *steps: object) -> None:
        self._steps = list(steps) or [DELIVERED]
        self.times: list[float] = []
        self.requests: list[EncodedLogs] = []

    async def export(self, request: EncodedLogs) -> Any:
        self.times.append(virtual_clock())
        self.requests.append(request)
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, BaseException):
            raise step
        return await step(request) if callable(step) else step

    @property
    def gaps(self) -> list[float]:
        """Seconds between the calls."""
        return [round(later - earlier, 6) for earlier, later in itertools.pairwise(self.times)]


class RememberingDiagnostics:
    """Takes reports as Diagnostics does, without the rate limit."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, str, str, dict[str, object]]] = []

    def report(self, kind: str, event: str, /, *, level: str = "warning", **fields: object) -> None:
        self.reports.append((kind, level, event, fields))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, *_ in self.reports]


class _VirtualSelector(selectors.SelectSelector):
    """Never waits: where a real selector would sleep, time passes at once."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("deadlock: the test waits for something that nothing will bring about")
        if not ready and timeout is not None:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on which an hour passes at once."""

    def __init__(self) -> None:
        self._virtual = _VirtualSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def virtual_clock() -> float:
    """Give the time of the running loop, in seconds."""
    return asyncio.get_running_loop().time()


def virtual_time(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on a `VirtualTimeLoop`; it must leave no task behind."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        loop = VirtualTimeLoop()
        try:
            coroutine = test(*args, **kwargs)
            assert inspect.iscoroutine(coroutine)
            loop.run_until_complete(coroutine)
            left = asyncio.all_tasks(loop)
            assert not left, f"tasks left behind: {left}"
        finally:
            loop.close()

    return run


def in_turn(values: Iterable[float]) -> Callable[[], float]:
    """Give a source of random numbers that are not random."""
    iterator = iter(values)
    return lambda: next(iterator)


async def stay_away(request: EncodedLogs) -> None:
    """Be a destination that never answers."""
    await asyncio.get_running_loop().create_future()
