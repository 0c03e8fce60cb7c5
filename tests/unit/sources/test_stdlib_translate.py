from __future__ import annotations

import datetime as dt
import enum
import logging
import sys
import time
from typing import Any

import pytest

from fapilog_otel.contracts import Source
from fapilog_otel.model.record import Record
from fapilog_otel.sources.stdlib import StdlibSource
from fapilog_otel.sources.stdlib.translate import FORMAT_ERROR, Selection, fields_of, scope_name
from tests.unit.encode.poison import POISONS


def translate(record: logging.LogRecord, **options: Any) -> Record:
    return StdlibSource(**options).to_record(record)


def make(
    msg: object = "hello", *args: object, level: int = logging.INFO, extra: Any = None, **fields: Any
) -> logging.LogRecord:
    log = logging.Logger("shop.cart")  # noqa: LOG001
    exc_info = fields.pop("exc_info", None)
    record = log.makeRecord("shop.cart", level, "/app/cart.py", 42, msg, args, exc_info, "add", extra)
    record.__dict__.update(fields)
    return record


class Broken:
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


class TestToRecord:
    def test_fills_the_fields_of_the_data_model(self) -> None:
        before = time.time_ns()
        record = translate(make("hello %s", "world"))
        assert record.body == "hello world"
        assert (record.severity_number, record.severity_text) == (9, "INFO")
        assert record.scope.name == "shop.cart"
        assert before - 1000 <= record.timestamp <= record.observed_timestamp <= time.time_ns()
        assert (record.trace_id, record.span_id, record.event_name) == (0, 0, "")
        assert record.attributes == {
            "code.file.path": "/app/cart.py",
            "code.line.number": 42,
            "code.function.name": "add",
        }

    def test_takes_only_records_of_logging(self) -> None:
        with pytest.raises(TypeError, match="LogRecord"):
            StdlibSource().to_record({"msg": "hello"})

    def test_makes_the_source_one_of_the_contract(self) -> None:
        assert isinstance(StdlibSource(), Source)

    @pytest.mark.parametrize(
        ("level", "number", "text"),
        [
            (5, 1, "Level 5"),
            (10, 5, "DEBUG"),
            (20, 9, "INFO"),
            (25, 12, "Level 25"),
            (30, 13, "WARN"),
            (40, 17, "ERROR"),
            (50, 21, "FATAL"),
            (99, 24, "Level 99"),
        ],
    )
    def test_writes_the_level_as_the_stock_handler_does(self, level: int, number: int, text: str) -> None:
        record = translate(make(level=level))
        assert (record.severity_number, record.severity_text) == (number, text)

    @pytest.mark.parametrize(("level", "name", "number"), [(60, "AUDIT", 22), (70, "SECURITY", 23)])
    def test_knows_the_levels_of_fapilog(self, level: int, name: str, number: int) -> None:
        for levelname in (name, f"Level {level}"):  # stdlib's own word where nobody has registered the name
            record = translate(make(level=level, levelname=levelname))
            assert (record.severity_number, record.severity_text) == (number, name)


class TestBody:
    @pytest.mark.parametrize(
        "message", [{"order": {"id": 1, "lines": ["a", "b"]}}, ["a", 1, None], 42, 1.5, True, b"bytes", None]
    )
    def test_of_a_structured_message_without_arguments_keeps_its_structure(self, message: object) -> None:
        assert translate(make(message)).body == message

    def test_of_a_set_is_a_list(self) -> None:
        assert translate(make({"a"})).body == ["a"]

    def test_of_any_other_object_is_its_text(self) -> None:
        class Brace:
            def __str__(self) -> str:
                return "formatted late"

        assert translate(make(Brace())).body == "formatted late"
        assert translate(make(dt.date(2024, 2, 29))).body == "2024-02-29"
        assert translate(make(ValueError("broken"))).body == "broken"

    def test_uses_the_formatting_of_a_record_class_of_the_application(self) -> None:
        class Braces(logging.LogRecord):
            def getMessage(self) -> str:
                return str(self.msg).format(*self.args) if isinstance(self.args, tuple) else ""

        assert translate(Braces("a", 20, "f", 1, "{} {}", ("x", "y"), None)).body == "x y"

    def test_fills_in_named_arguments(self) -> None:
        assert translate(make("%(a)s", {"a": 1})).body == "1"

    @pytest.mark.parametrize(
        ("message", "args", "error"),
        [
            ("%d", ("x",), "TypeError"),
            ("%s %s", ("x",), "TypeError"),
            ("no place", ("x",), "TypeError"),
            ("%(key)s", ({"other": 1},), "KeyError"),
            ("100%", (1,), "ValueError"),
            ("%s", (Broken(),), "ValueError"),
        ],
    )
    def test_of_a_message_that_cannot_be_formatted_is_the_message(
        self, message: str, args: tuple[object, ...], error: str
    ) -> None:
        record = translate(make(message, *args))
        assert record.body == message
        assert str(record.attributes["log.record.format_error"]).startswith(error)
        assert "log.record.args" in record.attributes

    def test_of_an_object_without_text_says_so(self) -> None:
        assert translate(make(Broken())).body == "<unprintable Broken: ValueError>"

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
    def test_lets_pass_what_is_no_exception(self, error: type[BaseException]) -> None:
        class Ending:
            def __str__(self) -> str:
                raise error

        with pytest.raises(error):
            translate(make("%s", Ending()))


class TestAttributes:
    def test_are_those_of_extra_under_their_own_names(self) -> None:
        record = translate(make(extra={"order_id": "o-1", "user": {"id": 7}, "tags": ("a", "b")}))
        assert record.attributes["order_id"] == "o-1"
        assert record.attributes["user"] == {"id": 7}
        assert record.attributes["tags"] == ["a", "b"]

    def test_leave_out_what_log_correlation_injected(self) -> None:
        injected = {"otelTraceID": "0", "otelSpanID": "0", "otelTraceSampled": False, "otelServiceName": "shop"}
        assert set(translate(make(extra=injected), code_attributes=False).attributes) == set()

    def test_leave_out_what_a_formatter_left_on_the_record(self) -> None:
        record = make()
        logging.Formatter("%(asctime)s %(message)s").format(record)
        assert translate(record, code_attributes=False).attributes == {}

    def test_name_the_event(self) -> None:
        record = translate(make(extra={"otel.event.name": "order.placed", "id": 1}), code_attributes=False)
        assert record.event_name == "order.placed"
        assert record.attributes == {"id": 1}

    def test_win_over_our_own(self) -> None:
        try:
            raise ValueError("broken")
        except ValueError:
            record = make(
                extra={"code.line.number": 7, "exception.message": "mine"}, exc_info=sys.exc_info(), level=logging.ERROR
            )
        attributes = translate(record).attributes
        assert attributes["code.line.number"] == 7
        assert attributes["exception.message"] == "mine"
        assert attributes["exception.type"] == "ValueError"

    def test_tell_the_thread_when_asked(self) -> None:
        attributes = translate(make(thread=12, threadName="worker"), thread_attributes=True).attributes
        assert (attributes["thread.id"], attributes["thread.name"]) == (12, "worker")
        assert "thread.id" not in translate(make(thread=12)).attributes

    def test_leave_the_place_of_the_call_out_when_asked(self) -> None:
        assert translate(make(), code_attributes=False).attributes == {}

    def test_hold_the_stack_of_stack_info(self) -> None:
        assert translate(make(stack_info="Stack:\n  f")).attributes["code.stacktrace"] == "Stack:\n  f"

    @pytest.mark.parametrize(
        "value", ["\ud800", 2**70, {1, 2}, object(), Broken(), float("nan"), {"a": {("t",): Broken()}}, enum.Enum]
    )
    def test_of_odd_values_never_raise(self, value: object) -> None:
        assert "odd" in translate(make(extra={"odd": value})).attributes

    def test_of_a_cycle_end(self) -> None:
        cycle: list[object] = []
        cycle.append(cycle)
        assert "odd" in translate(make(extra={"odd": cycle})).attributes

    def test_with_odd_keys_get_text_keys(self) -> None:
        record = make()
        record.__dict__[5] = "five"  # type: ignore[index]
        record.__dict__[""] = "nameless"
        attributes = translate(record, code_attributes=False).attributes
        assert attributes == {"5": "five"}


class TestException:
    def test_gives_type_message_and_stack(self) -> None:
        class CartError(Exception):
            pass

        try:
            raise CartError("empty")
        except CartError:
            record = make(exc_info=sys.exc_info())
        attributes = translate(record).attributes
        assert str(attributes["exception.type"]).endswith(
            "TestException.test_gives_type_message_and_stack.<locals>.CartError"
        )
        assert attributes["exception.message"] == "empty"
        assert "raise CartError" in str(attributes["exception.stacktrace"])

    def test_given_alone_counts_too(self) -> None:
        attributes = translate(make(exc_info=None, exc_text=None)).attributes
        assert "exception.type" not in attributes
        record = make()
        record.exc_info = ValueError("alone")  # type: ignore[assignment]
        assert translate(record).attributes["exception.message"] == "alone"

    def test_that_arrived_as_text_is_the_stack(self) -> None:
        assert translate(make(exc_text="Traceback: …")).attributes["exception.stacktrace"] == "Traceback: …"

    @pytest.mark.parametrize("exc_info", [(None, None, None), True, 1, (1, 2, 3), ("a",), "text"])
    def test_that_is_none_adds_nothing(self, exc_info: object) -> None:
        record = make()
        record.exc_info = exc_info  # type: ignore[assignment]
        assert translate(record, code_attributes=False).attributes == {}


class TestRecordsFromElsewhere:
    def test_that_are_empty_are_translated(self) -> None:
        record = translate(logging.makeLogRecord({}))
        assert (record.body, record.severity_number, record.scope.name) == ("", 0, "")

    @pytest.mark.parametrize(
        "field",
        [
            "name",
            "msg",
            "args",
            "levelno",
            "levelname",
            "pathname",
            "lineno",
            "funcName",
            "created",
            "exc_info",
            "exc_text",
            "stack_info",
            "thread",
            "threadName",
            "otel.event.name",
        ],
    )
    @pytest.mark.parametrize(
        "value",
        [None, 5, -1, 2**80, 1.5, float("nan"), float("inf"), "text", "", b"bytes", (1,), {"a": 1}, [], Broken(), True],
    )
    def test_with_odd_fields_never_raise(self, field: str, value: object) -> None:
        record = make("hello")
        record.__dict__[field] = value
        translated = translate(record, thread_attributes=True)
        assert isinstance(translated.scope.name, str)
        assert isinstance(translated.severity_text, str)
        assert isinstance(translated.event_name, str)
        assert 0 <= translated.severity_number <= 24
        assert 0 <= translated.timestamp < 2**64

    @pytest.mark.parametrize("field", list(logging.makeLogRecord({}).__dict__))
    def test_with_missing_fields_never_raise(self, field: str) -> None:
        record = make("hello %s", "world", exc_info=(ValueError, ValueError("x"), None))
        del record.__dict__[field]
        assert isinstance(translate(record, thread_attributes=True), Record)


class TestFieldsThatWillNotBeAsked:
    """Classes that lie and proxies of what is gone, in any field of a record."""

    @pytest.mark.parametrize("kind", ["class that lies", "object without attributes", "dead proxy"])
    @pytest.mark.parametrize(
        "field", ["msg", "args", "created", "exc_info", "exc_text", "stack_info", "pathname", "name"]
    )
    def test_leave_a_record_that_tells_the_rest(self, kind: str, field: str) -> None:
        record = logging.LogRecord("shop", logging.WARNING, "path", 1, "text", (), None)
        setattr(record, field, POISONS[kind]())
        fields = fields_of(record, Selection())
        assert (fields["severity_number"], fields["severity_text"]) == (13, "WARN")
        assert isinstance(scope_name(record), str)
        if field == "msg":
            assert FORMAT_ERROR in fields["attributes"]
        elif field != "args":
            assert fields["body"] == "text"
