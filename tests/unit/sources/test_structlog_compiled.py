"""The compiled hook over structlog's functions: what it captures and prints is what the Python one does."""

from __future__ import annotations

import gc
import io
import logging
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from structlog import processors
from structlog._base import BoundLoggerBase

import fapilog_otel as fo
from fapilog_otel.settings import load_settings
from fapilog_otel.sources.structlog import ExportEvents, StructlogSource, compiled, hook
from fapilog_otel.telemetry.origin import exporting, is_internal
from fapilog_otel_exporters.memory import MemoryExporter

TRACER = TracerProvider().get_tracer("test")
CALLSITE = [  # code objects of 3.10 do not know their qualified names
    one for one in processors.CallsiteParameter if sys.version_info >= (3, 11) or "QUAL" not in one.name
]

pytestmark = pytest.mark.skipif(not compiled.NATIVE, reason="this run is about the Python encoder")


class Odd:
    def __str__(self) -> str:
        return "odd"

    __repr__ = __str__


@dataclass
class Equal:
    by: str

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, _: Any, __: str, event_dict: Any) -> Any:
        return {**event_dict, "by": self.by}


class LogsInText:
    def __str__(self) -> str:
        structlog.get_logger("inner").info("from within", plain=1)
        return "text"


def rename(_: Any, __: str, event_dict: Any) -> Any:
    event_dict["message"] = event_dict.pop("event")
    return event_dict


def drop_odd(_: Any, __: str, event_dict: Any) -> Any:
    if event_dict.get("number") == 3:
        raise structlog.DropEvent
    return event_dict


def fail(_: Any, __: str, event_dict: Any) -> Any:
    raise ValueError("no renderer")


def nonsense(_: Any, __: str, event_dict: Any) -> Any:
    return 5


def empty_then_text(_: Any, __: str, event_dict: Any) -> str:
    event_dict.clear()
    return "rendered"


CHAINS: dict[str, list[Any]] = {
    "json": [processors.JSONRenderer(default=str)],
    "usual": [
        structlog.contextvars.merge_contextvars, processors.add_log_level, processors.TimeStamper(fmt="iso", utc=True),
        processors.StackInfoRenderer(), processors.format_exc_info, processors.JSONRenderer(default=str),
    ],
    "callsite": [processors.CallsiteParameterAdder(CALLSITE), processors.KeyValueRenderer()],
    "renamed": [rename, processors.KeyValueRenderer()],
    "dropping": [drop_odd, processors.KeyValueRenderer()],
    "emptied": [empty_then_text],
    "failing": [fail],
    "nonsense": [nonsense],
    "tuple": [lambda *_: (("printed",), {})],
    "bytes": [lambda *_: b"printed"],
    "none": [],
    "text before the last": [lambda *_: "text", lambda _, __, text: text],
}  # fmt: skip


def calls(log: Any) -> list[Callable[[], object]]:
    bound = log.bind(user="u1", level="of the caller")
    return [
        lambda: log.info("plain", number=1, share=0.5, done=True, nothing=None, text="é\ud800"),
        lambda: log.info("dropped by some", number=3),
        lambda: log.debug("debug"),
        lambda: log.warning("odd values", odd=Odd(), rows=[1, 2], deep={"a": {"b": b"x"}}, big=1 << 70),
        lambda: bound.error("bound", user="u2", timestamp="noon", log_level="mine"),
        lambda: bound.critical("named", logger="shop.cart"),
        lambda: log.info("not a name", logger=5, logger_name="by keyword"),
        lambda: log.info("positional %s", "argument"),
        lambda: log.info(None, event_less=True),
        lambda: log.info(5),
        lambda: log.info("with a name of its own", **{"event.name": "order.placed"}),
        lambda: log.info("trace keys", otelTraceID="0", trace_id="mine"),
        lambda: log.info("stack", stack_info=True),
        lambda: log.exception("exception outside"),  # noqa: LOG004 - it happens
        lambda: failing_with(log),
        lambda: log.info("exc_info", exc_info=ValueError("given")),
        lambda: log.info("", **{"": "no key", "lineno": 3}),
    ]


def failing_with(log: Any) -> None:
    try:
        raise KeyError("missing")
    except KeyError:
        log.exception("exception within", order=1)


def run(chain: list[Any], monkeypatch: pytest.MonkeyPatch, *, native: bool, **configuration: Any) -> list[Any]:
    """Make the calls; gives what each printed or raised, and the records."""
    if not native:
        monkeypatch.setattr(hook, "compiled_hook", lambda **_: None)
    memory, output = MemoryExporter(), io.StringIO()
    settings = load_settings({"exporters": {"m": memory}}, environ={})
    provider = fo.LoggerProvider(settings=settings, shutdown_on_exit=False)
    structlog.configure(processors=chain, **{"logger_factory": structlog.PrintLoggerFactory(output), **configuration})
    handle = StructlogSource().install(provider)
    try:
        is_native = type(BoundLoggerBase._process_event).__name__ == "cython_function_or_method"
        assert is_native == native
        found: list[Any] = []
        log = structlog.get_logger()
        with TRACER.start_as_current_span("s") as span:
            for call in calls(log):
                output.truncate(0)
                output.seek(0)
                try:
                    call()
                except Exception as error:
                    found.append(type(error).__name__)
                found.append(without_times(output.getvalue()))
        assert provider.force_flush(10_000)
        ours = span.get_span_context()
        for record in memory.records:
            assert (record.trace_id, record.span_id) == (ours.trace_id, ours.span_id)
            attributes = {key: value for key, value in record.attributes.items() if key not in UNSTABLE}
            found.append((record.scope.name, record.severity_number, record.severity_text, record.body, attributes,
                          record.event_name))  # fmt: skip
        assert handle.failed == 0
        return found
    finally:
        handle.uninstall()
        provider.shutdown(1000)
        monkeypatch.undo()
        structlog.reset_defaults()


UNSTABLE = {"timestamp", "code.line.number", "code.stacktrace", "exception.stacktrace", "thread.id"}


def without_times(text: str) -> str:
    text = re.sub(r"(Stack|Traceback) \(most recent.*", r"\1", text, flags=re.DOTALL)
    text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME", text)
    return re.sub(r"(line |lineno=|thread=|File \")[^,\s]+", r"\1X", text)


@pytest.fixture(autouse=True)
def pristine() -> Iterator[None]:
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


class TestBothWays:
    @pytest.mark.parametrize("name", CHAINS)
    def test_capture_and_print_the_same(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        native = run(CHAINS[name], monkeypatch, native=True)
        assert native == run(CHAINS[name], monkeypatch, native=False)
        assert len(native) > len(calls(structlog.get_logger())) or name in {"failing", "nonsense"}

    @pytest.mark.parametrize("name", ["usual", "renamed", "none"])
    @pytest.mark.parametrize("wrapper", [structlog.make_filtering_bound_logger(20), structlog.BoundLogger])
    def test_with_other_wrapper_classes(self, name: str, wrapper: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        native = run(CHAINS[name], monkeypatch, native=True, wrapper_class=wrapper)
        assert native == run(CHAINS[name], monkeypatch, native=False, wrapper_class=wrapper)

    @pytest.mark.parametrize("level", [logging.DEBUG, logging.ERROR])
    def test_in_front_of_logging(self, level: int, monkeypatch: pytest.MonkeyPatch) -> None:
        logger = logging.getLogger("compiled.test")
        monkeypatch.setattr(logger, "level", level)
        logger.manager._clear_cache()  # type: ignore[attr-defined]
        found = []
        for native in (True, False):
            logger.setLevel(level)
            found.append(
                run(
                    [processors.KeyValueRenderer()], monkeypatch, native=native,
                    logger_factory=lambda *_: logger, wrapper_class=structlog.stdlib.BoundLogger,
                )
            )  # fmt: skip
        assert found[0] == found[1]


@pytest.fixture
def memory() -> Iterator[MemoryExporter]:
    exporter = MemoryExporter()
    settings = load_settings({"exporters": {"m": exporter}}, environ={})
    provider = fo.LoggerProvider(settings=settings, shutdown_on_exit=False)
    handle = StructlogSource(levels={"quiet": "ERROR"}).install(provider)
    chain: list[Any] = [processors.add_log_level, empty_then_text]
    structlog.configure(processors=chain, logger_factory=structlog.ReturnLoggerFactory())
    exporter.flush = lambda: provider.force_flush(10_000)  # type: ignore[attr-defined]
    yield exporter
    handle.uninstall()
    provider.shutdown(1000)


def bodies(memory: Any) -> list[Any]:
    assert memory.flush()
    return [record.body for record in memory.records]


class TestTheCompiledHook:
    def test_a_chain_that_exports_by_itself_is_left_alone(self, memory: Any) -> None:
        given: list[Any] = []

        class Provider:
            def get_logger(self, name: str) -> Any:
                return self

            def emit(self, **fields: Any) -> None:
                given.append(fields["body"])

        structlog.configure(processors=[ExportEvents(Provider()), empty_then_text])  # type: ignore[arg-type]
        assert structlog.get_logger().info("by itself") == "rendered"
        assert (given, bodies(memory)) == (["by itself"], [])

    def test_a_chain_that_is_changed_in_place_is_seen(self, memory: Any) -> None:
        chain: list[Any] = [empty_then_text]
        structlog.configure(processors=chain)
        log = structlog.get_logger()
        log.info("one")
        chain.insert(0, lambda _, __, event: {**event, "event": "changed"})
        log.info("two")
        assert bodies(memory) == ["one", "changed"]

    def test_a_processor_that_is_replaced_by_an_equal_one_is_called(self, memory: Any) -> None:
        chain: list[Any] = [Equal("one"), empty_then_text]
        structlog.configure(processors=chain)
        log = structlog.get_logger()
        log.info("x")
        chain[0] = Equal("two")
        log.info("x")
        assert memory.flush()
        assert [record.attributes["by"] for record in memory.records] == ["one", "two"]

    def test_what_the_call_gives_as_self_or_as_other_mappings_goes_as_without_it(self, memory: Any) -> None:
        bound = structlog.get_logger().bind()
        assert bound._proxy_to_logger("info", "x", self_=1) == "rendered"
        assert bound._process_event("info", "y", MappingProxyType({"a": 1})) == (("rendered",), {})
        with pytest.raises(TypeError):
            bound._process_event("info", "z", {1: 2})
        assert bodies(memory) == ["x", "y"]

    def test_a_logger_behind_a_proxy_is_handed_on_once(self, memory: Any) -> None:
        class Proxy:
            def __init__(self, behind: logging.Logger) -> None:
                self._behind = behind

            def __getattr__(self, name: str) -> Any:
                return getattr(self._behind, name)

            __class__ = property(lambda self: type(self._behind))  # type: ignore[assignment]

        said: list[bool] = []

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                said.append(is_internal())

        behind = logging.getLogger("behind.a.proxy")
        behind.setLevel(logging.INFO)
        behind.addHandler(Handler())
        structlog.configure(
            processors=[lambda _, __, event: event["event"]],
            logger_factory=lambda *_: Proxy(behind),
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        structlog.get_logger().info("x")
        assert (said, bodies(memory)) == ([True], ["x"])

    def test_levels_of_names_are_gates(self, memory: Any) -> None:
        log = structlog.get_logger()
        log.info("no", logger="quiet.child")
        log.error("yes", logger="quiet.child")
        assert bodies(memory) == ["yes"]

    def test_what_our_own_exporting_logs_is_left_out(self, memory: Any) -> None:
        with exporting():
            structlog.get_logger().info("within")
        structlog.get_logger().info("outside")
        assert bodies(memory) == ["outside"]

    def test_an_event_out_of_a_value_that_is_being_translated_does_no_harm(self, memory: Any) -> None:
        structlog.get_logger().info("outer", value=LogsInText())
        assert "outer" in bodies(memory)
        (outer,) = (record for record in memory.records if record.body == "outer")
        assert outer.attributes["value"] == "text"

    def test_a_context_that_is_no_plain_dictionary(self, memory: Any) -> None:
        structlog.configure(context_class=OrderedDict)
        structlog.get_logger().bind(a=1).info("ordered", b=2)
        assert bodies(memory) == ["ordered"]
        assert dict(memory.records[0].attributes) == {"a": 1, "b": 2}

    def test_a_subclass_with_a_function_of_its_own_keeps_it(self, memory: Any) -> None:
        class Shouting(structlog.BoundLogger):
            def _process_event(self, method_name: str, event: Any, event_kw: dict[str, Any]) -> Any:
                return super()._process_event(method_name, event.upper(), event_kw)

        structlog.configure(wrapper_class=Shouting)
        assert structlog.get_logger().info("quiet") == "rendered"
        assert bodies(memory) == ["QUIET"]

    def test_functions_that_are_not_structlogs_are_called(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = BoundLoggerBase._process_event
        seen: list[str] = []

        def spying(self: Any, method_name: str, event: Any, event_kw: dict[str, Any]) -> Any:
            seen.append(method_name)
            return before(self, method_name, event, event_kw)

        monkeypatch.setattr(BoundLoggerBase, "_process_event", spying)
        exporter = MemoryExporter()
        settings = load_settings({"exporters": {"m": exporter}}, environ={})
        provider = fo.LoggerProvider(settings=settings, shutdown_on_exit=False)
        handle = StructlogSource().install(provider)
        structlog.configure(processors=[empty_then_text], logger_factory=structlog.ReturnLoggerFactory())
        structlog.get_logger().info("x")
        handle.uninstall()
        assert provider.force_flush(10_000)
        provider.shutdown(1000)
        assert (seen, [record.body for record in exporter.records]) == (["info"], ["x"])

    def test_nothing_is_kept_of_events(self, memory: Any) -> None:
        log = structlog.get_logger()

        def rounds(number: int) -> None:
            for _ in range(number):
                log.info("order placed", number=1, share=0.5, text="x")
                log.info("odd", value=[1])

        rounds(2000)
        assert memory.flush()
        memory.clear() if hasattr(memory, "clear") else memory.records.clear()
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(3):
            rounds(2000)
            assert memory.flush()
            memory.clear() if hasattr(memory, "clear") else memory.records.clear()
        gc.collect()
        assert sys.getallocatedblocks() - before < 500
