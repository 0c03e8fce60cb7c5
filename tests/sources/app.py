"""Logs through one library from every place that code runs in, each record in a span of its own.

Run as ``app.py SOURCE`` with the endpoint in the environment; says in JSON lines which record is in which span.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import faulthandler
import json
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel

NUMBERS = range(int(os.environ["RECORDS"]))
SIDES = 4  # threads, tasks, processes at once
BODY = "order placed"

Log = Callable[[str, int], object]


def stdlib() -> Log:
    import logging

    logging.getLogger().setLevel(logging.INFO)
    logger = logging.getLogger("shop.orders")
    return lambda place, number: logger.info(BODY, extra={"place": place, "number": number})


def structlog() -> Log:
    import structlog

    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    logger = structlog.get_logger("shop.orders")
    return lambda place, number: logger.info(BODY, place=place, number=number)


def loguru() -> Log:
    from loguru import logger

    logger.remove()
    return lambda place, number: logger.bind(place=place, number=number).info(BODY)


class Fapilog:
    """A logger of fapilog's; drained, it is of no more use, and another one is made."""

    def __init__(self) -> None:
        self._logger: Any = None

    def __call__(self, place: str, number: int) -> None:
        if self._logger is None:
            import fapilog

            self._logger = fapilog.get_logger("shop.orders", sinks=[Nowhere()])
        self._logger.info(BODY, place=place, number=number)

    def drain(self) -> None:
        if self._logger is not None:
            asyncio.run(self._logger.stop_and_drain())
            self._logger = None


class Nowhere:
    """A sink of an application that keeps nothing."""

    name = "nowhere"

    async def write(self, entry: dict[str, Any]) -> None: ...


def api() -> Log:
    from opentelemetry._logs import SeverityNumber, get_logger

    logger = get_logger("shop.orders")
    return lambda place, number: logger.emit(
        body=BODY, severity_number=SeverityNumber.INFO, attributes={"place": place, "number": number}
    )


def own() -> Log:
    logger = fapilog_otel.get_logger("shop.orders")
    return lambda place, number: logger.info(BODY, place=place, number=number)


MAKERS: dict[str, Callable[[], Log]] = {
    "stdlib": stdlib, "structlog": structlog, "loguru": loguru, "fapilog": Fapilog, "api": api, "own": own,
}  # fmt: skip


class Writer:
    """Writes records, and says which span each belongs to."""

    def __init__(self, source: str) -> None:
        self.source = source
        taken = [source] if source in ("stdlib", "structlog", "loguru", "fapilog") else []
        self.handle = fapilog_otel.configure(sources=taken)
        self.tracer = TracerProvider().get_tracer("shop")
        self.log = MAKERS[source]()

    def one(self, place: str, number: int) -> dict[str, Any]:
        with self.tracer.start_as_current_span(place):
            return self.within(place, number)

    def within(self, place: str, number: int) -> dict[str, Any]:
        context = trace.get_current_span().get_span_context()
        self.log(place, number)
        return {
            "place": place, "number": number,
            "trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}",
        }  # fmt: skip

    async def in_task(self, number: int) -> dict[str, Any]:
        with self.tracer.start_as_current_span("task"):
            await asyncio.sleep(0)  # the others run between a span's start and its record
            said = self.within("task", number)
            await asyncio.sleep(0)
            return said

    def end(self) -> bool:
        if isinstance(self.log, Fapilog):
            self.log.drain()
        return self.handle.flush(20)


def calls(writer: Writer) -> list[dict[str, Any]]:
    return [writer.one("call", number) for number in NUMBERS]


def threads(writer: Writer) -> list[dict[str, Any]]:
    together = threading.Barrier(SIDES)
    said: list[dict[str, Any]] = []

    def run(numbers: range) -> None:
        together.wait()
        said.extend([writer.one("thread", number) for number in numbers])

    started = [threading.Thread(target=run, args=(NUMBERS[side::SIDES],)) for side in range(SIDES)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return said


def tasks(writer: Writer) -> list[dict[str, Any]]:
    async def gather() -> list[dict[str, Any]]:
        return list(await asyncio.gather(*map(writer.in_task, NUMBERS)))

    return asyncio.run(gather())


_writer: Writer | None = None


def begin(source: str | None) -> None:
    """In a worker: a forked one has its parent's writer, a spawned one makes its own."""
    global _writer
    if source is not None:
        _writer = Writer(source)


def work(place: str, numbers: list[int]) -> list[dict[str, Any]]:
    assert _writer is not None
    said = [_writer.one(place, number) for number in numbers]
    assert _writer.end()
    return said


def workers(writer: Writer, place: str, method: str) -> list[dict[str, Any]]:
    global _writer
    _writer = writer
    with concurrent.futures.ProcessPoolExecutor(
        2,
        mp_context=multiprocessing.get_context(method),
        initializer=begin,
        initargs=(writer.source if method == "spawn" else None,),
    ) as executor:
        shares = [executor.submit(work, place, list(NUMBERS[side::SIDES])) for side in range(SIDES)]
        return [said for share in shares for said in share.result(60)]


def main() -> None:
    faulthandler.enable()
    writer = Writer(sys.argv[1])
    said = [
        *calls(writer),
        *threads(writer),
        *tasks(writer),
        *workers(writer, "forked", "fork"),
        *workers(writer, "spawned", "spawn"),
    ]
    assert writer.end()
    for one in said:
        print(json.dumps(one))


if __name__ == "__main__":
    main()
