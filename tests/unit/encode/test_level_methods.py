from __future__ import annotations

import inspect
import sys
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber

from fapilog_otel.encode.context import bound_context
from fapilog_otel.model.record import Record
from fapilog_otel.telemetry.origin import exporting
from tests.unit.encode.encoders import Bench, Twin

LEVELS = {
    "trace": (1, "TRACE"), "debug": (5, "DEBUG"), "info": (9, "INFO"), "warning": (13, "WARN"), "warn": (13, "WARN"),
    "error": (17, "ERROR"), "critical": (21, "FATAL"), "fatal": (21, "FATAL"), "audit": (22, "AUDIT"),
    "security": (23, "SECURITY"), "exception": (17, "ERROR"),
}  # fmt: skip
NAMES = ["self", "message", "level", "body", "args", "severity", "text", "attributes", "record", "timestamp", "name"]


class Untrue:
    """What arrays say when asked whether they are true."""

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


class EmptyError(Exception):
    """An exception that is false, as one that is also an empty container."""

    def __len__(self) -> int:
        return 0


def exception_of(record: Record) -> Any:
    return record.attributes.get("exception.type"), record.attributes.get("exception.message")


class TestLevels:
    @pytest.mark.parametrize("name", LEVELS)
    def test_each_writes_its_number_and_text(self, bench: Bench, name: str) -> None:
        getattr(bench.log, name)("hello", k=1)
        record = bench.record()
        assert (record.severity_number, record.severity_text) == LEVELS[name]
        assert (record.body, dict(record.attributes)) == ("hello", {"k": 1})
        assert record.timestamp == record.observed_timestamp > 0

    @pytest.mark.parametrize("method", LEVELS)
    def test_any_keyword_is_an_attribute(self, bench: Bench, method: str) -> None:
        given = {name: name.upper() for name in NAMES}
        getattr(bench.log, method)("m", **given)
        record = bench.record()
        assert (record.body, dict(record.attributes)) == ("m", given)

    def test_the_message_is_positional_only_and_wanted(self, bench: Bench) -> None:
        with pytest.raises(TypeError):
            bench.log.info()
        with pytest.raises(TypeError):
            bench.log.info(message="m")

    @pytest.mark.parametrize("message", ["text", 5, None, {"a": 1}, ["x"], b"raw", 1.5])
    def test_any_message_is_a_body(self, bench: Bench, message: object) -> None:
        bench.log.info(message)
        assert bench.record().body == message

    def test_write_takes_the_level_by_number(self, bench: Bench) -> None:
        bench.log.write(10, "NOTICE", "m %s", ("x",), None, {"a": 1})
        bench.log.write(1 << 24, "ODD", "m", (), None, {})
        assert [(r.severity_number, r.severity_text, r.body) for r in bench.records()] == [
            (10, "NOTICE", "m x"), (0, "ODD", "m"),
        ]  # fmt: skip


class TestKeywords:
    @pytest.mark.parametrize("count", [0, 1, 39, 40, 41, 128])
    def test_any_number_of_them(self, bench: Bench, count: int) -> None:
        given = {f"k{number}": number for number in range(count)}
        bench.log.info("m", **given)
        assert dict(bench.record().attributes) == given

    def test_names_of_any_text(self, bench: Bench) -> None:
        class Name(str):
            __slots__ = ()

        given = {Name("own"): 1, "with space": 2, "\ud800": 3, "": 4, "exc_infos": 5, "exc.info": 6}
        bench.log.info("m", **given)
        record = bench.record()
        assert dict(record.attributes) == {"own": 1, "with space": 2, "\ufffd": 3, "exc_infos": 5, "exc.info": 6}
        assert record.dropped_attributes_count == 1

    @pytest.mark.parametrize("position", [0, 1, 2])
    def test_exc_info_is_found_however_its_name_was_made(self, bench: Bench, position: int) -> None:
        names = ["a", "b"]
        names.insert(position, str(b"exc_info", "ascii"))
        bench.log.info("m", **dict.fromkeys(names, ValueError("v")))
        record = bench.record()
        assert exception_of(record) == ("ValueError", "v")
        assert list(record.attributes)[3:] == ["a", "b"]

    def test_names_that_are_no_text_are_refused_as_everywhere(self, bench: Bench) -> None:
        with pytest.raises(TypeError):
            bench.log.info("m", **{1: 2})  # type: ignore[misc]
        assert bench.submitted == 0

    def test_the_callers_mapping_is_left_alone(self, bench: Bench) -> None:
        given = {"a": [1], "exc_info": None}
        bench.log.info("m", **given)
        assert given == {"a": [1], "exc_info": None}

    def test_methods_can_be_handed_around(self, bench: Bench) -> None:
        info = bench.log.info
        list(map(info, ["a", "b"]))
        bench.twin.logger.info(bench.log, "c", k=1)
        assert [record.body for record in bench.records()] == ["a", "b", "c"]

    def test_methods_show_their_signature(self, bench: Bench) -> None:
        for name in LEVELS:
            method = getattr(bench.log, name)
            parameters = list(inspect.signature(method).parameters.values())
            assert [str(parameter.kind) for parameter in parameters] == [
                "POSITIONAL_ONLY", "VAR_POSITIONAL", "KEYWORD_ONLY", "VAR_KEYWORD",
            ], name  # fmt: skip
            assert method.__doc__.startswith("Log at ")


class TestFormatting:
    @pytest.mark.parametrize(
        ("message", "args", "body"),
        [
            ("%s is %d", ("a", 1), "a is 1"),
            ("100%", (), "100%"),
            ("%(who)s", ({"who": "me"},), "me"),
            ("%s", ({"who": "me"},), "{'who': 'me'}"),
            ("%s", ((1, 2),), "(1, 2)"),
            ("%d", ("x",), ["%d", "x"]),
            ("%s %s", ("one",), ["%s %s", "one"]),
            ("plain", (1, 2), ["plain", 1, 2]),
            ("%z", (1,), ["%z", 1]),
            ("%(missing)s", ({"a": 1},), ["%(missing)s", {"a": 1}]),
            (5, ("x",), [5, "x"]),
        ],
    )
    def test_fills_in_or_keeps_both_parts(self, bench: Bench, message: Any, args: tuple[Any, ...], body: Any) -> None:
        bench.log.info(message, *args)
        assert bench.record().body == body

    def test_an_argument_that_cannot_be_printed_is_kept_apart(self, bench: Bench) -> None:
        class Mute:
            def __str__(self) -> str:
                raise RuntimeError("no")

        bench.log.info("%s", Mute())
        assert bench.record().body == ["%s", "<unprintable Mute: RuntimeError>"]


class TestExcInfo:
    def error(self) -> ValueError:
        try:
            raise ValueError("boom")
        except ValueError as error:
            return error

    @pytest.mark.parametrize("method", LEVELS)
    def test_an_exception_becomes_attributes(self, bench: Bench, method: str) -> None:
        getattr(bench.log, method)("m", exc_info=self.error(), k=1)
        record = bench.record()
        assert list(record.attributes) == ["exception.type", "exception.message", "exception.stacktrace", "k"]
        assert exception_of(record) == ("ValueError", "boom")
        assert "in error" in str(record.attributes["exception.stacktrace"])

    def test_a_triple_stands_for_its_exception(self, bench: Bench) -> None:
        error = self.error()
        bench.log.info("m", exc_info=(type(error), error, error.__traceback__))
        assert exception_of(bench.record()) == ("ValueError", "boom")

    @pytest.mark.parametrize("exc_info", [True, 1, "yes", [0], Untrue()], ids=["True", "1", "text", "list", "untrue"])
    def test_anything_true_stands_for_the_current_one(self, bench: Bench, exc_info: object) -> None:
        try:
            raise KeyError("current")
        except KeyError:
            bench.log.info("m", exc_info=exc_info)
        assert exception_of(bench.record()) == ("KeyError", "'current'")

    @pytest.mark.parametrize("exc_info", [None, False, 0, "", (), (None, None, None), (1,), ("a", "b"), True, Untrue()])
    def test_nothing_is_added_where_there_is_none(self, bench: Bench, exc_info: object) -> None:
        assert sys.exc_info()[1] is None
        bench.log.info("m", exc_info=exc_info)
        assert dict(bench.record().attributes) == {}

    def test_an_exception_that_is_false_counts(self, bench: Bench) -> None:
        bench.log.info("m", exc_info=EmptyError("e"))
        assert exception_of(bench.record())[1] == "e"

    def test_the_exception_method_takes_the_current_one(self, bench: Bench) -> None:
        try:
            raise ValueError("boom")
        except ValueError:
            bench.log.exception("m")
            bench.log.exception("m", exc_info=None)  # noqa: LOG007 - that is the point
            bench.log.exception("m", exc_info=KeyError("other"))
        assert [exception_of(record)[0] for record in bench.records()] == ["ValueError", None, "KeyError"]

    def test_attributes_given_by_the_user_win(self, bench: Bench) -> None:
        bench.log.error("m", exc_info=self.error(), **{"exception.type": "mine"})
        assert exception_of(bench.record()) == ("mine", "boom")

    @pytest.mark.parametrize("exc_info", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
    def test_any_base_exception_is_described(self, bench: Bench, exc_info: BaseException) -> None:
        bench.log.info("m", exc_info=exc_info)
        assert exception_of(bench.record())[0] == type(exc_info).__name__


class TestMerging:
    def test_nearer_attributes_win(self, twin: Twin) -> None:
        bench = Bench(twin)
        log = bench.logger({"b": "bound", "c": "bound"})
        with bound_context(a="context", b="context", c="context"):
            log.info("m", c="call")
        log.info("m")
        inside, outside = bench.records()
        assert dict(inside.attributes) == {"a": "context", "b": "bound", "c": "call"}
        assert dict(outside.attributes) == {"b": "bound", "c": "bound"}

    def test_contexts_nest_and_end(self, bench: Bench) -> None:
        with bound_context(a=1):
            with bound_context(b=2):
                bench.log.info("m")
            bench.log.info("m")
        bench.log.info("m")
        assert [dict(record.attributes) for record in bench.records()] == [{"a": 1, "b": 2}, {"a": 1}, {}]


class TestGates:
    def test_records_below_are_not_submitted(self, bench: Bench) -> None:
        bench.gate = 13
        for name in LEVELS:
            getattr(bench.log, name)("m")
        assert sorted({record.severity_number for record in bench.records()}) == [13, 17, 21, 22, 23]
        assert bench.submitted == 8

    def test_a_record_without_severity_always_passes(self, bench: Bench) -> None:
        bench.gate = 24
        bench.log.emit(body="m")
        assert bench.record().body == "m"

    def test_can_be_asked_for(self, bench: Bench) -> None:
        bench.gate = 9
        assert [bench.log.gate_open(number) for number in (0, 5, 9, 24)] == [True, False, True, True]

    def test_nothing_below_is_looked_at(self, bench: Bench) -> None:
        class Explosive:
            def __str__(self) -> str:
                raise AssertionError("a filtered record was formatted")

            __bool__ = __str__

        bench.gate = 17
        bench.log.debug("%s", Explosive(), exc_info=Explosive(), a=Explosive())
        bench.log.emit(severity_number=SeverityNumber.INFO, body=Explosive(), timestamp=Explosive())
        assert bench.submitted == 0

    def test_what_our_own_exporting_logs_is_not_submitted(self, bench: Bench) -> None:
        with exporting():
            bench.log.error("m")
            bench.log.emit(body="m")
            bench.log.emit(LogRecord(body="m"))
            assert not bench.log.gate_open(24)
        bench.log.info("mine")
        assert bench.record().body == "mine"

    def test_without_a_core_nothing_happens(self, bench: Bench) -> None:
        bench.port.core = None
        bench.log.info("m")
        bench.log.emit(body="m")
        bench.log.emit(LogRecord(body="m"))
        assert not bench.log.gate_open(24)
        assert bench.submitted == 0


class TestPort:
    def test_scope_and_gate_are_asked_for_once_a_core(self, bench: Bench) -> None:
        for _ in range(5):
            bench.log.info("m")
        assert bench.resolved == 1
        second = bench.port.core = bench.new_core()
        bench.log.info("m")
        bench.log.info("m")
        assert bench.resolved == 2
        assert len(bench.records(second)) == 2

    def test_processors_get_the_record_instead_of_the_core(self, bench: Bench) -> None:
        seen: list[Any] = []
        bench.port.processed = lambda *fields: seen.append(fields)
        bench.log.info("m %s", 1, a=2)
        bench.log.emit(body="b", timestamp=5)
        assert [fields[0] for fields in seen] == [bench.log, bench.log]
        assert seen[0][1:7] == (-1, 0, 9, "INFO", "m 1", {"a": 2})
        assert (seen[1][1], seen[1][5]) == (5, "b")
        assert bench.submitted == 0
        bench.port.processed = None
        bench.log.info("m")
        assert bench.submitted == 1

    def test_a_core_that_is_replaced_while_it_writes_stays_alive(self, twin: Twin) -> None:
        bench = Bench(twin)

        class Reconfigures:
            def __str__(self) -> str:
                bench.core = bench.port.core = bench.new_core()
                bench.log.info("through the new core")
                return "written"

        for _ in range(20):
            bench.log.info(Reconfigures(), a=Reconfigures())
        bench.log.info("last")
        assert [record.body for record in bench.records()][-1] == "last"

    def test_a_finaliser_of_what_is_replaced_may_log(self, twin: Twin) -> None:
        bench = Bench(twin)

        class Dies:
            def __call__(self, *fields: Any) -> None:
                pass

            def __del__(self) -> None:
                bench.log.info("dying")

        bench.port.processed = Dies()
        bench.port.processed = None
        assert [record.body for record in bench.records()] == ["dying"]

    def test_shows_what_the_logger_was_made_of(self, bench: Bench) -> None:
        log = bench.logger({"a": 1})
        assert (log.port, log.scope_key, log.bound) == (bench.port, ("bench", "", "", None), {"a": 1})
