"""The compiled way of loguru's plain records: what it writes is what the Python way writes."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from loguru import logger
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel as fo
from fapilog_otel.encode.select import NATIVE
from fapilog_otel.settings import load_settings
from fapilog_otel.sources.loguru import LoguruSource, capture
from fapilog_otel.telemetry.origin import exporting
from fapilog_otel_exporters.memory import MemoryExporter

TRACER = TracerProvider().get_tracer("test")

pytestmark = pytest.mark.skipif(not NATIVE, reason="this run is about the Python encoder")


class Odd:
    def __str__(self) -> str:
        return "odd"


def earlier(record: Any) -> None:
    record["time"] = dt.datetime(2001, 2, 3, 4, 5, 6, 789_012, tzinfo=dt.timezone(dt.timedelta(hours=-7)))


def naive(record: Any) -> None:
    record["time"] = dt.datetime(2001, 2, 3)  # noqa: DTZ001


def before_the_epoch(record: Any) -> None:
    record["time"] = dt.datetime(1901, 2, 3, tzinfo=dt.timezone.utc)


def no_time(record: Any) -> None:
    record["time"] = "noon"


def no_name(record: Any) -> None:
    record["name"] = None


def no_file(record: Any) -> None:
    record["file"] = None


def odd_extra(record: Any) -> None:
    record["extra"] = [1]


PATCHERS = (earlier, naive, before_the_epoch, no_time, no_name, no_file, odd_extra)


def calls() -> list[Callable[[], object]]:
    return [
        lambda: logger.info("plain {}", 1, number=1, share=0.5, done=True, nothing=None, text="é\ud800"),
        lambda: logger.bind(user="u1").warning("bound"),
        lambda: logger.bind(**{"event.name": "order.placed"}).info("named"),
        lambda: logger.bind(otelTraceID="0", trace_id="mine").info("trace keys"),
        lambda: logger.bind(odd=Odd(), rows=[1, 2], big=1 << 70).error("odd values"),
        lambda: logger.bind(**{"code.file.path": "mine"}).critical("code of the caller's"),
        lambda: logger.log(25, "a number"),
        lambda: logger.log("TRACE", "below"),
        lambda: logger.success("between"),
        lambda: logger.opt(exception=ValueError("given")).error("exception"),
        lambda: logger.opt(lazy=True).info("lazy {}", lambda: "value"),
        lambda: logger.opt(colors=True).info("<red>coloured</red>"),
        *(lambda patcher=patcher: logger.patch(patcher).info(patcher.__name__) for patcher in PATCHERS),
    ]


def run(monkeypatch: pytest.MonkeyPatch, *, native: bool, **options: Any) -> list[Any]:
    """Make the calls and give the records, without what differs from one call to the next."""
    if not native:
        monkeypatch.setattr(capture, "plain_records", lambda *_: None)
    memory = MemoryExporter()
    settings = load_settings({"exporters": {"m": memory}}, environ={})
    provider = fo.LoggerProvider(settings=settings, shutdown_on_exit=False)
    handle = LoguruSource(**options).install(provider)
    try:
        with TRACER.start_as_current_span("s") as span:
            for call in calls():
                call()
        assert provider.force_flush(10_000)
        assert (handle.failed, handle.dropped) == (0, 0)
    finally:
        handle.uninstall()
        provider.shutdown(1000)
        monkeypatch.undo()
    ours = span.get_span_context()
    assert {(record.trace_id, record.span_id) for record in memory.records} == {(ours.trace_id, ours.span_id)}
    year = 10**9 * 86_400 * 365
    return [
        (
            record.scope.name, record.timestamp if record.timestamp < 50 * year else "now", record.severity_number,
            record.severity_text, record.body, dict(record.attributes), record.event_name,
        )
        for record in memory.records
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def no_sinks() -> Iterator[None]:
    logger.remove()
    yield
    logger.remove()


class TestBothWays:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"level": "TRACE"},
            {"levels": {__name__: "ERROR"}},
            {"code_attributes": False},
            {"thread_attributes": True},
        ],
        ids=str,
    )
    def test_write_the_same(self, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
        native = run(monkeypatch, native=True, **options)
        assert native == run(monkeypatch, native=False, **options)
        assert len(native) >= 3

    def test_a_time_of_the_patchers_is_exact(self, monkeypatch: pytest.MonkeyPatch) -> None:
        written = {body: time for _, time, _, _, body, _, _ in run(monkeypatch, native=True)}
        assert written["earlier"] == 981_198_306_789_012_000


class TestTheCompiledWay:
    def test_what_our_own_exporting_logs_is_left_out(self) -> None:
        memory = MemoryExporter()
        settings = load_settings({"exporters": {"m": memory}}, environ={})
        provider = fo.LoggerProvider(settings=settings, shutdown_on_exit=False)
        handle = LoguruSource().install(provider)
        with exporting():
            logger.info("within")
        logger.info("outside")
        handle.uninstall()
        assert provider.force_flush(10_000)
        provider.shutdown(1000)
        assert [record.body for record in memory.records] == ["outside"]

    def test_a_level_whose_name_changes_is_told_anew(self) -> None:
        memory = MemoryExporter()
        settings = load_settings({"exporters": {"m": memory}}, environ={})
        provider = fo.LoggerProvider(settings=settings, shutdown_on_exit=False)
        handle = LoguruSource().install(provider)

        def renamed(record: Any) -> None:
            record["level"] = type(record["level"])("NOTICE", 20, "")

        logger.info("one")
        logger.patch(renamed).info("two")
        logger.info("three")
        handle.uninstall()
        assert provider.force_flush(10_000)
        provider.shutdown(1000)
        texts = {record.body: record.severity_text for record in memory.records}
        assert (texts["one"], texts["three"]) == ("INFO", "INFO")
        assert logging.getLevelName(20) == "INFO"
        assert texts["two"] != "INFO"
