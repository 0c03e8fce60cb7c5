"""What every log source must do, as a test class to inherit from."""

# ruff: noqa: D102 - the name of a test is its sentence
from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from fapilog_otel.contracts import Source
from fapilog_otel.model.record import Record
from fapilog_otel.plugins import load_exporter_factory
from fapilog_otel.provider.provider import LoggerProvider
from fapilog_otel.settings import load_settings
from fapilog_otel.telemetry.origin import our_thread
from fapilog_otel.testing.requirement import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HOUR = 3_600_000_000_000


class SourceContract:
    """Tests of the contract `fapilog_otel.Source`; a subclass named ``Test…`` says how to log with the library.

    class TestMySource(SourceContract):
        def make_source(self) -> Source:
            return MySource()

        def log(self, message: str) -> None:
            mylib.warning(message)

        def native(self, message: str) -> object:
            return mylib.Event("warning", message)
    """

    #: Seconds that a record may take to arrive.
    patience: ClassVar[float] = 5.0

    # -- hooks ---------------------------------------------------------------------------------------------------------

    def make_source(self) -> Source:
        """Give a new source."""
        raise NotImplementedError("override make_source()")

    def log(self, message: str) -> None:
        """Log one record with the library, at a level that it lets pass."""
        raise NotImplementedError("override log()")

    def native(self, message: str) -> object:
        """Give one record of the library with this message, as `Source.to_record` gets it."""
        raise NotImplementedError("override native()")

    def log_exception(self, message: str) -> None:  # noqa: ARG002 - for those who override it
        """Log the exception being handled with the library; override where it can."""
        pytest.skip("log_exception() is not overridden")

    # -- form ----------------------------------------------------------------------------------------------------------

    def test_it_has_the_methods_of_a_source(self) -> None:
        source = self.make_source()
        require(isinstance(source, Source), f"{type(source).__name__} has install and to_record")

    # -- to_record -----------------------------------------------------------------------------------------------------

    def test_a_native_record_becomes_a_record(self) -> None:
        record = self.make_source().to_record(self.native("to be translated"))
        require(isinstance(record, Record), f"to_record() gives a Record, not {record!r}")
        require(record.body == "to be translated", f"the body is the message, not {record.body!r}")
        require(1 <= record.severity_number <= 24, f"the severity number is 1-24, not {record.severity_number}")
        require(record.severity_text, "the severity text is the library's own name of the level")

    def test_times_are_nanoseconds_since_the_epoch(self) -> None:
        record = self.make_source().to_record(self.native("now"))
        moment = record.timestamp or record.observed_timestamp
        require(abs(time.time_ns() - moment) < _HOUR, f"{moment} is not now in nanoseconds")

    def test_translating_is_pure(self) -> None:
        source, native = self.make_source(), self.native("twice")
        first, second = (source.to_record(native).replace(observed_timestamp=0) for _ in range(2))
        require(first == second, f"the same native record gives the same record: {first!r}, {second!r}")

    # -- install -------------------------------------------------------------------------------------------------------

    def test_what_the_library_logs_arrives(self) -> None:
        with self.installed() as captured:
            self.log("first")
            self.log("second")
            records = captured(2)
        require([record.body for record in records] == ["first", "second"], f"both messages, in order: {records}")
        for record in records:
            require(1 <= record.severity_number <= 24, "with a severity")
            require(record.timestamp and record.observed_timestamp, "with both times")

    def test_a_record_carries_the_span_that_it_was_written_in(self) -> None:
        from opentelemetry.sdk.trace import TracerProvider

        with self.installed() as captured:
            with TracerProvider(shutdown_on_exit=False).get_tracer("contract").start_as_current_span("work") as span:
                self.log("within")
            self.log("without")
            within, without = captured(2)
        context = span.get_span_context()
        require((within.trace_id, within.span_id) == (context.trace_id, context.span_id), "within a span: its ids")
        require((without.trace_id, without.span_id) == (0, 0), "outside any span: none")

    def test_an_exception_becomes_attributes(self) -> None:
        with self.installed() as captured:
            try:
                _fail()
            except KeyError:
                self.log_exception("failed")
            (record,) = captured(1)
        require(
            record.attributes.get("exception.type") == "KeyError", f"exception.type is KeyError: {record.attributes}"
        )
        require(
            "no such order" in str(record.attributes.get("exception.message")), "exception.message tells what happened"
        )
        require("Traceback" in str(record.attributes.get("exception.stacktrace")), "exception.stacktrace tells where")

    def test_uninstall_ends_it(self) -> None:
        with self.installed() as captured:
            self.log("before")
            captured.handle.uninstall()
            self.log("after")
            records = captured(1)
        require([record.body for record in records] == ["before"], f"nothing arrives after uninstall(): {records}")

    def test_uninstall_may_be_called_twice_and_install_again(self) -> None:
        for message in ("one", "two"):
            with self.installed() as captured:
                self.log(message)
                records = captured(1)
                captured.handle.uninstall()
                captured.handle.uninstall()
            require([record.body for record in records] == [message], f"each install captures anew: {records}")

    def test_what_our_own_threads_log_is_left_out(self) -> None:
        # Else every export that logs would cause another.
        def work() -> None:
            with our_thread():
                self.log("feedback")

        with self.installed() as captured:
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            self.log("application")
            records = captured(1)
        require([record.body for record in records] == ["application"], f"feedback is dropped by its origin: {records}")

    # -- steps ---------------------------------------------------------------------------------------------------------

    @contextmanager
    def installed(self) -> Iterator[_Captured]:
        """Install a new source for a provider that delivers into memory; give the records that it received."""
        exporter: Any = load_exporter_factory("memory").create({})
        settings = load_settings({"exporters": {"memory": exporter}}, environ={})
        provider = LoggerProvider(settings=settings, shutdown_on_exit=False)
        handle = self.make_source().install(provider)
        try:
            yield _Captured(provider, exporter, handle, self.patience)
        finally:
            handle.uninstall()
            provider.shutdown(1000)


def _fail() -> None:
    raise KeyError("no such order")


class _Captured:
    """What a provider of a test has received; called with a number it waits for so many records."""

    def __init__(self, provider: LoggerProvider, exporter: Any, handle: Any, patience: float) -> None:
        self._provider = provider
        self._exporter = exporter
        self._patience = patience
        self.handle = handle

    def __call__(self, count: int) -> Sequence[Record]:
        deadline = time.monotonic() + self._patience
        while self._provider.force_flush(5000) and len(self._exporter.records) < count and time.monotonic() < deadline:
            time.sleep(0.005)
        records: Sequence[Record] = self._exporter.records
        require(len(records) >= count, f"{count} records were logged, {len(records)} arrived: {records}")
        return records
