"""The exporter face's own thread, and what a plugin's ``SystemExit`` does to it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fapilog_otel.buffer.direct import DirectSender
from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.delivery import RetryPolicy
from fapilog_otel.telemetry.diagnostics import Diagnostics
from tests.unit.buffer.engines import Collecting, eventually
from tests.unit.delivery.doubles import request_of

RUDE = pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
NAME = "fapilog-otel-exporter"


class Rude(Collecting):
    """Raises once, in one of its methods or in what it leaves behind on the loop."""

    def __init__(self, error: type[BaseException], where: str) -> None:
        super().__init__()
        self._error: type[BaseException] | None = error
        self._where = where

    def _raise(self, where: str) -> None:
        if where == self._where and self._error is not None:
            error, self._error = self._error, None
            raise error

    async def start(self) -> None:
        await super().start()
        self._raise("start")

    async def close(self) -> None:
        await super().close()
        self._raise("close")

    async def export(self, request: EncodedLogs) -> ExportResult:
        loop = asyncio.get_running_loop()
        self._raise("export")
        if self._where == "task" and self._error is not None:
            await loop.create_task(self._in_a_task())
        if self._where == "callback":
            loop.call_soon(self._raise, "callback")
            await asyncio.sleep(0)
        return await super().export(request)

    async def _in_a_task(self) -> None:
        self._raise("task")


@contextmanager
def sending(exporter: Collecting) -> Iterator[DirectSender]:
    sender = DirectSender(exporter, 2.0, RetryPolicy(), Diagnostics(lambda: None))
    try:
        yield sender
    finally:
        sender.shutdown()


def delivered(sender: DirectSender, count: int) -> bool:
    try:
        parts = sender.send(request_of(count), time.monotonic() + 2.0)
    except Exception:  # what `export` makes a FAILURE of
        return False
    return parts is not None and all(part.error is None for part in parts)


@RUDE
@pytest.mark.parametrize("where", ["start", "export", "task", "callback"])
def test_a_plugin_that_ends_the_process_costs_one_request_at_most(error: type[BaseException], where: str) -> None:
    with sending(Rude(error, where)) as sender:
        thread = sender._thread
        delivered(sender, 1)
        assert delivered(sender, 2)
        assert sender._thread is thread
        assert thread is not None
        assert thread.is_alive()


@RUDE
def test_one_that_does_so_in_close_does_not_keep_the_thread(error: type[BaseException]) -> None:
    with sending(Rude(error, "close")) as sender:
        assert delivered(sender, 1)
        thread = sender._thread
        sender.shutdown()
    assert thread is not None
    assert not thread.is_alive()


def test_a_sender_that_nobody_keeps_takes_its_thread_along() -> None:
    before = set(threading.enumerate())
    sender = DirectSender(Collecting(), 2.0, RetryPolicy(), Diagnostics(lambda: None))
    assert delivered(sender, 1)
    (thread,) = (one for one in set(threading.enumerate()) - before if one.name == NAME)
    del sender
    gc.collect()
    eventually(lambda: not thread.is_alive())
