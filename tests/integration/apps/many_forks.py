"""Forks again and again, from one thread or several, beside as many that log; each child logs ten."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

import fapilog_otel

EACH = 10
CHILD_SECONDS = 20


class Bridge:
    """What ``configure()`` makes."""

    def __init__(self) -> None:
        self._handle = fapilog_otel.configure(sources=[])
        self._logger = fapilog_otel.get_logger("shop")

    def log(self, side: str, index: int) -> None:
        self._logger.info("order placed", side=side, index=index)

    def flush(self) -> bool:
        return self._handle.flush(10.0)

    def delivered(self, count: int) -> bool:
        stats = self._handle.stats()
        return stats.balanced and stats.delivered == stats.submitted == count


class ExporterFace:
    """Our exporter under the stock provider and batch processor."""

    def __init__(self) -> None:
        provider = LoggerProvider()
        exporter = fapilog_otel.FapilogLogRecordExporter()
        provider.add_log_record_processor(
            BatchLogRecordProcessor(exporter, schedule_delay_millis=20, max_queue_size=1_000_000)
        )
        self._provider = provider
        self._logger = provider.get_logger("shop")

    def log(self, side: str, index: int) -> None:
        self._logger.emit(body="order placed", attributes={"side": side, "index": index})

    def flush(self) -> bool:
        return self._provider.force_flush(10_000)

    def delivered(self, count: int) -> bool:
        return True  # the stock processor keeps no account


def log_beside(side: str) -> None:
    while not done.wait(0.005):
        for _ in range(40 // forkers):
            face.log(side, written[side])
            written[side] += 1


def fork_each(numbers: range) -> None:
    for number in numbers:
        if (pid := os.fork()) == 0:
            os._exit(in_child(number))
        ends[number] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def in_child(fork: int) -> int:
    signal.alarm(CHILD_SECONDS)  # a child that hangs ends by a signal, and not with the test's own patience
    for index in range(EACH):
        face.log(f"child{fork}", index)
    return 0 if face.flush() and face.delivered(EACH) else 1


faulthandler.enable()
forks, forkers = int(sys.argv[1]), int(sys.argv[3])
face = Bridge() if sys.argv[2] == "bridge" else ExporterFace()
sides = ["parent", *(f"parent{number}" for number in range(1, forkers))]
written = dict.fromkeys(sides, 0)
done = threading.Event()
ends: dict[int, int] = {}
beside = [threading.Thread(target=log_beside, args=(side,)) for side in sides]
forking = [threading.Thread(target=fork_each, args=(range(first, forks, forkers),)) for first in range(1, forkers)]
for thread in (*beside, *forking):
    thread.start()
fork_each(range(0, forks, forkers))
for thread in forking:
    thread.join()
done.set()
for thread in beside:
    thread.join()
flushed = face.flush()
said = {"written": written, "flushed": flushed, "delivered": face.delivered(sum(written.values()))}
print(json.dumps({"ends": [ends[number] for number in range(forks)], **said}))
