"""The capture: what it holds, and that it leaves no trace."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import opentelemetry._logs as logs_api
import pytest
from opentelemetry.sdk._logs import LoggerProvider as SdkLoggerProvider
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel as fo
from fapilog_otel.bootstrap import current_handle
from fapilog_otel.model import severity as sev
from fapilog_otel.testing import Capture, OtlpReceiver, capture_logs

TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("test")


def pipeline_threads() -> set[threading.Thread]:
    return {one for one in threading.enumerate() if one.name.startswith("fapilog") and "receiver" not in one.name}


def assert_no_new_threads(before: set[threading.Thread]) -> None:
    deadline = time.monotonic() + 5
    while (left := pipeline_threads() - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left


class TestWhatIsCaptured:
    def test_stdlib_our_loggers_and_the_otel_api_all_arrive(self, fapilog_capture: Capture) -> None:
        logging.getLogger("shop.web").warning("over %s", "stdlib")
        fo.get_logger("shop.cart").info("over our logger", order_id="o-1")
        logs_api.get_logger("shop.mail").emit(body="over the API", severity_number=logs_api.SeverityNumber.INFO)
        assert fapilog_capture.messages == ["over stdlib", "over our logger", "over the API"]
        assert [record.scope.name for record in fapilog_capture.records] == ["shop.web", "shop.cart", "shop.mail"]
        assert all(isinstance(record, fo.Record) for record in fapilog_capture.records)

    def test_records_carry_the_span_that_they_were_written_in(self, fapilog_capture: Capture) -> None:
        with TRACER.start_as_current_span("work") as span:
            logging.getLogger("shop").warning("within")
        fo.get_logger("shop").warning("without")
        context = span.get_span_context()
        within, without = fapilog_capture.records
        assert (within.trace_id, within.span_id) == (context.trace_id, context.span_id)
        assert (without.trace_id, without.span_id) == (0, 0)
        assert fapilog_capture.find(trace_id=context.trace_id) == [within]
        assert fapilog_capture.find(span_id=context.span_id) == [within]
        assert fapilog_capture.find(trace_id=0) == [without]

    def test_the_pipeline_has_done_its_work(self, fapilog_capture: Capture) -> None:
        with fo.bound_context(request_id="r-1"):
            fo.get_logger("shop").info("login", password="hunter2")
        (record,) = fapilog_capture.records
        assert record.attributes["request_id"] == "r-1"
        assert record.attributes["password"] == "***"

    def test_exceptions_become_attributes(self, fapilog_capture: Capture) -> None:
        try:
            raise ValueError("no such order")
        except ValueError:
            fo.get_logger("shop").exception("failed")
        assert fapilog_capture.find("failed", **{"exception.type": "ValueError", "exception.message": "no such order"})

    def test_what_other_threads_write_is_waited_for(self, fapilog_capture: Capture) -> None:
        def work() -> None:
            time.sleep(0.05)
            fo.get_logger("shop").info("late")

        thread = threading.Thread(target=work)
        thread.start()
        assert [record.body for record in fapilog_capture.wait_for(1)] == ["late"]
        thread.join()

    def test_waiting_in_vain_tells_what_there_is(self, fapilog_capture: Capture) -> None:
        fo.get_logger("shop").info("only this")
        with pytest.raises(TimeoutError, match=r"waited 0\.05 s for 2 records, there are 1: 'only this'"):
            fapilog_capture.wait_for(2, timeout=0.05)

    async def test_tasks_of_the_same_loop_can_be_waited_for(self, fapilog_capture: Capture) -> None:
        async def work() -> None:
            await asyncio.sleep(0.02)
            await fo.get_logger("shop").ainfo("from a task")

        task = asyncio.create_task(work())
        (record,) = await fapilog_capture.await_for(1)
        assert record.body == "from a task"
        await task

    async def test_waiting_for_tasks_in_vain_ends_too(self, fapilog_capture: Capture) -> None:
        with pytest.raises(TimeoutError, match="there are 0: none"):
            await fapilog_capture.await_for(1, timeout=0.02)

    def test_clear_forgets_what_is_pending_too(self, fapilog_capture: Capture) -> None:
        log = fo.get_logger("shop")
        log.info("before")
        fapilog_capture.clear()
        log.info("after")
        assert fapilog_capture.messages == ["after"]

    def test_the_account_is_at_hand(self, fapilog_capture: Capture) -> None:
        fo.get_logger("shop").info("one")
        assert fapilog_capture.flush() is True
        stats = fapilog_capture.stats()
        assert (stats.submitted, stats.delivered, stats.balanced) == (1, 1, True)

    def test_repr_tells_how_many_there_are(self, fapilog_capture: Capture) -> None:
        fo.get_logger("shop").info("one")
        assert fapilog_capture.messages == ["one"]
        assert repr(fapilog_capture) == "<Capture of 1 records>"


class TestFind:
    @pytest.fixture(autouse=True)
    def _records(self, fapilog_capture: Capture) -> None:
        log = fo.get_logger("shop.cart")
        log.info("order placed", order_id="o-1", total=12.5)
        log.warning("order late", order_id="o-2")
        fo.get_logger("shop.mail").error("order placed", order_id="o-1", note=None)
        self.capture = fapilog_capture

    def test_without_a_condition_everything_is_found(self) -> None:
        assert self.capture.find() == self.capture.records

    def test_body(self) -> None:
        assert len(self.capture.find("order placed")) == 2
        assert self.capture.find("order") == []

    def test_a_pattern_is_searched_in_the_body(self) -> None:
        assert [record.body for record in self.capture.find(re.compile("late$"))] == ["order late"]

    def test_attributes(self) -> None:
        (record,) = self.capture.find("order placed", order_id="o-1", total=12.5)
        assert record.severity_number == sev.INFO
        assert self.capture.find(order_id=re.compile("^o-")) == self.capture.records
        assert self.capture.find(no_such_attribute=None) == []
        assert len(self.capture.find(note=None)) == 1

    @pytest.mark.parametrize("level", ["WARN", "warning", logging.WARNING])
    def test_level(self, level: str | int) -> None:
        assert [record.body for record in self.capture.find(level=level)] == ["order late"]

    def test_logger(self) -> None:
        assert len(self.capture.find(logger="shop.mail")) == 1
        assert self.capture.find(logger="shop") == []

    def test_any_other_condition(self) -> None:
        assert len(self.capture.find(where=lambda record: record.severity_number >= sev.WARN)) == 2


class TestArguments:
    @pytest.mark.fapilog_capture(level="DEBUG")
    def test_the_marker_holds_keywords_of_configure(self, fapilog_capture: Capture) -> None:
        fo.get_logger("shop").debug("detail")
        logging.getLogger("shop").debug("stdlib detail")
        assert fapilog_capture.messages == ["detail", "stdlib detail"]

    def test_without_it_the_usual_levels_hold(self, fapilog_capture: Capture) -> None:
        fo.get_logger("shop").debug("detail")
        assert fapilog_capture.records == []

    @pytest.mark.fapilog_capture(service_name="shop", sources=())
    def test_any_keyword_will_do(self, fapilog_capture: Capture) -> None:
        logging.getLogger("shop").warning("not captured")
        fo.get_logger("shop").info("captured")
        (record,) = fapilog_capture.records
        assert record.scope.resource.attributes["service.name"] == "shop"

    def test_one_that_cannot_be_used_is_a_configuration_error(self) -> None:
        with pytest.raises(fo.errors.ConfigError, match="levle"), capture_logs(levle="DEBUG"):
            pass
        assert current_handle() is None

    def test_the_environment_has_no_say(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
        monkeypatch.setenv("FAPILOG_OTEL_LEVEL", "FATAL")
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
        with capture_logs() as capture:
            fo.get_logger("shop").info("captured")
            assert capture.messages == ["captured"]


class TestEverythingIsAsItWas:
    @pytest.fixture(autouse=True)
    def _after(self) -> Iterator[None]:
        yield
        fo.shutdown(1)

    def test_records_stay_readable_and_no_new_ones_come(self) -> None:
        with capture_logs() as capture:
            fo.get_logger("shop").info("within")
        fo.get_logger("shop").info("after")
        logging.getLogger("shop").warning("after")
        assert capture.messages == ["within"]

    def test_the_next_one_begins_empty(self) -> None:
        for number in range(3):
            with capture_logs() as capture:
                fo.get_logger("shop").info("record %d", number)
                assert capture.messages == [f"record {number}"]
                assert capture.stats().submitted == 1

    def test_no_thread_no_handle_and_no_hook_are_left(self) -> None:
        before = (logging.Logger.callHandlers, logging.Logger.isEnabledFor)
        threads = pipeline_threads()
        with capture_logs():
            fo.get_logger("shop").info("within")
            logging.getLogger("shop").warning("within")
        assert current_handle() is None
        assert (logging.Logger.callHandlers, logging.Logger.isEnabledFor) == before
        assert_no_new_threads(threads)

    def test_an_exception_in_the_block_changes_nothing_of_that(self) -> None:
        threads = pipeline_threads()
        with suppress(ZeroDivisionError), capture_logs():
            raise ZeroDivisionError
        assert current_handle() is None
        assert_no_new_threads(threads)

    def test_the_global_logger_provider_may_still_be_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        internal = sys.modules["opentelemetry._logs._internal"]
        monkeypatch.setattr(internal, "_LOGGER_PROVIDER", None)
        monkeypatch.setattr(internal, "_LOGGER_PROVIDER_SET_ONCE", type(internal._LOGGER_PROVIDER_SET_ONCE)())
        with capture_logs() as capture:
            logs_api.get_logger("shop").emit(body="within")
            assert capture.messages == ["within"]
        provider = SdkLoggerProvider(shutdown_on_exit=False)
        logs_api.set_logger_provider(provider)
        assert logs_api.get_logger_provider() is provider

    def test_a_global_provider_of_another_kind_is_captured_and_stays(self, monkeypatch: pytest.MonkeyPatch) -> None:
        internal = sys.modules["opentelemetry._logs._internal"]
        provider = SdkLoggerProvider(shutdown_on_exit=False)
        monkeypatch.setattr(internal, "_LOGGER_PROVIDER", provider)
        for number in range(2):
            with capture_logs() as capture:
                logs_api.get_logger("shop").emit(body=number)
                assert capture.messages == [number]
        assert logs_api.get_logger_provider() is provider


class TestCodeThatConfigures:
    @pytest.fixture(autouse=True)
    def _after(self) -> Iterator[None]:
        yield
        fo.shutdown(1)

    def test_its_destinations_are_replaced_and_all_else_counts(self) -> None:
        with OtlpReceiver() as receiver, capture_logs() as capture:
            fo.get_logger("shop").info("before")
            with fo.configure(endpoint=receiver.http_endpoint, level="DEBUG", service_name="shop") as handle:
                fo.get_logger("shop").debug("detail")
                logging.getLogger("shop").debug("stdlib detail")
                assert handle.flush() is True
                assert handle.stats().delivered == 2
            assert capture.messages == ["before", "detail", "stdlib detail"]
            assert capture.records[1].scope.resource.attributes["service.name"] == "shop"
        assert receiver.requests == []

    def test_a_handle_that_it_leaves_open_is_closed_afterwards(self) -> None:
        with capture_logs() as capture:
            handle = fo.configure(service_name="shop")
            fo.get_logger("shop").info("within")
            assert capture.messages == ["within"]
        assert handle.closed
        assert current_handle() is None

    def test_configuring_twice_alike_gives_the_same_handle(self) -> None:
        with capture_logs():
            assert fo.configure(service_name="shop") is fo.configure(service_name="shop")
            with pytest.raises(fo.errors.ConfigError):
                fo.configure(service_name="other")

    def test_without_configuring_a_source_can_be_installed(self) -> None:
        with capture_logs(sources=()) as capture:
            fo.install("stdlib")
            logging.getLogger("shop").warning("captured")
            assert capture.messages == ["captured"]


class TestAnApplicationThatIsConfiguredAlready:
    @pytest.fixture
    def receiver(self) -> Iterator[OtlpReceiver]:
        with OtlpReceiver() as receiver:
            yield receiver

    @pytest.fixture
    def handle(self, receiver: OtlpReceiver) -> Iterator[fo.Handle]:
        with fo.configure(endpoint=receiver.http_endpoint, service_name="shop", level="DEBUG") as handle:
            yield handle

    def test_it_is_set_aside_and_goes_on_afterwards(self, handle: fo.Handle, receiver: OtlpReceiver) -> None:
        log = fo.get_logger("shop")
        log.info("before")
        with capture_logs() as capture:
            log.debug("within")
            logging.getLogger("shop").debug("within stdlib")
            assert capture.messages == ["within", "within stdlib"]
            assert capture.records[0].scope.resource.attributes["service.name"] == "shop"
        log.info("after")
        logging.getLogger("shop").debug("after stdlib")
        assert handle.flush() is True
        assert sorted(str(one.body) for one in receiver.logs) == ["after", "after stdlib", "before"]
        assert handle.stats().delivered == 3
        assert handle.stats().balanced
        assert current_handle() is handle

    def test_arguments_go_over_its_configuration(self, handle: fo.Handle, receiver: OtlpReceiver) -> None:
        with capture_logs(level="WARN") as capture:
            fo.get_logger("shop").info("too low")
            logging.getLogger("shop").info("too low")
            fo.get_logger("shop").warning("high enough")
            logging.getLogger("shop").warning("high enough")
            assert capture.messages == ["high enough", "high enough"]
        logging.getLogger("shop").debug("after")
        assert handle.flush() is True
        assert [one.body for one in receiver.logs] == ["after"]

    def test_code_that_shuts_it_down_has_shut_it_down(self, receiver: OtlpReceiver) -> None:
        threads = pipeline_threads()
        handle = fo.configure(endpoint=receiver.http_endpoint)
        fo.get_logger("shop").info("before")
        with capture_logs() as capture:
            fo.get_logger("shop").info("within")
            handle.shutdown(1)
            assert capture.messages == ["within"]
        assert handle.closed
        assert current_handle() is None
        assert [one.body for one in receiver.logs] == ["before"]
        assert_no_new_threads(threads)
