"""Logs from finalisers, collections, signal handlers and ``__str__``, all at once, for so many seconds."""

from __future__ import annotations

import faulthandler
import gc
import itertools
import json
import logging
import signal
import sys
import threading
import time
import weakref
from dataclasses import asdict

import fapilog_otel

WATCHDOG = 20.0  # seconds without a sign of life of every thread after which the process ends with all its stacks
INTERVAL = 0.001  # seconds between two signals
THREADS = 4

attempts: dict[str, itertools.count] = {name: itertools.count() for name in ("own", "stdlib")}
sources: dict[str, itertools.count] = {}


def log(source: str) -> None:
    """Log once by each way; callable from anywhere."""
    next(sources.setdefault(source, itertools.count()))
    next(attempts["own"])
    own.info("order placed", source=source)
    next(attempts["stdlib"])
    stdlib.info("order placed", extra={"source": source})


class Dies:
    """In a cycle with itself, so that only a collection finds it."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        log("finaliser")


class Finalised:
    """Has a weak reference whose callback logs."""


class Speaks:
    def __str__(self) -> str:
        log("str")
        return "spoken"

    __repr__ = __str__


def on_collection(phase: str, _: object) -> None:
    if phase == "stop" and next(collections) % 20 == 0:
        log("collection")


def on_alarm(number: int, frame: object) -> None:
    """Log, unless the machine is so slow that signals come faster than they are handled."""
    if len(alarms) < 3:
        alarms.append(None)
        try:
            log("signal")
        finally:
            alarms.pop()


def work(beat: list[float]) -> None:
    while not stopped.is_set():
        beat[0] = time.monotonic()
        Dies()
        weakref.finalize(Finalised(), log, "weakref").atexit = False
        next(attempts["stdlib"])
        stdlib.info("spoken: %s", Speaks())
        next(attempts["own"])
        own.info("spoken", value=Speaks())
        log("thread")
        time.sleep(0.0005)


def watch(seconds: float) -> None:
    """Be the main thread, which signals interrupt, until the time is over; a thread that stands still ends all."""
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        if min(beat[0] for beat in beats) > now - WATCHDOG / 2:
            faulthandler.dump_traceback_later(WATCHDOG, exit=True)
        for _ in range(20):
            log("main")
            handle.stats()
        handle.flush(0.05)
        time.sleep(0.002)


faulthandler.enable()
faulthandler.dump_traceback_later(WATCHDOG, exit=True)
gc.set_threshold(50, 5, 5)
alarms: list[None] = []
handle = fapilog_otel.configure(sources=[])
source_of_stdlib = fapilog_otel.install("stdlib")
own, stdlib = fapilog_otel.get_logger("storm.own"), logging.getLogger("storm.stdlib")
stopped = threading.Event()
collections = itertools.count()
gc.callbacks.append(on_collection)
signal.signal(signal.SIGALRM, on_alarm)
signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
beats = [[time.monotonic()] for _ in range(THREADS)]
threads = [threading.Thread(target=work, args=(beat,)) for beat in beats]
for thread in threads:
    thread.start()
watch(float(sys.argv[1]))
signal.setitimer(signal.ITIMER_REAL, 0.0)
stopped.set()
for thread in threads:
    thread.join()
gc.callbacks.remove(on_collection)
gc.collect()
flushed = handle.flush(10.0)
faulthandler.cancel_dump_traceback_later()
stats = handle.stats()
tried = sum(next(one) for one in attempts.values())
print(
    json.dumps(
        {
            "stats": asdict(stats),
            "balanced": stats.balanced,
            "flushed": flushed,
            "attempted": tried,
            "too_deep": source_of_stdlib.dropped,
            "sources": {name: next(one) for name, one in sources.items()},
        }
    )
)
