"""loguru as a source: what is captured of which call, and that loguru sees no difference."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import io
import multiprocessing
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from loguru import logger
from opentelemetry.sdk.trace import TracerProvider
from source_doubles import Emitted

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError
from fapilog_otel.sources.loguru import LoguruHandle, LoguruSource, add_trace_ids
from fapilog_otel.sources.loguru.handlers import Handlers
from fapilog_otel.telemetry.diagnostics import get_diagnostics

TRACER = TracerProvider().get_tracer("test")
CORE: Any = logger._core  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def pristine() -> Iterator[None]:
    """loguru as it is after its import, without its sink on stderr."""
    logger.remove()
    before = dict(CORE.levels), dict(CORE.levels_lookup), dict(CORE.levels_ansi_codes)
    with get_diagnostics().collected():
        yield
    logger.remove()
    CORE.levels, CORE.levels_lookup, CORE.levels_ansi_codes = before
    CORE.patcher = None
    CORE.extra.clear()
    CORE.enabled, CORE.activation_list, CORE.activation_none = {}, [], True


@pytest.fixture
def emitted() -> Iterator[Emitted]:
    provider = Emitted()
    handle = LoguruSource().install(provider)
    yield provider
    handle.uninstall()


@pytest.fixture
def install() -> Iterator[Callable[..., tuple[Emitted, LoguruHandle]]]:
    handles: list[LoguruHandle] = []

    def installer(*args: Any, **options: Any) -> tuple[Emitted, LoguruHandle]:
        provider = Emitted()
        handles.append(LoguruSource(*args, **options).install(provider))
        return provider, handles[-1]

    yield installer
    for handle in handles:
        handle.uninstall()


class TestTheRecord:
    def test_message_level_and_extra_become_fields(self, emitted: Emitted) -> None:
        logger.bind(user="u1").warning("slow {}", "query", took=1.5)
        ((scope, fields),) = emitted.records
        assert (scope, fields["body"]) == (__name__, "slow query")
        assert (fields["severity_number"], fields["severity_text"]) == (13, "WARN")
        attributes = fields["attributes"]
        assert attributes.pop("code.file.path") == __file__
        assert attributes.pop("code.line.number") > 0
        assert attributes.pop("code.function.name") == "test_message_level_and_extra_become_fields"
        assert attributes == {"user": "u1", "took": 1.5}

    @pytest.mark.parametrize(
        ("method", "number", "text"),
        [
            ("trace", 1, "TRACE"),
            ("debug", 5, "DEBUG"),
            ("info", 9, "INFO"),
            ("success", 12, "SUCCESS"),
            ("warning", 13, "WARN"),
            ("error", 17, "ERROR"),
            ("critical", 21, "FATAL"),
        ],
    )
    def test_levels_are_severities(self, install: Any, method: str, number: int, text: str) -> None:
        provider, _ = install("TRACE")
        getattr(logger, method)("x")
        assert (provider.last["severity_number"], provider.last["severity_text"]) == (number, text)

    def test_levels_of_the_applications_own_keep_their_names(self, emitted: Emitted) -> None:
        logger.level("NOTICE", no=25)
        logger.log("NOTICE", "named")
        logger.log(33, "numbered")
        found = [(fields["severity_number"], fields["severity_text"]) for _, fields in emitted.records]
        assert found == [(12, "NOTICE"), (16, "Level 33")]

    def test_the_time_is_that_of_the_record_to_the_microsecond(self, emitted: Emitted) -> None:
        moment = dt.datetime(2026, 3, 4, 5, 6, 7, 123457, tzinfo=dt.timezone.utc)
        logger.patch(lambda record: record.update(time=moment)).info("received")
        assert emitted.last["timestamp"] == 1772600767123457000
        assert abs(emitted.last["observed_timestamp"] - time.time_ns()) < 60_000_000_000

    def test_an_exception_becomes_attributes_and_the_callers_own_win(self, emitted: Emitted) -> None:
        try:
            raise KeyError("k")
        except KeyError as error:
            logger.exception("one")
            logger.opt(exception=True).error("two")
            logger.opt(exception=error).error("three")
            logger.opt(exception=sys.exc_info()).bind(**{"exception.message": "mine"}).error("four")
        for _, fields in emitted.records:
            assert fields["attributes"]["exception.type"] == "KeyError"
            assert "raise KeyError" in fields["attributes"]["exception.stacktrace"]
        messages = [fields["attributes"]["exception.message"] for _, fields in emitted.records]
        assert messages == ["'k'", "'k'", "'k'", "mine"]

    def test_exception_outside_of_any_has_none(self, emitted: Emitted) -> None:
        logger.exception("nothing is wrong")
        assert not any(key.startswith("exception.") for key in emitted.last["attributes"])

    def test_caught_exceptions_are_captured(self, emitted: Emitted) -> None:
        @logger.catch
        def fail() -> None:
            raise ValueError("caught")

        fail()
        assert emitted.last["attributes"]["exception.type"] == "ValueError"
        assert emitted.last["severity_text"] == "ERROR"

    def test_the_event_name_has_a_key_and_trace_keys_are_left_out(self, emitted: Emitted) -> None:
        logger.configure(patcher=add_trace_ids)
        with TRACER.start_as_current_span("s"):
            logger.bind(**{"otel.event.name": "order.placed", "a": 1}).info("x")
        attributes = {key: value for key, value in emitted.last["attributes"].items() if not key.startswith("code.")}
        assert (emitted.last["event_name"], attributes) == ("order.placed", {"a": 1})

    def test_code_and_thread_are_a_matter_of_options(self, install: Any) -> None:
        provider, _ = install(code_attributes=False, thread_attributes=True)
        logger.info("x")
        thread = threading.current_thread()
        assert provider.last["attributes"] == {"thread.id": thread.ident, "thread.name": thread.name}


class TestOptions:
    def test_lazy_values_are_computed_once(self, emitted: Emitted) -> None:
        calls: list[int] = []
        logger.opt(lazy=True).info("{}", lambda: calls.append(1) or "computed")
        assert (emitted.bodies, calls) == (["computed"], [1])

    def test_record_colors_raw_and_capture(self, emitted: Emitted) -> None:
        output = io.StringIO()
        logger.add(output, format="{message}")
        logger.opt(record=True).info("in {record[function]}")
        logger.opt(colors=True).info("<red>red</red> {}", "x")
        logger.opt(raw=True).info("raw\n")
        logger.opt(capture=False).info("{a}", a=1)
        assert emitted.bodies == ["in test_record_colors_raw_and_capture", "red x", "raw\n", "1"]
        assert "a" not in emitted.last["attributes"]

    def test_depth_says_whose_call_it_is(self, emitted: Emitted) -> None:
        def wrapped() -> None:
            logger.opt(depth=1).info("x")

        wrapped()
        assert emitted.last["attributes"]["code.function.name"] == "test_depth_says_whose_call_it_is"

    def test_bind_contextualize_patch_and_extra(self, emitted: Emitted) -> None:
        logger.configure(extra={"app": "shop"})
        with logger.contextualize(request="r1"):
            logger.bind(user="u1").patch(lambda record: record["extra"].update(patched=True)).info("x")
        attributes = {key: value for key, value in emitted.last["attributes"].items() if not key.startswith("code.")}
        assert attributes == {"app": "shop", "request": "r1", "user": "u1", "patched": True}

    def test_disabled_modules_are_obeyed(self, emitted: Emitted) -> None:
        logger.disable(__name__)
        logger.info("no")
        logger.enable(__name__)
        logger.info("yes")
        assert emitted.bodies == ["yes"]


class TestTheCallersContext:
    def test_it_is_that_of_the_call_also_where_sinks_are_enqueued(self, emitted: Emitted) -> None:
        logger.add(io.StringIO(), enqueue=True)
        with TRACER.start_as_current_span("s") as span:
            logger.info("within")
        logger.complete()
        logger.info("without")
        traces = [fields["trace"] for _, fields in emitted.records]
        assert traces == [span.get_span_context().trace_id, 0]

    def test_threads_and_tasks_keep_theirs_apart(self, emitted: Emitted) -> None:
        def work(number: int) -> None:
            with TRACER.start_as_current_span("s") as span:
                for _ in range(20):
                    logger.info(f"{span.get_span_context().trace_id}")

        async def task() -> None:
            with TRACER.start_as_current_span("s") as span:
                for _ in range(5):
                    await asyncio.sleep(0)
                    logger.info(f"{span.get_span_context().trace_id}")

        async def tasks() -> None:
            await asyncio.gather(*[task() for _ in range(5)])
            await logger.complete()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(tasks())
        assert len(emitted.records) == 4 * 20 + 5 * 5
        assert all(fields["body"] == str(fields["trace"]) for _, fields in emitted.records)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
    def test_a_forked_child_captures_too(self, emitted: Emitted) -> None:
        pipe = multiprocessing.Pipe()

        def child() -> None:
            logger.info("in the child")
            pipe[1].send(emitted.bodies)

        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        assert pipe[0].poll(30)
        assert pipe[0].recv() == ["in the child"]
        process.join(30)
        assert emitted.bodies == []


class TestLevels:
    def test_without_any_sink_it_is_logurus_default(self, emitted: Emitted) -> None:
        logger.trace("no")
        logger.debug("yes")
        assert emitted.bodies == ["yes"]

    def test_it_follows_the_lowest_of_the_applications_sinks(self, emitted: Emitted) -> None:
        first = logger.add(io.StringIO(), level="ERROR")
        logger.warning("one")
        logger.error("two")
        second = logger.add(io.StringIO(), level="TRACE")
        logger.trace("three")
        logger.remove(second)
        logger.warning("four")
        logger.remove(first)
        logger.debug("five")
        logger.trace("six")
        assert emitted.bodies == ["two", "three", "five"]

    def test_loguru_itself_gates_again_after_the_first_record(self, emitted: Emitted) -> None:
        logger.add(io.StringIO(), level="ERROR")
        logger.error("x")
        assert CORE.min_level == 40

    def test_a_level_of_ours_captures_what_sinks_do_not_want(self, install: Any) -> None:
        output = io.StringIO()
        logger.add(output, level="ERROR", format="{message}")
        provider, _ = install("INFO", {"other": "TRACE", __name__: "DEBUG"})
        logger.trace("no")
        logger.debug("debug")
        logger.error("error")
        assert (provider.bodies, output.getvalue()) == (["debug", "error"], "error\n")

    def test_a_higher_level_of_ours_leaves_sinks_theirs(self, install: Any) -> None:
        output = io.StringIO()
        logger.add(output, level="DEBUG", format="{message}")
        provider, _ = install("ERROR")
        logger.debug("debug")
        logger.error("error")
        assert (provider.bodies, output.getvalue()) == (["error"], "debug\nerror\n")

    def test_levels_of_the_applications_own_are_known_by_name(self, install: Any) -> None:
        logger.level("NOTICE", no=25)
        provider, _ = install("notice")
        logger.info("no")
        logger.log("NOTICE", "yes")
        assert provider.bodies == ["yes"]

    @pytest.mark.parametrize("level", ["LOUD", object()])
    def test_an_unknown_level_is_refused(self, level: Any) -> None:
        with pytest.raises(ConfigError, match="level"):
            LoguruSource(level)


class TestInvisible:
    def test_remove_and_configure_take_out_the_applications_sinks_only(self, emitted: Emitted) -> None:
        output = io.StringIO()
        logger.remove()
        logger.info("removed")
        (number,) = logger.configure(handlers=[{"sink": output, "format": "{message}"}])
        logger.info("configured")
        logger.remove(number)
        logger.info("removed again")
        assert (emitted.bodies, output.getvalue()) == (["removed", "configured", "removed again"], "configured\n")

    def test_a_remove_that_was_taken_before_does_so_too(self) -> None:
        remove = logger.remove
        provider = Emitted()
        handle = LoguruSource().install(provider)
        try:
            remove()
            logger.info("x")
        finally:
            handle.uninstall()
        assert provider.bodies == ["x"]

    def test_ids_and_errors_are_as_ever(self, emitted: Emitted) -> None:
        first = logger.add(io.StringIO())
        second = logger.add(io.StringIO())
        assert second == first + 1
        assert list(CORE.handlers) == [first, second]
        assert len(CORE.handlers) == 2
        for wrong in (first - 1, second + 1, -1):
            with pytest.raises(ValueError, match="no existing handler"):
                logger.remove(wrong)
        with pytest.raises(TypeError):
            logger.remove("fapilog_otel")  # type: ignore[arg-type]

    def test_no_method_of_loguru_is_replaced(self, emitted: Emitted) -> None:
        kind = type(logger)
        assert all(
            getattr(value, "__module__", "loguru._logger") == "loguru._logger"
            for name, value in vars(kind).items()
            if callable(value) and not name.startswith("__")
        )

    def test_uninstalling_restores_the_state(self) -> None:
        number = logger.add(io.StringIO(), level="WARNING")
        from loguru._simple_sinks import StandardSink

        def state() -> tuple[Any, ...]:
            return type(CORE.handlers), dict(CORE.handlers), CORE.min_level, dict(vars(StandardSink)), dict(CORE.levels)

        before = state()
        provider = Emitted()
        handle = LoguruSource("TRACE").install(provider)
        assert isinstance(CORE.handlers, Handlers)
        handle.uninstall()
        handle.uninstall()
        assert state() == before
        logger.error("after")
        logger.remove(number)
        handle = LoguruSource().install(provider)
        handle.uninstall()
        assert (CORE.handlers, CORE.min_level, provider.records) == ({}, float("inf"), [])

    def test_ours_comes_first_and_its_errors_reach_nobody(self, emitted: Emitted) -> None:
        order: list[str] = []
        logger.add(lambda _: order.append(f"sink after {len(emitted.records)}"))
        logger.info("x")
        emitted.error = RuntimeError("bug")
        logger.info("y")
        assert order == ["sink after 1", "sink after 1"]

    def test_a_failure_is_counted(self, install: Any) -> None:
        provider, handle = install()
        provider.error = RuntimeError("bug")
        with get_diagnostics().collected() as lines:
            logger.info("x")
        assert handle.failed == 1
        assert lines == ["a loguru record was not captured (error=RuntimeError)"]

    def test_messages_logged_while_one_is_translated_end(self) -> None:
        class Talkative(Emitted):
            def get_logger(self, name: str) -> Any:
                logger.info("inner")
                return super().get_logger(name)

        provider = Talkative()
        handle = LoguruSource().install(provider)
        try:
            logger.info("outer")
        finally:
            handle.uninstall()
        assert provider.bodies == ["inner", "inner", "outer"]
        assert handle.dropped == 1

    def test_nonsense_from_a_patcher_is_survived(self, emitted: Emitted) -> None:
        logger.patch(lambda record: record.update(time="noon", name=7, extra=None, file=3)).info("x")
        logger.patch(lambda record: record.update(thread=None, exception="no", message=["a"])).info("y")
        assert emitted.bodies == ["x", ["a"]]
        assert emitted.records[0][0] == "loguru"


class TestCopies:
    def test_a_deep_copied_logger_is_captured_and_has_sinks_of_its_own(self, emitted: Emitted) -> None:
        output = io.StringIO()
        other = copy.deepcopy(logger)
        logger.add(output, format="{message}")
        other.info("copy")
        other.remove()
        other.info("copy again")
        assert (emitted.bodies, output.getvalue()) == (["copy", "copy again"], "")

    def test_a_copy_falls_silent_with_the_source(self, install: Any) -> None:
        provider, handle = install()
        other = copy.deepcopy(logger)
        handle.uninstall()
        other.info("x")
        other.add(io.StringIO())
        other.remove()
        assert provider.records == []
        assert not other._core.handlers

    def test_a_pickled_logger_takes_nothing_of_ours_along(self, emitted: Emitted) -> None:
        other = pickle.loads(pickle.dumps(logger))
        assert type(other._core.handlers) is dict
        other.info("elsewhere")
        assert emitted.records == []


class TestInstalling:
    def test_twice_is_the_same_handle_and_other_options_are_an_error(self) -> None:
        provider = Emitted()
        handle = LoguruSource().install(provider)
        try:
            assert LoguruSource().install(provider) is handle
            with pytest.raises(ConfigError, match="installed already"):
                LoguruSource(level="ERROR").install(provider)
        finally:
            handle.uninstall()

    def test_a_provider_that_is_none_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="get_logger"):
            LoguruSource().install(object())

    def test_to_record_needs_a_record(self) -> None:
        with pytest.raises(TypeError, match="loguru record"):
            LoguruSource().to_record("text")

    @pytest.mark.parametrize("name", ["loguru", "structlog", "fapilog"])
    def test_a_missing_library_is_named_with_what_to_install(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        for module in [*sys.modules]:
            if module.partition(".")[0] == name or module.startswith(f"fapilog_otel.sources.{name}"):
                monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ConfigError) as raised:
            fo.configure(exporters={"m": {"type": "memory"}}, sources=[name])
        assert f"pip install 'fapilog-otel[{name}]'" in str(raised.value)
        assert fo.configure(exporters={"m": {"type": "memory"}}, sources=[]).shutdown()
