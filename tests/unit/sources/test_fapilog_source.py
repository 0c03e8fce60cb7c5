"""fapilog as a source and our sink in fapilog: what arrives, and that none of fapilog's traps loses an event."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from typing import Any

import fapilog
import pytest
from fapilog.core.logger import _LoggerMixin
from fapilog.core.presets import get_preset
from fapilog.core.worker import LoggerWorker
from fapilog.plugins import loader
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError
from fapilog_otel.model.record import Record
from fapilog_otel.settings import load_settings
from fapilog_otel.sources.fapilog import PLUGIN_METADATA, FapilogOtelSink, FapilogSource, find_traps
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel_exporters.memory import MemoryExporter

TRACER = TracerProvider().get_tracer("test")
EVENT: dict[str, Any] = {
    "timestamp": "2026-11-23T11:48:30.193Z", "level": "INFO", "message": "hello", "logger": "ep",
    "context": {"message_id": "m1", "correlation_id": None, "user_id": "u1",
                "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331", "trace_flags": "01"},
    "diagnostics": {"origin": "native", "service": "s", "env": "dev", "host": "vm", "pid": 1, "python": "3.11"},
    "data": {"region": "eu", "a": 1},
}  # fmt: skip


class Kept:
    """An application's own sink."""

    name = "kept"

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    async def write(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)


class Delivered:
    """A provider of ours that delivers into memory."""

    def __init__(self, **settings: Any) -> None:
        self.memory = MemoryExporter()
        settings = load_settings({"exporters": {"m": self.memory}, **settings}, environ={})
        self.provider = fo.LoggerProvider(settings=settings, shutdown_on_exit=False)

    @property
    def records(self) -> list[Record]:
        assert self.provider.force_flush(10_000)
        return list(self.memory.records)

    @property
    def bodies(self) -> list[Any]:
        return [record.body for record in self.records]


@pytest.fixture
def delivered() -> Iterator[Delivered]:
    made = Delivered()
    yield made
    made.provider.shutdown(1000)


@pytest.fixture
def sink(delivered: Delivered) -> Iterator[FapilogOtelSink]:
    made = FapilogOtelSink(provider=delivered.provider)
    yield made
    asyncio.run(made.stop())


@pytest.fixture
def installed(delivered: Delivered) -> Iterator[Delivered]:
    handle = FapilogSource().install(delivered.provider)
    yield delivered
    handle.uninstall()


@pytest.fixture
def logger() -> Iterator[Callable[..., Any]]:
    """Make a logger; drained at the end of the test."""
    made: list[Any] = []

    def make(*sinks: Any, core: Any = None, name: str = "shop", **settings: Any) -> Any:
        core = {"batch_timeout_seconds": 0.01, "atexit_drain_enabled": False, **(core or {})}
        options: dict[str, Any] = {"settings": fapilog.Settings(core=core, **settings)}
        if sinks:
            options["sinks"] = list(sinks)
        made.append(fapilog.get_logger(name, reuse=False, **options))
        return made[-1]

    yield make
    for one in made:
        drain(one)


def drain(log: Any) -> Any:
    return asyncio.run(log.stop_and_drain())


class TestTheEvent:
    def test_fields_go_where_opentelemetry_has_them(self) -> None:
        record = FapilogSource().to_record(EVENT)
        assert (record.body, record.scope.name) == ("hello", "ep")
        assert (record.severity_number, record.severity_text) == (9, "INFO")
        assert record.timestamp == 1795434510193000000
        assert (f"{record.trace_id:x}", f"{record.span_id:x}") == (
            "af7651916cd43dd8448eb211c80319c",
            "b7ad6b7169203331",
        )
        assert record.trace_flags == 1
        assert record.attributes == {"log.record.uid": "m1", "user_id": "u1", "region": "eu", "a": 1}

    @pytest.mark.parametrize(
        ("level", "number", "text"),
        [
            ("DEBUG", 5, "DEBUG"),
            ("WARNING", 13, "WARN"),
            ("CRITICAL", 21, "FATAL"),
            ("AUDIT", 22, "AUDIT"),
            ("SECURITY", 23, "SECURITY"),
            ("NOVEL", 9, "NOVEL"),
            (None, 9, "INFO"),
        ],
    )
    def test_levels_are_severities(self, level: Any, number: int, text: str) -> None:
        record = FapilogSource().to_record({**EVENT, "level": level})
        assert (record.severity_number, record.severity_text) == (number, text)

    def test_an_exception_has_its_attributes(self) -> None:
        exception = {"error.type": "KeyError", "error.message": "'k'", "error.stack": "Traceback", "error.frames": []}
        event = {**EVENT, "diagnostics": {"origin": "third_party", "exception": exception, "queue": 3}, "data": {}}
        attributes = dict(FapilogSource().to_record(event).attributes)
        assert attributes == {
            "log.record.uid": "m1", "user_id": "u1", "exception.type": "KeyError", "exception.message": "'k'",
            "exception.stacktrace": "Traceback", "queue": 3, "fapilog.origin": "third_party",
        }  # fmt: skip

    @pytest.mark.parametrize("key", [*EVENT])
    @pytest.mark.parametrize("value", [None, 7, "text", [], {"a": object()}])
    def test_nonsense_in_any_field_is_survived(self, key: str, value: Any) -> None:
        assert FapilogSource().to_record({**EVENT, key: value}).observed_timestamp

    def test_ids_that_are_none_stay_attributes(self) -> None:
        record = FapilogSource().to_record({**EVENT, "context": {"trace_id": "abc", "span_id": "zz"}})
        assert (record.trace_id, record.attributes["trace_id"]) == (0, "abc")

    def test_to_record_needs_an_event(self) -> None:
        with pytest.raises(TypeError, match="event of fapilog"):
            FapilogSource().to_record("text")


class TestTheSource:
    def test_every_loggers_events_arrive_once_and_its_sinks_get_theirs(self, installed: Delivered, logger: Any) -> None:
        kept = Kept()
        log = logger(kept)
        log.info("order", order_id="o-1")
        log.bind(user_id="u1").warning("slow")
        drain(log)
        order, slow = sorted(installed.records, key=lambda record: str(record.body))
        assert (order.body, order.attributes["order_id"]) == ("order", "o-1")
        assert (slow.body, slow.attributes["user_id"]) == ("slow", "u1")
        assert [entry["message"] for entry in kept.entries] == ["order", "slow"]

    def test_a_logger_with_our_sink_delivers_once(self, installed: Delivered, logger: Any) -> None:
        log = logger(FapilogOtelSink(provider=installed.provider))
        log.info("once")
        drain(log)
        assert installed.bodies == ["once"]

    def test_what_fapilogs_pipeline_did_is_seen(self, installed: Delivered, logger: Any) -> None:
        log = logger(Kept(), core={"log_level": "WARNING", "redactors": ["field_mask"]},
                     redactor_config={"field_mask": {"fields_to_mask": ["data.nickname"]}})  # fmt: skip
        log.info("filtered")
        log.warning("kept", nickname="bob")
        drain(log)
        assert installed.bodies == ["kept"]
        assert installed.records[0].attributes["nickname"] == "***"

    @pytest.mark.asyncio
    async def test_the_async_logger_is_captured_in_its_span(self, installed: Delivered) -> None:
        log = await fapilog.get_async_logger("async", sinks=[Kept()], reuse=False)
        with TRACER.start_as_current_span("s") as span:
            await log.info("x")
        await log.drain()
        (record,) = installed.records
        assert record.trace_id == span.get_span_context().trace_id

    def test_an_exception_is_captured(self, installed: Delivered, logger: Any) -> None:
        log = logger(Kept())
        try:
            raise KeyError("k")
        except KeyError:
            log.exception("failed")
        drain(log)
        assert installed.records[0].attributes["exception.type"] == "KeyError"

    def test_levels_are_gates(self, delivered: Delivered, logger: Any) -> None:
        handle = FapilogSource("ERROR", {"shop": "WARNING"}).install(delivered.provider)
        log, other = logger(Kept()), logger(Kept(), name="other")
        for one in (log, other):
            one.info("info")
            one.warning("warning")
            one.error("error")
            drain(one)
        handle.uninstall()
        found = {(record.scope.name, record.body) for record in delivered.records}
        assert found == {("shop", "warning"), ("shop", "error"), ("other", "error")}
        assert len(delivered.records) == 3

    def test_uninstalling_restores_fapilog(self, delivered: Delivered) -> None:
        def state() -> tuple[Any, ...]:
            return dict(vars(_LoggerMixin)), dict(vars(LoggerWorker)), dict(loader.BUILTIN_SINKS)

        before = state()
        handle = FapilogSource().install(delivered.provider)
        assert state() != before
        assert FapilogSource().install(delivered.provider) is handle
        with pytest.raises(ConfigError, match="installed already"):
            FapilogSource("ERROR").install(delivered.provider)
        handle.uninstall()
        handle.uninstall()
        assert state() == before

    def test_configure_and_install_know_it(self, logger: Any) -> None:
        memory = MemoryExporter()
        with fo.configure(exporters={"m": memory}, sources=[]) as handle:
            fo.install("fapilog")
            log = logger(Kept())
            log.info("x")
            drain(log)
            assert handle.flush(5)
            assert [record.body for record in memory.records] == ["x"]
        assert "_prepare_payload" in vars(_LoggerMixin)
        assert not hasattr(vars(_LoggerMixin)["_prepare_payload"], "__wrapped__")


class TestTheTraps:
    """One test a trap, in the order of the page on fapilog."""

    def test_1_an_event_has_the_span_of_its_call_not_of_the_worker(
        self, delivered: Delivered, sink: FapilogOtelSink, logger: Any
    ) -> None:
        kept = Kept()
        log = logger(kept, sink)
        with TRACER.start_as_current_span("s") as span:
            log.info("within")
            log.info("mine", trace_id="f" * 32, span_id="e" * 16)
        log.info("without")
        drain(log)
        context = span.get_span_context()
        assert [(record.trace_id, record.span_id) for record in delivered.records] == [
            (context.trace_id, context.span_id), (int("f" * 32, 16), int("e" * 16, 16)), (0, 0),
        ]  # fmt: skip
        assert kept.entries[0]["context"]["trace_id"] == f"{context.trace_id:032x}"
        assert "trace_id" not in kept.entries[2]["context"]

    def test_2_draining_flushes_the_sink_although_it_is_never_stopped(self, logger: Any) -> None:
        delivered = Delivered(schedule_delay=60)
        sink = FapilogOtelSink(provider=delivered.provider)
        log = logger(sink)
        log.info("x")
        drain(log)
        assert [record.body for record in delivered.memory.records] == ["x"]
        assert asyncio.run(sink.health_check())  # nobody has stopped it
        asyncio.run(sink.stop())
        assert not asyncio.run(sink.health_check())
        delivered.provider.shutdown(1000)

    @pytest.mark.parametrize("ending", ["", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"])
    @pytest.mark.parametrize("way", [
        "sink = FapilogOtelSink(endpoint=ENDPOINT, schedule_delay=60)",
        "sink = FapilogOtelSink(); fo.configure(endpoint=ENDPOINT, schedule_delay=60)",
        "sink = Quiet(); fo.configure(endpoint=ENDPOINT, schedule_delay=60); fo.install('fapilog')",
    ])  # fmt: skip
    def test_2_leaving_the_process_flushes_it_too(self, closed_over_receiver: Any, way: str, ending: str) -> None:
        code = f"""
            import fapilog
            import fapilog_otel as fo
            from fapilog_otel.sources.fapilog import FapilogOtelSink

            class Quiet:
                name = "quiet"
                async def write(self, entry): pass

            fapilog.get_logger("early", sinks=[Quiet()]).info("early")  # fapilog registers for exit at its first event
            {way}
            fapilog.get_logger("shop", sinks=[sink]).info("at exit")
            {ending}
        """
        arrived = closed_over_receiver(code)
        assert arrived.count("at exit") == 1
        assert set(arrived) <= {"early", "at exit"}  # what waits in fapilog when we are installed may be captured too

    def test_3_a_sink_that_is_not_allowed_is_told_of_and_install_makes_it_built_in(
        self, delivered: Delivered, logger: Any, capfd: pytest.CaptureFixture[str]
    ) -> None:
        settings = fapilog.Settings(core={"sinks": ["fapilog_otel"]})
        (told,) = find_traps(settings)
        assert "allow_external" in told
        assert "allow_external" in capfd.readouterr().err
        log = logger(core={"sinks": ["fapilog_otel"]})
        assert [type(one).__name__ for one in log._sinks] != ["FapilogOtelSink"]  # the trap itself
        assert not find_traps(fapilog.Settings(core={"sinks": ["fapilog_otel"]}, plugins={"allow_external": True}))
        handle = FapilogSource().install(delivered.provider)
        try:
            assert find_traps(settings) == []
            built = logger(core={"sinks": ["fapilog_otel"]})
            assert [type(one).__name__ for one in built._sinks] == ["FapilogOtelSink"]
        finally:
            handle.uninstall()

    def test_3_the_entry_point_is_found_where_external_plugins_are_allowed(self, logger: Any) -> None:
        log = logger(core={"sinks": ["fapilog_otel"]}, plugins={"allow_external": True},
                     sink_config={"extra": {"fapilog_otel": {"service_name": "shop"}}})  # fmt: skip
        (sink,) = log._sinks
        assert isinstance(sink, FapilogOtelSink)
        assert sink._settings == {"service_name": "shop"}

    def test_4_events_that_are_serialised_before_they_are_written_arrive(
        self, delivered: Delivered, sink: FapilogOtelSink, logger: Any
    ) -> None:
        log = logger(sink, core={"serialize_in_flush": True})
        with TRACER.start_as_current_span("s") as span:
            log.info("x", a=1)
        drain(log)
        (record,) = delivered.records
        assert (record.body, record.attributes["a"], record.scope.name) == ("x", 1, "shop")
        assert record.trace_id == span.get_span_context().trace_id

    def test_4_what_a_processor_made_of_them_arrives_as_bytes(
        self, delivered: Delivered, sink: FapilogOtelSink
    ) -> None:
        with get_diagnostics().collected() as lines:
            assert asyncio.run(sink.write_serialized(memoryview(b"\x1f\x8bnot json")))
        assert lines == ["a processor of fapilog makes no JSON; sent as bytes"]
        assert delivered.bodies == [b"\x1f\x8bnot json"]

    def test_4_no_error_of_ours_looks_like_a_missing_method(self, sink: FapilogOtelSink) -> None:
        def broken(_: str) -> Any:
            raise AttributeError("bug")

        sink._provider = type("P", (), {"get_logger": staticmethod(broken)})()
        with get_diagnostics().collected() as lines:
            assert asyncio.run(sink.write_serialized(b'{"log": {"message": "x"}}')) is False
            assert asyncio.run(sink.write({"message": "x"})) is False
        assert lines == ["an event of fapilog was not captured (error=AttributeError)"] * 2
        assert sink.failed == 2
        sink._provider = Delivered().provider

    def test_5_what_became_of_events_is_in_our_own_numbers(self, closed_port: int, logger: Any) -> None:
        sink = FapilogOtelSink(endpoint=f"http://127.0.0.1:{closed_port}", shutdown_timeout=0.2)
        log = logger(sink)
        log.info("x")
        drained = drain(log)
        assert drained.processed == 1
        stats = sink.stats()
        assert (stats.submitted, stats.delivered, stats.in_flight) == (1, 0, 1)
        asyncio.run(sink.stop())
        assert sink.stats().dropped + sink.stats().failed == 1

    def test_6_protected_levels_are_protected_in_our_queue_and_time_tells_the_order(
        self, delivered: Delivered, sink: FapilogOtelSink, logger: Any
    ) -> None:
        log = logger(sink)
        methods = ["info", "error", "audit", "info", "security", "critical"]
        for method in methods:
            getattr(log, method)(method)
            time.sleep(0.002)  # fapilog's times are milliseconds
        drain(log)
        in_order = sorted(delivered.records, key=lambda record: record.timestamp)
        assert [record.body for record in in_order] == methods
        protected = {record.body for record in in_order if record.severity_number >= 17}
        assert protected == {"error", "audit", "security", "critical"}

    def test_7_shedding_that_fapilog_does_not_count_is_told_of(self) -> None:
        settings = fapilog.Settings(adaptive=get_preset("production")["adaptive"])
        assert any("sheds INFO" in told for told in find_traps(settings, report=False))
        calm = fapilog.Settings(adaptive={"enabled": True, "filter_tightening": False})
        assert find_traps(calm, report=False) == []

    def test_8_our_loggers_are_ones_that_fapilogs_bridge_ignores(self, installed: Delivered, logger: Any) -> None:
        from fapilog.core.stdlib_bridge import StdlibBridgeHandler

        log = logger(Kept())
        handler = StdlibBridgeHandler(log)
        for name in ("fapilog_otel.delivery", "shop"):
            handler.emit(logging.LogRecord(name, 20, __file__, 1, name, None, None))
        drain(log)
        assert installed.bodies == ["shop"]
        names = _logger_names()
        assert all(name.startswith("fapilog_otel") for name in names), names

    def test_9_an_allow_list_that_blocks_built_in_redactors_is_told_of(self) -> None:
        settings = fapilog.Settings(core={"sinks": ["fapilog_otel"], "redactors": ["field_mask", "url_credentials"]},
                                    plugins={"allowlist": ["fapilog_otel", "field_mask"]})  # fmt: skip
        told = find_traps(settings, report=False)
        assert any("redactors" in one and "url_credentials" in one and "field_mask" not in one for one in told)

    def test_10_writing_neither_waits_nor_sends(self, closed_port: int) -> None:
        sink = FapilogOtelSink(endpoint=f"http://127.0.0.1:{closed_port}", shutdown_timeout=0.1)
        write = sink.write(dict(EVENT))
        with pytest.raises(StopIteration) as done:
            write.send(None)  # it ends without having suspended once
        assert done.value.value is True
        assert sink.stats().submitted == 1
        asyncio.run(sink.stop())


class TestTheSink:
    def test_a_setting_that_cannot_be_used_is_said(self, capfd: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(ConfigError):
            FapilogOtelSink({"endpint": "http://localhost:4318"})
        assert "the sink fapilog_otel is refused" in capfd.readouterr().err

    def test_its_settings_may_stand_in_a_config_of_its_own(self) -> None:
        sink = FapilogOtelSink({"config": {"service_name": "a"}}, endpoint="http://localhost:1")
        assert sink._settings == {"service_name": "a", "endpoint": "http://localhost:1"}

    def test_without_settings_it_delivers_where_configure_does(self, logger: Any) -> None:
        memory = MemoryExporter()
        with fo.configure(exporters={"m": memory}, sources=[]) as handle:
            log = logger(FapilogOtelSink())
            log.info("x")
            drain(log)
            assert handle.flush(5)
        assert [record.body for record in memory.records] == ["x"]

    def test_its_metadata_suit_it(self) -> None:
        (point,) = importlib.metadata.entry_points(group="fapilog.sinks", name="fapilog_otel")
        assert point.load() is FapilogOtelSink
        assert PLUGIN_METADATA["name"] == FapilogOtelSink.name == "fapilog_otel"
        from fapilog.testing.validators import validate_sink

        assert validate_sink(FapilogOtelSink()).valid

    def test_the_version_is_one_that_is_named_in_the_extra(self) -> None:
        requires = importlib.metadata.requires("fapilog-otel") or []
        (named,) = {line.partition(";")[0].strip() for line in requires if re.match(r"fapilog[<>=]", line)}
        assert named in {"fapilog<0.19,>=0.18", "fapilog>=0.18,<0.19"}
        assert importlib.metadata.version("fapilog").startswith("0.18.")


@pytest.fixture
def closed_over_receiver() -> Callable[[str], list[Any]]:
    """Run code in a process that sends to a receiver, and give the bodies that arrived."""
    from fapilog_otel.receiver import OtlpReceiver

    def run(code: str) -> list[Any]:
        with OtlpReceiver() as receiver:
            text = f"ENDPOINT = {receiver.http_endpoint!r}\n{textwrap.dedent(code)}"
            done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode in {0, -15}, done.stderr
            return [log.body for log in receiver.logs]

    return run


@pytest.fixture
def closed_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _logger_names() -> list[str]:
    """Names that our own code gives to loggers of ``logging``."""
    from pathlib import Path

    root = Path(fo.__file__).parent
    found = [re.findall(r"logging\.getLogger\(\"([^\"]+)\"\)", path.read_text()) for path in root.rglob("*.py")]
    return [name for names in found for name in names]
