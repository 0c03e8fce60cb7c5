"""structlog as a source: what is captured, from which chains, and that structlog sees no difference."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from source_doubles import Emitted

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError
from fapilog_otel.sources.stdlib import StdlibSource
from fapilog_otel.sources.structlog import ExportEvents, StructlogSource, add_trace_ids
from fapilog_otel_exporters.memory import MemoryExporter

TRACER = TracerProvider().get_tracer("test")
CALLSITE = [  # code objects of 3.10 do not know their qualified names
    one for one in structlog.processors.CallsiteParameter if sys.version_info >= (3, 11) or "QUAL" not in one.name
]


@pytest.fixture(autouse=True)
def pristine() -> Iterator[None]:
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def emitted() -> Iterator[Emitted]:
    provider = Emitted()
    handle = StructlogSource().install(provider)
    yield provider
    handle.uninstall()


def printing(*processors: Any, **options: Any) -> io.StringIO:
    """Configure structlog to print what the processors make, and give what it prints to."""
    output = io.StringIO()
    structlog.configure(processors=[*processors], logger_factory=structlog.PrintLoggerFactory(output), **options)
    return output


def through_stdlib(*processors: Any, level: int = logging.INFO) -> io.StringIO:
    """Configure structlog to hand its events to ``logging``, and give what its root handler writes."""
    output = io.StringIO()
    logging.basicConfig(stream=output, format="%(message)s", level=level, force=True)
    structlog.configure(
        processors=[*processors],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return output


@pytest.fixture
def plain_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], level = before[0], before[1]
    root.setLevel(level)


class TestTheEvent:
    def test_event_is_the_body_and_the_rest_are_attributes(self, emitted: Emitted) -> None:
        printing(structlog.processors.JSONRenderer())
        structlog.get_logger().bind(user="u1").warning("slow", took=1.5, rows=[1, 2])
        ((scope, fields),) = emitted.records
        assert (scope, fields["body"]) == ("structlog", "slow")
        assert (fields["severity_number"], fields["severity_text"]) == (13, "WARN")
        assert fields["attributes"] == {"user": "u1", "took": 1.5, "rows": [1, 2]}

    @pytest.mark.parametrize(
        ("method", "number", "text"),
        [
            ("debug", 5, "DEBUG"),
            ("info", 9, "INFO"),
            ("warning", 13, "WARN"),
            ("error", 17, "ERROR"),
            ("critical", 21, "FATAL"),
            ("exception", 17, "ERROR"),
        ],
    )
    def test_the_method_is_the_severity(self, emitted: Emitted, method: str, number: int, text: str) -> None:
        printing(structlog.processors.KeyValueRenderer())
        getattr(structlog.get_logger(), method)("x")
        assert (emitted.last["severity_number"], emitted.last["severity_text"]) == (number, text)

    def test_what_processors_add_for_the_renderer_is_no_attribute(self, emitted: Emitted) -> None:
        printing(
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            add_trace_ids,
            structlog.processors.CallsiteParameterAdder(CALLSITE),
            structlog.processors.JSONRenderer(),
        )
        structlog.contextvars.bind_contextvars(request_id="r1")
        with TRACER.start_as_current_span("s"):
            structlog.get_logger().info("x", a=1)
        attributes = emitted.last["attributes"]
        assert attributes.pop("code.line.number") > 0
        assert attributes.pop("code.file.path") == __file__
        assert attributes.pop("code.function.name") == "test_what_processors_add_for_the_renderer_is_no_attribute"
        assert attributes.pop("thread.id")
        assert attributes.pop("thread.name")
        assert attributes == {"request_id": "r1", "a": 1}

    def test_the_callers_own_keys_of_those_names_stay(self, emitted: Emitted) -> None:
        printing(structlog.processors.JSONRenderer())
        structlog.get_logger().info("x", level="basement", timestamp="noon", stack=["plates"], lineno=3, exception="no")
        assert emitted.last["attributes"] == {
            "level": "basement", "timestamp": "noon", "stack": ["plates"], "lineno": 3, "exception": "no",
        }  # fmt: skip

    def test_the_event_name_has_a_key(self, emitted: Emitted) -> None:
        printing(structlog.processors.JSONRenderer())
        structlog.get_logger().info("x", **{"otel.event.name": "order.placed"})
        assert (emitted.last["event_name"], emitted.last["attributes"]) == ("order.placed", {})

    def test_the_logger_name_is_the_scope(self, emitted: Emitted, plain_logging: None) -> None:
        through_stdlib(structlog.stdlib.add_logger_name, structlog.stdlib.render_to_log_kwargs)
        structlog.get_logger("shop.cart").info("x")
        assert emitted.records[0][0] == "shop.cart"
        assert "logger" not in emitted.last["attributes"]

    @pytest.mark.parametrize("render", ["bare", "formatted", "dict_tracebacks"])
    def test_an_exception_is_one(self, emitted: Emitted, render: str) -> None:
        before = {
            "bare": [],
            "formatted": [structlog.processors.format_exc_info],
            "dict_tracebacks": [structlog.processors.dict_tracebacks],
        }[render]
        printing(*before, structlog.processors.JSONRenderer())
        try:
            raise KeyError("k")
        except KeyError as error:
            structlog.get_logger().exception("one")
            structlog.get_logger().error("two", exc_info=True)
            structlog.get_logger().error("three", exc_info=error)
            structlog.get_logger().error("four", exc_info=sys.exc_info())
        for _, fields in emitted.records:
            attributes = fields["attributes"]
            assert attributes["exception.type"] == "KeyError"
            assert attributes["exception.message"] == "'k'"
            assert "raise KeyError" in attributes["exception.stacktrace"]
            assert set(attributes) == {"exception.type", "exception.message", "exception.stacktrace"}
        assert len(emitted.records) == 4

    def test_stack_info_is_the_code_stacktrace(self, emitted: Emitted) -> None:
        printing(structlog.processors.StackInfoRenderer(), structlog.processors.JSONRenderer())
        structlog.get_logger().info("x", stack_info=True)
        assert "test_stack_info" in emitted.last["attributes"]["code.stacktrace"]
        assert set(emitted.last["attributes"]) == {"code.stacktrace"}


class TestChains:
    def test_the_default_configuration_is_captured(self, emitted: Emitted, capsys: Any) -> None:
        structlog.get_logger().info("hello", a=1)
        assert "hello" in capsys.readouterr().out
        assert (emitted.bodies, emitted.last["attributes"]) == (["hello"], {"a": 1})

    def test_what_is_printed_is_the_same_with_and_without(self) -> None:
        def run() -> str:
            output = printing(
                structlog.processors.add_log_level,
                structlog.processors.EventRenamer("msg"),
                structlog.processors.JSONRenderer(sort_keys=True),
            )
            structlog.get_logger().bind(a=1).info("x", b=[{"c": 2}])
            return output.getvalue()

        alone = run()
        handle = StructlogSource().install(Emitted())
        try:
            assert run() == alone
        finally:
            handle.uninstall()

    def test_a_renamed_event_is_found_again(self, emitted: Emitted) -> None:
        printing(structlog.processors.EventRenamer("msg"), structlog.processors.JSONRenderer())
        structlog.get_logger().info("x")
        assert (emitted.last["body"], emitted.last["attributes"]) == ("x", {})

    def test_a_dropped_event_is_dropped_wherever_in_the_chain(self, emitted: Emitted) -> None:
        def drop(*_: Any) -> Any:
            raise structlog.DropEvent

        printing(drop, structlog.processors.JSONRenderer())
        structlog.get_logger().info("early")
        printing(drop)
        structlog.get_logger().info("late")
        assert emitted.records == []

    def test_a_renderer_that_raises_loses_nothing_and_raises_as_before(self, emitted: Emitted) -> None:
        def broken(*_: Any) -> Any:
            raise RuntimeError("renderer")

        printing(broken)
        with pytest.raises(RuntimeError, match="renderer"):
            structlog.get_logger().info("x")
        assert emitted.bodies == ["x"]

    def test_an_empty_chain_is_captured(self, emitted: Emitted) -> None:
        structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
        assert structlog.get_logger().info("x", a=1) == ((), {"a": 1, "event": "x"})
        assert (emitted.last["body"], emitted.last["attributes"]) == ("x", {"a": 1})

    def test_filtered_levels_never_reach_us(self, emitted: Emitted) -> None:
        printing(structlog.processors.JSONRenderer(), wrapper_class=structlog.make_filtering_bound_logger("WARNING"))
        structlog.get_logger().info("no")
        structlog.get_logger().warning("yes %s", "indeed")
        assert emitted.bodies == ["yes indeed"]

    @pytest.mark.asyncio
    async def test_the_async_methods_keep_the_callers_span(self, emitted: Emitted) -> None:
        printing(structlog.processors.JSONRenderer())
        log = structlog.get_logger()
        with TRACER.start_as_current_span("s") as span:
            await log.ainfo("async")
            await asyncio.create_task(log.awarning("task"))
        assert emitted.bodies == ["async", "task"]
        assert {fields["trace"] for _, fields in emitted.records} == {span.get_span_context().trace_id}


@pytest.mark.usefixtures("plain_logging")
class TestThroughLogging:
    CHAINS: tuple[tuple[str, Callable[[], list[Any]]], ...] = (
        ("kwargs", lambda: [structlog.stdlib.render_to_log_kwargs]),
        ("wrapped", lambda: [structlog.stdlib.ProcessorFormatter.wrap_for_formatter]),
        ("text", lambda: [structlog.processors.KeyValueRenderer()]),
        ("filtered", lambda: [structlog.stdlib.filter_by_level, structlog.processors.JSONRenderer()]),
    )

    @pytest.mark.parametrize("chain", [chain for _, chain in CHAINS], ids=[name for name, _ in CHAINS])
    def test_an_event_arrives_once_with_its_structure_and_is_printed(self, chain: Callable[[], list[Any]]) -> None:
        output = through_stdlib(*chain())
        memory = MemoryExporter()
        with fo.configure(exporters={"m": memory}, sources=["stdlib", "structlog"]) as handle:
            structlog.get_logger("shop").info("order", total=12.5)
            logging.getLogger("shop").info("plain")
            assert handle.flush(5)
        assert [(record.body, record.scope.name) for record in memory.records] == [("order", "shop"), ("plain", "shop")]
        assert memory.records[0].attributes == {"total": 12.5}
        assert "order" in output.getvalue()
        assert "plain" in output.getvalue()

    def test_a_level_that_logging_refuses_is_not_captured(self, emitted: Emitted) -> None:
        through_stdlib(structlog.stdlib.render_to_log_kwargs, level=logging.ERROR)
        structlog.get_logger("quiet").warning("no")
        structlog.get_logger("quiet").error("yes")
        assert emitted.bodies == ["yes"]

    def test_without_our_stdlib_source_nothing_else_changes(self, emitted: Emitted) -> None:
        output = through_stdlib(structlog.stdlib.render_to_log_kwargs)
        structlog.get_logger("shop").info("order %s", "o-1")
        assert output.getvalue().strip() == "order %s" or "order" in output.getvalue()
        assert len(emitted.records) == 1


class TestInstalling:
    def test_reconfiguring_at_any_time_changes_nothing(self, emitted: Emitted) -> None:
        early = structlog.get_logger()
        early.info("unconfigured")
        printing(structlog.processors.JSONRenderer(), cache_logger_on_first_use=True)
        cached = structlog.get_logger().bind()
        cached.info("cached")
        structlog.reset_defaults()
        structlog.configure_once(processors=[structlog.processors.JSONRenderer()])
        early.info("configured once")
        cached.info("still cached")
        assert emitted.bodies == ["unconfigured", "cached", "configured once", "still cached"]

    def test_uninstalling_leaves_structlog_as_it_was(self) -> None:
        from structlog._base import BoundLoggerBase

        def state() -> tuple[Any, ...]:
            return (dict(vars(BoundLoggerBase)), structlog.get_config(), structlog.is_configured())

        before = state()
        handle = StructlogSource().install(Emitted())
        assert structlog.get_config() == before[1]
        assert not structlog.is_configured()
        handle.uninstall()
        handle.uninstall()
        assert state() == before

    def test_what_somebody_hooked_on_top_keeps_working(self) -> None:
        from structlog._base import BoundLoggerBase

        emitted = Emitted()
        handle = StructlogSource().install(emitted)
        ours = BoundLoggerBase._process_event
        seen: list[str] = []

        def theirs(self: Any, method_name: str, event: Any, event_kw: Any) -> Any:
            seen.append(event)
            return ours(self, method_name, event, event_kw)

        original = handle._hook._before["_process_event"]
        BoundLoggerBase._process_event = theirs  # type: ignore[method-assign]
        try:
            handle.uninstall()
            structlog.get_logger().info("x")
            assert (seen, emitted.records) == (["x"], [])
        finally:
            BoundLoggerBase._process_event = original  # type: ignore[method-assign]

    def test_twice_is_the_same_handle_and_other_options_are_an_error(self) -> None:
        provider = Emitted()
        handle = StructlogSource().install(provider)
        try:
            assert StructlogSource().install(provider) is handle
            with pytest.raises(ConfigError, match="installed already"):
                StructlogSource(level="ERROR").install(provider)
        finally:
            handle.uninstall()

    def test_levels_are_gates(self) -> None:
        emitted = Emitted()
        handle = StructlogSource("WARNING", {"noisy": "ERROR", "noisy.but": "DEBUG"}).install(emitted)
        try:
            for name in ("other", "noisy.one", "noisy.but.loved"):
                for level in ("debug", "warning", "error"):
                    getattr(structlog.get_logger().bind(logger=name), level)(f"{name} {level}")
        finally:
            handle.uninstall()
        assert emitted.bodies == [
            "other warning", "other error", "noisy.one error",
            "noisy.but.loved debug", "noisy.but.loved warning", "noisy.but.loved error",
        ]  # fmt: skip

    @pytest.mark.parametrize("level", ["LOUD", object()])
    def test_an_unknown_level_is_refused(self, level: Any) -> None:
        with pytest.raises(ConfigError, match="level"):
            StructlogSource(level)

    def test_an_error_of_ours_never_reaches_the_application(self, emitted: Emitted) -> None:
        emitted.error = RuntimeError("bug")
        output = printing(structlog.processors.JSONRenderer())
        structlog.get_logger().info("x")
        assert json.loads(output.getvalue()) == {"event": "x"}

    def test_logging_while_an_event_is_translated_does_not_recurse(self) -> None:
        class Talkative(Emitted):
            def get_logger(self, name: str) -> Any:
                structlog.get_logger().info("inner")
                return super().get_logger(name)

        provider = Talkative()
        handle = StructlogSource().install(provider)
        try:
            structlog.get_logger().info("outer")
        finally:
            handle.uninstall()
        assert provider.bodies == ["outer"]


class TestByHand:
    def test_the_export_processor_exports_once_and_hands_the_event_on(self, emitted: Emitted) -> None:
        mine = Emitted()
        output = printing(ExportEvents(mine), structlog.processors.JSONRenderer())
        structlog.get_logger().info("x", a=1)
        assert (mine.bodies, emitted.bodies) == (["x"], [])
        assert json.loads(output.getvalue()) == {"event": "x", "a": 1}

    def test_trace_ids_are_added_inside_a_span_only(self) -> None:
        output = printing(add_trace_ids, structlog.processors.JSONRenderer())
        with TRACER.start_as_current_span("s") as span:
            structlog.get_logger().info("in")
        copy_context().run(structlog.get_logger().info, "out")
        inside, outside = map(json.loads, output.getvalue().splitlines())
        assert inside["otelTraceID"] == f"{span.get_span_context().trace_id:032x}"
        assert inside["otelSpanID"] == f"{span.get_span_context().span_id:016x}"
        assert inside["otelTraceSampled"] is True
        assert outside == {"event": "out"}


class TestConfigure:
    def test_it_is_installed_by_name_and_ids_are_those_of_the_span(self) -> None:
        memory = MemoryExporter()
        with fo.configure(exporters={"m": memory}, sources=["structlog"]) as handle:
            with TRACER.start_as_current_span("s") as span:
                structlog.get_logger().info("in a span", n=1)
            assert handle.flush(5)
            (record,) = memory.records
            assert record.trace_id == span.get_span_context().trace_id
            assert record.span_id == span.get_span_context().span_id
        structlog.get_logger().info("after")
        assert len(memory.records) == 1

    def test_stdlib_does_not_hear_what_goes_nowhere_near_it(self) -> None:
        assert StdlibSource() == StdlibSource()
