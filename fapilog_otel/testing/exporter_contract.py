"""What every exporter must do, as a test class to inherit from."""

# ruff: noqa: D102 - the name of a test is its sentence
from __future__ import annotations

import asyncio
import inspect
import re
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest

from fapilog_otel.contracts import EncodedLogs, Exporter, ExporterTraits, ExportResult, exporter_traits
from fapilog_otel.errors import ConfigError, DeliveryError
from fapilog_otel.testing.requirement import require
from fapilog_otel.testing.samples import sample_records

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from fapilog_otel.contracts import ExporterFactory
    from fapilog_otel.model.record import Record

_REASON: Final = re.compile(r"[a-z][a-z0-9_]*")
_NO_SUCH_SETTING: Final = "no_such_setting_of_any_exporter"


class ExporterContract:
    """Tests of the contract `fapilog_otel.Exporter`; a subclass named ``Test…`` says how to make one.

        class TestMyExporter(ExporterContract):
            def make_exporter(self) -> Exporter:
                return MyExporter(self.server.url)

            def received(self) -> list[Record]:
                return self.server.records

    Everything but `make_exporter` is optional; a test whose hook is not overridden is skipped. Fixtures of the subclass
    may set the destination up (``@pytest.fixture(autouse=True)``).
    """

    #: Seconds that any single step may take.
    start_error: Exception | None = None
    """What `start` of the failing exporter raised, if it did."""
    patience: ClassVar[float] = 10.0

    # -- hooks ---------------------------------------------------------------------------------------------------------

    def make_exporter(self) -> Exporter:
        """Give a new exporter whose destination takes everything."""
        raise NotImplementedError("override make_exporter()")

    def make_failing_exporter(self) -> Exporter | None:
        """Give a new exporter whose destination is not there, or takes nothing; None: there is no such thing."""
        return None

    def received(self) -> Sequence[Record] | None:
        """Give the records that the destination has received so far, in order; None: it cannot be read."""
        return None

    def comparable(self, record: Record) -> object:
        """Give what must be the same of a record before and after; override where the destination keeps less."""
        return (record.body, dict(record.attributes), record.severity_number, record.trace_id, record.span_id)

    def factory(self) -> ExporterFactory | None:
        """Give what stands behind the exporter's entry point; None: there is none."""
        return None

    def factory_settings(self) -> Mapping[str, object]:
        """Give a configuration that the factory takes."""
        return {}

    def run(self, exporter: Exporter, work: Callable[[Exporter], Coroutine[Any, Any, Any]]) -> Any:
        """Start an exporter, do something with it and close it, within `patience` for each step."""
        exporter.validate()

        async def steps() -> Any:
            await asyncio.wait_for(exporter.start(), self.patience)
            try:
                return await asyncio.wait_for(work(exporter), self.patience)
            finally:
                await asyncio.wait_for(exporter.close(), self.patience)

        return asyncio.run(steps())

    # -- form ----------------------------------------------------------------------------------------------------------

    def test_it_has_the_methods_of_an_exporter(self) -> None:
        exporter = self.make_exporter()
        require(isinstance(exporter, Exporter), f"{type(exporter).__name__} has validate, start, export and close")
        for name in ("start", "export", "close"):
            require(inspect.iscoroutinefunction(getattr(exporter, name)), f"{name} is a coroutine function")

    def test_its_traits_are_traits(self) -> None:
        exporter = self.make_exporter()
        declared = getattr(exporter, "traits", None)
        require(
            declared is None or isinstance(declared, ExporterTraits), f"traits is an ExporterTraits, not {declared!r}"
        )
        require(exporter_traits(exporter).max_in_flight >= 1, "max_in_flight is at least 1")

    def test_validate_is_synchronous_and_accepts_settings_that_work(self) -> None:
        exporter: Any = self.make_exporter()
        require(exporter.validate() is None, "validate() returns nothing, and is no coroutine function")

    # -- delivery ------------------------------------------------------------------------------------------------------

    def test_a_single_record_is_delivered(self) -> None:
        self._check_delivery(sample_records()[:1])

    def test_records_of_every_shape_are_delivered_in_one_request(self) -> None:
        self._check_delivery(sample_records())

    def test_a_request_may_be_exported_twice(self) -> None:
        # Destinations share requests, and a retry sends the same one again.
        request = EncodedLogs.from_records(sample_records())

        async def twice(exporter: Exporter) -> None:
            self._check_result(await exporter.export(request), request)
            self._check_result(await exporter.export(request), request)

        self.run(self.make_exporter(), twice)
        self._check_received([*sample_records(), *sample_records()])

    def test_a_request_is_left_as_it_was(self) -> None:
        request = EncodedLogs.from_records(sample_records())
        before = [bytes(buffer) for buffer in request.body()]
        self.run(self.make_exporter(), lambda exporter: exporter.export(request))
        require([bytes(buffer) for buffer in request.body()] == before, "export() leaves the request's bytes alone")
        require(
            list(request.records()) == list(EncodedLogs.from_records(sample_records()).records()), "and its records"
        )

    def test_as_many_requests_as_it_declares_may_be_under_way_at_once(self) -> None:
        number = min(exporter_traits(self.make_exporter()).max_in_flight, 8)
        requests = [EncodedLogs.from_records(sample_records()) for _ in range(number)]

        async def together(exporter: Exporter) -> None:
            results = await asyncio.gather(*(exporter.export(request) for request in requests))
            for request, result in zip(requests, results, strict=True):
                self._check_result(result, request)

        self.run(self.make_exporter(), together)
        found = self.received()
        require(found is None or len(found) == number * len(sample_records()), "each of them arrives once")

    # -- life ----------------------------------------------------------------------------------------------------------

    def test_it_may_be_started_again_after_close(self) -> None:
        # A fork closes exporters that cannot live through one, and starts them again.
        exporter = self.make_exporter()
        request = EncodedLogs.from_records(sample_records()[:2])
        for _ in range(2):
            self._check_result(self.run(exporter, lambda it: it.export(request)), request)
        self._check_received([*sample_records()[:2], *sample_records()[:2]])

    def test_close_may_be_called_twice_and_without_start(self) -> None:
        exporter = self.make_exporter()
        exporter.validate()

        async def close() -> None:
            await exporter.close()
            await exporter.start()
            await exporter.close()
            await exporter.close()

        asyncio.run(asyncio.wait_for(close(), self.patience))

    def test_close_ends_every_thread_that_it_began(self) -> None:
        request = EncodedLogs.from_records(sample_records())
        self.run(
            self.make_exporter(), lambda exporter: exporter.export(request)
        )  # a server of the test's may begin some
        before = set(threading.enumerate())
        self.run(self.make_exporter(), lambda exporter: exporter.export(request))
        deadline = time.monotonic() + self.patience
        while (left := _new_threads(before)) and time.monotonic() < deadline:
            time.sleep(0.01)
        require(not left, f"no thread is left after close(): {', '.join(thread.name for thread in left)}")

    def test_an_attempt_that_is_cancelled_leaves_it_usable(self) -> None:
        # Every attempt has a deadline, and is cancelled at it.
        request = EncodedLogs.from_records(sample_records())

        async def cancel_then_export(exporter: Exporter) -> ExportResult:
            attempt = asyncio.ensure_future(exporter.export(request))
            await asyncio.sleep(0)
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)
            return await exporter.export(request)

        self._check_result(self.run(self.make_exporter(), cancel_then_export), request)

    # -- failure -------------------------------------------------------------------------------------------------------

    def test_a_failure_is_a_delivery_error_with_a_stable_reason(self) -> None:
        error = self._failure()
        require(
            isinstance(error, DeliveryError),
            f"export() raises PermanentError or RetryableError, never {type(error).__name__}: {error}",
        )
        reason = getattr(error, "reason", "")
        require(_REASON.fullmatch(reason), f"the reason is one short word for a counter, not {reason!r}")

    def test_the_text_of_a_failure_is_one_clean_line(self) -> None:
        text = str(self._failure())
        require(text.strip(), "the error says what happened")
        require(text.isprintable(), f"text from a server is stripped of control characters: {text!r}")

    def test_it_may_be_closed_after_a_failure(self) -> None:
        exporter = self._failing()
        asyncio.run(self._attempt(exporter))
        asyncio.run(asyncio.wait_for(exporter.close(), self.patience))

    # -- factory -------------------------------------------------------------------------------------------------------

    def test_its_factory_builds_an_exporter(self) -> None:
        factory = self._factory()
        require(hasattr(factory, "settings_model"), "the factory names its settings model")
        exporter = factory.create(self.factory_settings())
        require(isinstance(exporter, Exporter), "create() gives an exporter")
        exporter.validate()

    def test_its_factory_refuses_a_setting_that_it_does_not_know(self) -> None:
        factory = self._factory()
        try:
            factory.create({**self.factory_settings(), _NO_SUCH_SETTING: 1})
        except ConfigError as error:
            require(_NO_SUCH_SETTING in str(error), f"the error names the setting: {error}")
        else:
            require(condition=False, clause="an unknown setting raises ConfigError: it may be a misspelt one")

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _check_delivery(self, records: Sequence[Record]) -> None:
        request = EncodedLogs.from_records(records)
        self._check_result(self.run(self.make_exporter(), lambda exporter: exporter.export(request)), request)
        self._check_received(records)

    def _check_result(self, result: object, request: EncodedLogs) -> None:
        require(isinstance(result, ExportResult), f"export() returns an ExportResult, not {result!r}")
        rejected = getattr(result, "rejected", 0)
        require(0 <= rejected <= request.count, f"0 <= rejected <= {request.count}, not {rejected}")
        require(rejected == 0, "a destination that takes everything rejects nothing")

    def _check_received(self, written: Sequence[Record]) -> None:
        found = self.received()
        if found is None:
            return
        # What is compared is what came out of the encoder, which is what the exporter was given.
        expected = EncodedLogs.from_records(written).records()
        require(len(found) == len(expected), f"{len(expected)} records were exported, {len(found)} were received")
        for wanted, got in zip(map(self.comparable, expected), map(self.comparable, found), strict=True):
            require(wanted == got, f"a record arrives as it was exported:\n  {wanted!r}\n  {got!r}")

    def _failing(self) -> Exporter:
        exporter = self.make_failing_exporter()
        if exporter is None:
            pytest.skip("make_failing_exporter() is not overridden")
        return exporter

    def _failure(self) -> BaseException:
        error = asyncio.run(self._attempt(self._failing()))
        if error is None:
            raise AssertionError("export() raises where nothing was delivered")
        return error

    async def _attempt(self, exporter: Exporter) -> BaseException | None:
        try:
            await asyncio.wait_for(exporter.start(), self.patience)
        except Exception as error:  # noqa: BLE001 - delivery goes on without a warm transport, and so does this
            self.start_error = error
        try:
            await asyncio.wait_for(exporter.export(EncodedLogs.from_records(sample_records())), self.patience)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the test looks at
            return error
        finally:
            await asyncio.wait_for(exporter.close(), self.patience)
        return None

    def _factory(self) -> ExporterFactory:
        factory = self.factory()
        if factory is None:
            pytest.skip("factory() is not overridden")
        return factory


def _new_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread not in before]
