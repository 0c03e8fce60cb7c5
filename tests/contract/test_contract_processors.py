"""Processors attached to our provider see SDK records before the pipeline does, and what they change counts."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import (
    ConcurrentMultiLogRecordProcessor,
    LogRecordLimits,
    LogRecordProcessor,
    ReadWriteLogRecord,
    SynchronousMultiLogRecordProcessor,
)
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, SimpleLogRecordProcessor

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError
from fapilog_otel_exporters.memory import MemoryExporter
from tests.contract.faces_support import TRACER, Closing, KeepingExporter, delivered


class Recording(LogRecordProcessor):
    """Keeps what it sees; does to each record what it is told."""

    def __init__(self, change: Any = None) -> None:
        self.seen: list[Any] = []
        self.threads: list[int] = []
        self.flushes: list[int] = []
        self.shutdowns = 0
        self._change = change

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self.threads.append(threading.get_ident())
        self.seen.append(log_record)
        if self._change is not None:
            self._change(log_record)

    def shutdown(self) -> None:
        self.shutdowns += 1

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        self.flushes.append(timeout_millis)
        return True


def attached(provider: fo.LoggerProvider, *processors: Any) -> Any:
    for processor in processors:
        provider.add_log_record_processor(processor)
    return processors[0]


class TestWhatAProcessorSees:
    def test_an_sdk_record_with_every_field(self, provider: fo.LoggerProvider) -> None:
        processor = attached(provider, Recording())
        with TRACER.start_as_current_span("work") as span:
            provider.get_logger("shop", "1", "https://schema", {"team": "a"}).emit(
                timestamp=1, observed_timestamp=2, severity_number=SeverityNumber.WARN, severity_text="W",
                body={"a": [1]}, attributes={"k": "v"}, event_name="e",
            )  # fmt: skip
        (seen,) = processor.seen
        assert isinstance(seen, ReadWriteLogRecord)
        record = seen.log_record
        assert (record.timestamp, record.observed_timestamp) == (1, 2)
        assert (record.severity_number, record.severity_text) == (SeverityNumber.WARN, "W")
        assert (record.body, dict(record.attributes), record.event_name) == ({"a": [1]}, {"k": "v"}, "e")
        assert record.span_id == span.get_span_context().span_id
        assert record.trace_id == span.get_span_context().trace_id
        assert seen.resource is provider.resource
        scope = seen.instrumentation_scope
        assert (scope.name, scope.version, scope.schema_url, dict(scope.attributes)) == (
            "shop", "1", "https://schema", {"team": "a"},
        )  # fmt: skip

    def test_what_is_absent_is_none_as_in_the_sdk(self, provider: fo.LoggerProvider) -> None:
        processor = attached(provider, Recording())
        provider.get_logger("shop").emit(body="x")
        record = processor.seen[0].log_record
        assert (record.timestamp, record.severity_number, record.severity_text, record.event_name) == (None,) * 4
        assert record.context is not None

    def test_they_are_called_in_order_on_the_callers_thread(self, provider: fo.LoggerProvider) -> None:
        order: list[str] = []
        first = Recording(lambda _: order.append("first"))
        attached(provider, first, Recording(lambda _: order.append("second")))
        provider.get_logger("shop").emit(body="x")
        assert order == ["first", "second"]
        assert first.threads == [threading.get_ident()]

    def test_one_added_while_in_use_sees_what_follows(self, provider: fo.LoggerProvider) -> None:
        logger = provider.get_logger("shop")
        early = attached(provider, Recording())
        logger.emit(body="first")
        late = attached(provider, Recording())
        logger.emit(body="second")
        assert [one.log_record.body for one in early.seen] == ["first", "second"]
        assert [one.log_record.body for one in late.seen] == ["second"]

    def test_level_methods_reach_them_too_with_bound_attributes(self, provider: fo.LoggerProvider) -> None:
        processor = attached(provider, Recording())
        logger: Any = provider.get_logger("shop")
        with fo.bound_context(request="r1"):
            logger.bind(user="u1").warning("slow %s", "call", n=1)
        record = processor.seen[0].log_record
        assert record.body == "slow call"
        assert dict(record.attributes) == {"request": "r1", "user": "u1", "n": 1}
        assert record.timestamp is not None

    def test_no_sdk_object_is_made_without_one(self, provider: fo.LoggerProvider, monkeypatch: Any) -> None:
        def fail(*args: Any, **kwargs: Any) -> None:
            raise AssertionError("an SDK record was made")

        monkeypatch.setattr(ReadWriteLogRecord, "__init__", fail)
        provider.get_logger("shop").emit(body="x")
        assert provider.force_flush(5_000)
        assert provider.stats().delivered == 1

    def test_a_duck_typed_one_is_enough(self, provider: fo.LoggerProvider, memory: MemoryExporter) -> None:
        class Duck:
            def on_emit(self, log_record: Any) -> None:
                log_record.log_record.body = "quack"

        provider.add_log_record_processor(Duck())
        provider.get_logger("shop").emit(body="x")
        (record,) = memory_records(provider, memory)
        assert record.body == "quack"
        assert provider.get_logger("shop").enabled()

    def test_what_is_none_is_refused(self, provider: fo.LoggerProvider) -> None:
        with pytest.raises(ConfigError, match="on_emit"):
            provider.add_log_record_processor(object())


def memory_records(provider: fo.LoggerProvider, memory: MemoryExporter) -> tuple[fo.Record, ...]:
    """Deliver what is pending; a duck without force_flush makes the flush as a whole fail."""
    assert provider.engine is not None
    assert provider.engine.flush(5.0)
    return memory.records


class TestChanges:
    def test_what_they_change_is_what_is_delivered(self, provider: fo.LoggerProvider, memory: MemoryExporter) -> None:
        def change(one: Any) -> None:
            record = one.log_record
            record.body = "changed"
            record.attributes["added"] = [1, "x"]
            del record.attributes["gone"]
            record.severity_number = SeverityNumber.ERROR
            record.severity_text = "E"
            record.event_name = "renamed"
            record.trace_id, record.span_id = 7, 8

        attached(provider, Recording(change))
        provider.get_logger("shop").emit(body="x", attributes={"gone": 1, "kept": 2})
        (record,) = delivered(provider, memory)
        assert record.body == "changed"
        assert dict(record.attributes) == {"kept": 2, "added": [1, "x"]}
        assert (record.severity_number, record.severity_text, record.event_name) == (17, "E", "renamed")
        assert (record.trace_id, record.span_id) == (7, 8)

    def test_an_exception_that_they_take_away_stays_away(
        self, provider: fo.LoggerProvider, memory: MemoryExporter
    ) -> None:
        attached(provider, Recording(lambda one: one.log_record.attributes.pop("exception.stacktrace")))
        provider.get_logger("shop").emit(body="x", exception=ValueError("boom"))
        (record,) = delivered(provider, memory)
        assert "exception.stacktrace" not in record.attributes
        assert record.attributes["exception.message"] == "boom"

    def test_redaction_comes_after_them(self, provider: fo.LoggerProvider, memory: MemoryExporter) -> None:
        attached(provider, Recording(lambda one: one.log_record.attributes.update(password="hunter2")))
        provider.get_logger("shop").emit(body="x")
        assert delivered(provider, memory)[0].attributes["password"] == "***"

    def test_the_callers_values_are_left_alone(self, provider: fo.LoggerProvider) -> None:
        attributes, body = {"k": [1]}, {"b": [1]}

        def change(one: Any) -> None:
            one.log_record.attributes["more"] = 1
            one.log_record.body["b"].append(2)

        attached(provider, Recording(change))
        provider.get_logger("shop").emit(body=body, attributes=attributes)
        assert (attributes, body) == ({"k": [1]}, {"b": [1]})

    @pytest.mark.parametrize("odd", [None, {}, {"a": object()}, "text", 5])
    def test_whatever_they_leave_behind_is_delivered(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, odd: Any
    ) -> None:
        attached(provider, Recording(lambda one: setattr(one.log_record, "attributes", odd)))
        provider.get_logger("shop").emit(body="x", attributes={"k": 1})
        assert [record.body for record in delivered(provider, memory)] == ["x"]

    def test_a_resource_or_scope_that_they_replace_is_sent(
        self, provider: fo.LoggerProvider, memory: MemoryExporter
    ) -> None:
        from opentelemetry.sdk.resources import Resource

        attached(provider, Recording(lambda one: setattr(one, "resource", Resource({"moved": "yes"}))))
        provider.get_logger("shop").emit(body="x")
        assert dict(delivered(provider, memory)[0].scope.resource.attributes) == {"moved": "yes"}


Limiting: TypeAlias = "Callable[..., tuple[fo.LoggerProvider, Callable[[], list[fo.Record]]]]"


class TestLimits:
    @pytest.fixture
    def limiting(self, memory: MemoryExporter, closing: Closing) -> Limiting:
        """Makes a provider whose texts are cut to 20 characters, and what reads its delivered records."""

        def make(**more: Any) -> tuple[fo.LoggerProvider, Callable[[], list[fo.Record]]]:
            settings = fo.Settings(exporters={"memory": memory}, limits={"value_length": 20}, **more)
            provider = closing(fo.LoggerProvider(settings=settings))
            return provider, lambda: delivered(provider, memory)

        return make

    @pytest.fixture
    def limited(self, memory: MemoryExporter, closing: Closing) -> fo.LoggerProvider:
        limits = LogRecordLimits(max_log_record_attributes=3, max_log_record_attribute_length=4)
        settings = fo.Settings(exporters={"memory": memory})
        return closing(fo.LoggerProvider(log_record_limits=limits, settings=settings))

    def test_they_are_applied_before_a_processor_sees_the_record(self, limited: fo.LoggerProvider) -> None:
        processor = attached(limited, Recording())
        limited.get_logger("shop").emit(attributes={"a": "123456", "b": b"123456", "c": 1, "d": 2, "e": 3})
        (seen,) = processor.seen
        assert dict(seen.log_record.attributes) == {"a": "1234", "b": b"1234", "c": 1}
        assert seen.dropped_attributes == 2
        assert seen.limits.max_log_record_attributes == 3

    URL = "postgres://u:hunter2zz@host/db"

    def test_a_text_to_be_cut_is_redacted_first(self, limiting: Limiting) -> None:
        provider, records = limiting()
        processor = attached(provider, Recording())
        provider.get_logger("shop").emit(attributes={"a": self.URL, "n": {"q": [self.URL]}, "b": self.URL.encode()})
        provider.get_logger("shop").emit(exception=ValueError(self.URL))
        seen = dict(processor.seen[0].log_record.attributes)
        assert seen["a"] == "postgres://u:***@hos"
        assert seen["n"] == {"q": ("postgres://u:***@hos",)}
        assert [dict(one.attributes).get("a") for one in records()] == ["postgres://u:***@hos", None]
        assert all("hunter2" not in repr({**one.attributes, "b": 0}) for one in records())

    def test_what_a_processor_adds_is_cut_after_redaction_only(self, limiting: Limiting) -> None:
        provider, records = limiting()
        attached(provider, Recording(lambda one: one.log_record.attributes.update(added=self.URL)))
        provider.get_logger("shop").emit(attributes={"a": 1})
        assert records()[0].attributes["added"] == "postgres://u:***@hos"

    @pytest.mark.parametrize("is_inline", [True, False])
    def test_a_redactor_of_ones_own_gets_the_whole_text(self, limiting: Limiting, is_inline: bool) -> None:
        class Own:
            name, phase, inline = "own", "redact", is_inline

            def __call__(self, record: fo.Record) -> fo.Record:
                marked = {key: str(value).replace("lunch at noon", "***") for key, value in record.attributes.items()}
                return record.replace(attributes=marked)

        provider, records = limiting(stages=[Own()])
        attached(provider, Recording(lambda one: one.log_record.attributes.update(added="see you: lunch at noon")))
        provider.get_logger("shop").emit(attributes={"a": "tomorrow it is lunch at noon"})
        assert dict(records()[0].attributes) == {"a": "tomorrow it is ***", "added": "see you: ***"}

    def test_a_redactor_that_raises_replaces_what_would_be_cut(
        self, limiting: Limiting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provider, _ = limiting()
        processor = attached(provider, Recording())
        plan = provider.engine.core.plan  # type: ignore[union-attr]

        def failing(_: str) -> str:
            raise RuntimeError("no")

        object.__setattr__(plan, "redaction", replace(plan.redaction, scrub=failing))  # type: ignore[type-var]
        provider.get_logger("shop").emit(attributes={"a": self.URL, "short": "x"})
        assert dict(processor.seen[0].log_record.attributes) == {"a": "[redaction failed]", "short": "x"}

    def test_the_dropped_count_is_delivered(self, limited: fo.LoggerProvider, memory: MemoryExporter) -> None:
        attached(limited, Recording())
        limited.get_logger("shop").emit(attributes=dict.fromkeys("abcde", 1))
        assert delivered(limited, memory)[0].dropped_attributes_count == 2

    def test_they_hold_without_a_processor_too(self, limited: fo.LoggerProvider, memory: MemoryExporter) -> None:
        limited.get_logger("shop").emit(attributes={"a": "123456", "b": 1, "c": 1, "d": 2})
        (record,) = delivered(limited, memory)
        assert (record.attributes["a"], len(record.attributes), record.dropped_attributes_count) == ("1234", 3, 1)

    def test_the_exception_is_the_last_to_go(self, limited: fo.LoggerProvider) -> None:
        processor = attached(limited, Recording(lambda one: one.log_record.attributes.update(added=1)))
        limited.get_logger("shop").emit(attributes=dict.fromkeys("abc", 1), exception=ValueError("x"))
        attributes = dict(processor.seen[0].log_record.attributes)
        assert sum(key.startswith("exception.") for key in attributes) >= 2

    def test_nothing_warns_of_a_cut(self, limited: fo.LoggerProvider, caplog: pytest.LogCaptureFixture) -> None:
        attached(limited, Recording())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            limited.get_logger("shop").emit(attributes={"a": "123456", **dict.fromkeys(range(9), object())})
        assert caplog.records == []

    def test_unset_ones_mean_no_limit(self, memory: MemoryExporter, closing: Closing) -> None:
        unset = LogRecordLimits.UNSET
        settings = fo.Settings(exporters={"memory": memory}, limits={"attributes": 3, "value_length": 2})
        provider = closing(fo.LoggerProvider(log_record_limits=LogRecordLimits(*[unset] * 4), settings=settings))
        processor = attached(provider, Recording())
        provider.get_logger("shop").emit(attributes={str(n): "long text" for n in range(300)})
        assert len(processor.seen[0].log_record.attributes) == 300
        assert len(delivered(provider, memory)[0].attributes) == 300

    def test_what_has_no_limits_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="log_record_limits"):
            fo.LoggerProvider(log_record_limits=object())


class TestFaultyProcessors:
    class Raising(Recording):
        def on_emit(self, log_record: Any) -> None:
            raise RuntimeError("on_emit")

        def enabled(self, **kwargs: Any) -> bool:
            raise RuntimeError("enabled")

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            super().force_flush(timeout_millis)
            raise RuntimeError("force_flush")

        def shutdown(self) -> None:
            super().shutdown()
            raise RuntimeError("shutdown")

    def test_one_that_raises_hurts_neither_the_caller_nor_the_others(
        self, provider: fo.LoggerProvider, memory: MemoryExporter
    ) -> None:
        good = Recording()
        attached(provider, self.Raising(), good)
        provider.get_logger("shop").emit(body="x")
        assert provider.get_logger("shop").enabled()
        assert not provider.force_flush(5_000)
        assert [record.body for record in memory.records] == ["x"]
        assert len(good.seen) == len(good.flushes) == 1

    def test_one_that_fails_to_shut_down_makes_shutdown_false_and_stops_no_other(
        self, provider: fo.LoggerProvider
    ) -> None:
        good = Recording()
        attached(provider, self.Raising(), good)
        assert provider.shutdown() is False
        assert good.shutdowns == 1

    def test_one_that_answers_false_makes_the_flush_false(self, provider: fo.LoggerProvider) -> None:
        class Failing(Recording):
            def force_flush(self, timeout_millis: int = 30_000) -> bool:
                return False

        attached(provider, Recording(), Failing())
        assert provider.force_flush(5_000) is False

    def test_one_that_hangs_costs_no_more_than_the_timeout_and_none_of_our_records(
        self, provider: fo.LoggerProvider, memory: MemoryExporter
    ) -> None:
        release = threading.Event()

        class Hanging(Recording):
            def force_flush(self, timeout_millis: int = 30_000) -> bool:
                return release.wait(20)

            def shutdown(self) -> None:
                release.wait(20)

        attached(provider, Hanging())
        provider.get_logger("shop").emit(body="x")
        started = time.monotonic()
        assert provider.force_flush(300) is False
        assert provider.shutdown(300) is False
        assert time.monotonic() - started < 2.0
        assert [record.body for record in memory.records] == ["x"]
        release.set()


class TestStockProcessors:
    def test_simple_and_batch_processors_export_what_we_emit(
        self, provider: fo.LoggerProvider, memory: MemoryExporter
    ) -> None:
        simple, batch = KeepingExporter(), KeepingExporter()
        attached(provider, SimpleLogRecordProcessor(simple), BatchLogRecordProcessor(batch))
        provider.get_logger("shop").emit(body="x", attributes={"k": (1, 2)})
        assert [record.body for record in delivered(provider, memory)] == ["x"]
        assert [one.log_record.body for one in simple.records] == ["x"]
        assert [one.log_record.body for one in batch.records] == ["x"]
        assert provider.shutdown()
        assert (simple.shutdowns, batch.shutdowns) == (1, 1)

    @pytest.mark.parametrize("kind", [SynchronousMultiLogRecordProcessor, ConcurrentMultiLogRecordProcessor])
    def test_a_multi_processor_given_at_construction_holds_them(
        self, memory: MemoryExporter, closing: Closing, kind: Any
    ) -> None:
        multi = kind()
        settings = fo.Settings(exporters={"memory": memory})
        provider = closing(fo.LoggerProvider(multi_log_record_processor=multi, settings=settings))
        first, second = Recording(), Recording()
        multi.add_log_record_processor(first)
        provider.add_log_record_processor(second)
        provider.get_logger("shop").emit(body="x")
        assert len(first.seen) == len(second.seen) == 1
        assert len(delivered(provider, memory)) == 1
        assert len(first.flushes) == len(second.flushes) == 1

    def test_with_no_exporter_of_ours_they_still_get_everything(
        self, monkeypatch: pytest.MonkeyPatch, closing: Closing
    ) -> None:
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
        provider = closing(fo.LoggerProvider())
        logger = provider.get_logger("shop")
        assert not logger.enabled()
        processor = attached(provider, Recording())
        logger.emit(body="x")
        assert logger.enabled()
        assert [one.log_record.body for one in processor.seen] == ["x"]
        assert provider.stats() == fo.Stats()
        assert provider.force_flush()
        assert provider.shutdown()
        assert (len(processor.flushes), processor.shutdowns) == (1, 1)
