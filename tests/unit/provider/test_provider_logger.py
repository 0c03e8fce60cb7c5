# ruff: noqa: LOG004 - exception() outside of a handler is what is tested
"""Our own logger: level methods, attributes of any name, binding, exceptions, async twins, never an error."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

import fapilog_otel as fo
from fapilog_otel.provider.logger import Logger
from fapilog_otel_exporters.memory import MemoryExporter
from tests.contract.faces_support import Closing, delivered

LEVELS = {
    "trace": (1, "TRACE"),
    "debug": (5, "DEBUG"),
    "info": (9, "INFO"),
    "warning": (13, "WARN"),
    "warn": (13, "WARN"),
    "error": (17, "ERROR"),
    "critical": (21, "FATAL"),
    "fatal": (21, "FATAL"),
    "audit": (22, "AUDIT"),
    "security": (23, "SECURITY"),
}


@pytest.fixture
def log(provider: fo.LoggerProvider) -> Logger:
    return provider.make_logger("shop.cart")


class TestLevelMethods:
    @pytest.mark.parametrize("method", LEVELS)
    def test_each_has_its_severity(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger, method: str
    ) -> None:
        before = time.time_ns()
        getattr(log, method)("hello", n=1)
        (record,) = delivered(provider, memory)
        assert (record.severity_number, record.severity_text) == LEVELS[method]
        assert (record.body, dict(record.attributes), record.scope.name) == ("hello", {"n": 1}, "shop.cart")
        assert before <= record.timestamp <= record.observed_timestamp <= time.time_ns()

    @pytest.mark.parametrize("method", LEVELS)
    async def test_each_has_an_async_twin(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger, method: str
    ) -> None:
        await getattr(log, "a" + method)("hello %s", "you", n=1)
        (record,) = delivered(provider, memory)
        assert (record.severity_number, record.severity_text) == LEVELS[method]
        assert (record.body, dict(record.attributes)) == ("hello you", {"n": 1})

    @pytest.mark.parametrize(
        "key",
        ["self", "message", "level", "body", "args", "name", "msg", "severity", "timestamp", "attributes", "context",
         "event_name", "exception", "record", "extra", "stack_info", "kwargs", "cls"],
    )  # fmt: skip
    def test_any_keyword_is_an_attribute(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger, key: str
    ) -> None:
        log.info("text", **{key: "value"})
        log.log("INFO", "text", **{key: "value"})
        log.exception("text", **{key: "value"})
        log.bind(**{key: "value"}).info("text")
        records = delivered(provider, memory)
        assert len(records) == 4
        assert all(record.body == "text" and record.attributes[key] == "value" for record in records)

    @pytest.mark.parametrize(
        ("message", "args", "body"),
        [
            ("%s and %d", ("a", 1), "a and 1"),
            ("%(k)s", ({"k": "v"},), "v"),
            ("100%", (), "100%"),
            ("%d", ("x",), ["%d", "x"]),
            ("no place", ("x",), ["no place", "x"]),
            ({"a": 1}, (), {"a": 1}),
            (None, (), None),
        ],
    )
    def test_positional_arguments_fill_the_message_in(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger, message: Any, args: Any, body: Any
    ) -> None:
        log.info(message, *args)
        assert delivered(provider, memory)[0].body == body

    @pytest.mark.parametrize(
        ("level", "number", "text"),
        [
            ("INFO", 9, "INFO"),
            (" warning ", 13, "WARN"),
            ("audit", 22, "AUDIT"),
            ("debug2", 6, "DEBUG2"),
            (logging.ERROR, 17, "ERROR"),
            (25, 12, "INFO4"),
            ("30", 13, "WARN"),
        ],
    )
    def test_log_takes_names_and_numbers(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger, level: Any, number: int, text: str
    ) -> None:
        log.log(level, "x")
        (record,) = delivered(provider, memory)
        assert (record.severity_number, record.severity_text, dict(record.attributes)) == (number, text, {})

    @pytest.mark.parametrize("level", ["nonsense", None, object, [], 1.5])
    def test_an_unknown_level_loses_no_record_and_is_told(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger, level: Any
    ) -> None:
        log.log(level, "x")
        (record,) = delivered(provider, memory)
        assert record.severity_number == 9
        assert "log.level" in record.attributes

    async def test_alog_is_its_twin(self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger) -> None:
        await log.alog("ERROR", "x %s", "y", k=1)
        (record,) = delivered(provider, memory)
        assert (record.body, record.severity_number, record.attributes["k"]) == ("x y", 17, 1)

    def test_the_message_is_positional_only_everywhere(self) -> None:
        for name in (*LEVELS, "exception", "log", *(f"a{name}" for name in LEVELS), "aexception", "alog"):
            parameters = inspect.signature(getattr(Logger, name)).parameters
            assert parameters["message"].kind is inspect.Parameter.POSITIONAL_ONLY, name
            assert parameters["exc_info"].kind is inspect.Parameter.KEYWORD_ONLY, name


class TestExceptions:
    def test_exception_takes_the_one_being_handled(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger
    ) -> None:
        try:
            {}["missing"]
        except KeyError:
            log.exception("failed", order=1)
        (record,) = delivered(provider, memory)
        assert record.severity_number == 17
        assert record.attributes["exception.type"] == "KeyError"
        assert "test_exception_takes" in str(record.attributes["exception.stacktrace"])
        assert record.attributes["order"] == 1

    @pytest.mark.parametrize("form", ["instance", "triple", "true"])
    def test_exc_info_in_every_form(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger, form: str
    ) -> None:
        try:
            raise ValueError("boom")
        except ValueError as error:
            given = {"instance": error, "triple": (type(error), error, error.__traceback__), "true": True}[form]
            log.warning("failed", exc_info=given)
        attributes = delivered(provider, memory)[0].attributes
        assert (attributes["exception.type"], attributes["exception.message"]) == ("ValueError", "boom")

    @pytest.mark.parametrize("given", [None, False, True, (None, None, None), "text", 5])
    def test_without_an_exception_there_are_no_attributes(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger, given: Any
    ) -> None:
        log.info("x", exc_info=given)
        log.exception("y", exc_info=given)
        assert all(dict(record.attributes) == {} for record in delivered(provider, memory))

    async def test_aexception_takes_it_too(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger
    ) -> None:
        try:
            raise ValueError("boom")
        except ValueError:
            await log.aexception("failed")
        assert delivered(provider, memory)[0].attributes["exception.message"] == "boom"

    def test_attributes_of_the_call_win(self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger) -> None:
        log.error("x", exc_info=ValueError("boom"), **{"exception.message": "mine"})
        assert delivered(provider, memory)[0].attributes["exception.message"] == "mine"


class TestBinding:
    def test_bind_adds_and_leaves_the_logger_as_it_was(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger
    ) -> None:
        first = log.bind(a=1, b=1)
        second = first.bind(b=2)
        for one in (log, first, second):
            one.info("x", c=3)
        assert [dict(record.attributes) for record in delivered(provider, memory)] == [
            {"c": 3}, {"a": 1, "b": 1, "c": 3}, {"a": 1, "b": 2, "c": 3},
        ]  # fmt: skip

    def test_unbind_takes_away(self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger) -> None:
        log.bind(a=1, b=2).unbind("a", "never").info("x")
        assert dict(delivered(provider, memory)[0].attributes) == {"b": 2}

    def test_nearer_attributes_win(self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger) -> None:
        with fo.bound_context(a="context", b="context", c="context"):
            log.bind(b="bound", c="bound").info("x", c="call")
        attributes = dict(delivered(provider, memory)[0].attributes)
        assert attributes == {"a": "context", "b": "bound", "c": "call"}

    def test_a_bound_context_ends_with_its_block_and_nests(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger
    ) -> None:
        with fo.bound_context(a=1):
            with fo.bound_context(b=2):
                log.info("inner")
            log.info("outer")
        log.info("none")
        assert [dict(record.attributes) for record in delivered(provider, memory)] == [{"a": 1, "b": 2}, {"a": 1}, {}]

    async def test_it_follows_into_tasks_and_not_out_of_them(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger
    ) -> None:
        async def work() -> None:
            with fo.bound_context(task=1):
                await asyncio.sleep(0)
                log.info("task")

        with fo.bound_context(request=1):
            task = asyncio.ensure_future(work())
            await asyncio.sleep(0)
            log.info("parent")
            await task
        found = {record.body: dict(record.attributes) for record in delivered(provider, memory)}
        assert found == {"parent": {"request": 1}, "task": {"request": 1, "task": 1}}

    def test_a_copied_logger_is_the_same(self, log: Logger) -> None:
        assert copy.copy(log) is log
        assert copy.deepcopy({"log": log})["log"] is log

    def test_it_shows_its_name(self, log: Logger) -> None:
        assert (repr(log), log.name, log.own) == ("Logger('shop.cart')", "shop.cart", False)


class Hostile:
    """Every question about it is an error."""

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("no")

    __str__ = __repr__ = __bool__ = __eq__ = __len__ = __iter__ = __index__ = __int__ = __float__ = _refuse
    __getattr__ = __getitem__ = _refuse

    def __hash__(self) -> int:
        return 1


ODD: list[Any] = [Hostile(), float("inf"), float("nan"), 2**70, -1, "\ud800", b"x", [], {}, set(), object(), None]
FIELDS = ("record", "timestamp", "observed_timestamp", "context", "severity_number", "severity_text", "body",
          "attributes", "event_name", "exception")  # fmt: skip


class TestNeverAnError:
    @pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
    def test_level_methods_take_anything(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger, value: Any
    ) -> None:
        log.info(value)
        log.info("x", a=value)
        log.info("%s %d", value)
        log.info("%s %d", value, value)
        log.log(value, "x")
        log.bind(a=value).info("x")
        with fo.bound_context(a=value):
            log.info("x")
        log.exception(value)
        assert len(delivered(provider, memory)) == 8

    @pytest.mark.parametrize("field", FIELDS)
    @pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
    def test_emit_takes_anything(self, provider: fo.LoggerProvider, log: Logger, field: str, value: Any) -> None:
        log.emit(**{field: value})
        assert provider.stats().submitted == 1

    @pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
    def test_exc_info_takes_anything(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, log: Logger, value: Any
    ) -> None:
        log.info("x", exc_info=value)
        log.exception("x", exc_info=value)
        assert len(delivered(provider, memory)) == 2

    @pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
    def test_enabled_takes_anything(self, log: Logger, value: Any) -> None:
        assert log.enabled(context=value, severity_number=value, event_name=value) in (True, False)

    def test_nor_does_a_provider_that_is_not_there(self) -> None:
        log = fo.get_logger("nowhere")
        log.info("x")
        log.bind(a=1).exception("x")
        assert not log.enabled()


class TestBeforeConfigure:
    def test_a_logger_from_before_delivers_from_then_on(self, memory: MemoryExporter, configure: Any) -> None:
        log = fo.get_logger("shop", "1.0", team="a")
        log.error("before")
        with configure(exporters={"memory": memory}, sources=[]) as handle:
            log.info("after")
            assert handle.flush(5)
        log.error("later")
        (record,) = memory.records
        assert (record.body, dict(record.attributes)) == ("after", {"team": "a"})
        assert (record.scope.name, record.scope.version) == ("shop", "1.0")
        assert handle.stats().submitted == 1 + handle.stats().dropped

    @pytest.mark.parametrize(
        ("level", "passed"), [(None, ["info"]), ("DEBUG", ["debug", "info"]), ("WARNING", []), (10, ["debug", "info"])]
    )
    def test_its_own_level_is_info_unless_told_otherwise(
        self, memory: MemoryExporter, configure: Callable[..., fo.Handle], level: Any, passed: list[str]
    ) -> None:
        handle = configure(exporters={"memory": memory}, sources=[], level=level)
        log = fo.get_logger("shop")
        log.debug("debug")
        log.info("info")
        assert handle.flush(5)
        assert sorted(str(record.body) for record in memory.records) == passed

    def test_levels_by_name_go_before(self, memory: MemoryExporter, configure: Callable[..., fo.Handle]) -> None:
        handle = configure(
            exporters={"memory": memory}, sources=[], level="ERROR", levels={"shop": "DEBUG", "shop.noisy": "FATAL"}
        )
        fo.get_logger("shop.cart").debug("kept")
        fo.get_logger("shop.noisy").error("silenced")
        fo.get_logger("shopping").warning("not a child")
        assert handle.flush(5)
        assert [record.body for record in memory.records] == ["kept"]


class TestBlockPolicy:
    async def test_the_async_twin_waits_without_blocking_the_loop(self, closing: Closing) -> None:
        settings = fo.Settings(
            endpoint="http://127.0.0.1:1", on_full="block", block_timeout=0.4, max_queue_size=5, shutdown_timeout=0.1
        )
        provider = closing(fo.LoggerProvider(settings=settings))
        log: Any = provider.get_logger("shop")
        for _ in range(5):
            log.info("x")
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.ensure_future(tick())
        started = time.monotonic()
        await log.ainfo("one too many")
        waited = time.monotonic() - started
        ticking.cancel()
        assert 0.3 < waited < 1.5
        assert ticks > 10
        assert provider.stats().dropped_by_reason == {"queue_full": 1}
