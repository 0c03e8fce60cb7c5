"""Logs at the times when an interpreter is already on its way out, each in the way that it is told."""

from __future__ import annotations

import asyncio
import atexit
import faulthandler
import json
import sys
import threading
import time
from dataclasses import asdict

import fapilog_otel

EACH = 10
numbers = iter(range(1_000_000))


def log(count: int = EACH) -> None:
    for _ in range(count):
        logger.info("order placed", index=next(numbers))


def report() -> None:
    stats = handle.stats()
    print(json.dumps({"stats": asdict(stats), "balanced": stats.balanced, "leaving": left}), flush=True)


class Dies:
    """A global, which is finalised after every ``atexit`` handler."""

    def __del__(self, log=log) -> None:
        log()
        print(json.dumps({"finalised": True}), flush=True)


def log_until_main_has_ended() -> None:
    while threading.main_thread().is_alive():
        time.sleep(0.01)
    log()


def log_for_ever() -> None:
    while True:
        log(1)
        time.sleep(0.0005)


def atexit_after() -> None:
    """A handler registered after the bridge's, which runs before it."""
    atexit.register(log)


def atexit_before() -> None:
    """A handler registered before the bridge's, which runs after it: its records are counted as dropped."""


def finaliser() -> None:
    globals()["dies"] = Dies()


def thread_that_outlives_main() -> None:
    threading.Thread(target=log_until_main_has_ended).start()


def daemon_that_logs_on() -> None:
    threading.Thread(target=log_for_ever, daemon=True).start()
    time.sleep(0.05)


def loops_by_uvloop() -> None:
    import uvloop

    async def work() -> None:
        log()
        assert await handle.aflush()
        log()

    uvloop.run(work())
    uvloop.run(work())


def loop_still_running() -> None:
    """Leaves from inside a coroutine, with a task that logs on."""

    async def work() -> None:
        task = asyncio.create_task(log_on())
        await asyncio.sleep(0.01)
        sys.exit(0 if not task.done() else 1)

    async def log_on() -> None:
        while True:
            log(1)
            await asyncio.sleep(0)

    asyncio.run(work())


faulthandler.enable()
way = sys.argv[1]
atexit.register(report)
if way == "atexit_before":
    atexit.register(log)
handle = fapilog_otel.configure(sources=[])
logger = fapilog_otel.get_logger("shop")
log()
left = time.monotonic()
globals()[way]()
