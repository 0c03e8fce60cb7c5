from __future__ import annotations

import json
import sys
import traceback
from typing import Any

import pytest

from fapilog_otel.model.exception import MAX_STACKTRACE, exception_attributes, stacktrace_from


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:
        return raised


def of(error: BaseException) -> dict[str, str]:
    attributes = exception_attributes(error)
    assert set(attributes) == {"exception.type", "exception.message", "exception.stacktrace"}
    assert all(type(value) is str for value in attributes.values())
    return attributes


class TestExceptionAttributes:
    def test_agree_with_python_and_the_stock_sdk(self) -> None:
        from opentelemetry.sdk._logs._internal._exceptions import _get_exception_attributes

        for error in (caught(ValueError("broken")), caught(json.JSONDecodeError("bad", "x", 0)), caught(KeyError("k"))):
            assert of(error) == _get_exception_attributes(error)

    def test_show_causes_and_contexts(self) -> None:
        second = ValueError("second")
        second.__cause__ = caught(KeyError("first"))
        text = of(caught(second))["exception.stacktrace"]
        assert text == "".join(traceback.format_exception(type(second), second, second.__traceback__))
        assert "direct cause" in text

    def test_show_another_traceback_when_given_one(self) -> None:
        other = caught(KeyError("other")).__traceback__
        attributes = exception_attributes(ValueError("broken"), other)
        assert "raise error" in attributes["exception.stacktrace"]

    def test_qualify_the_type_by_its_module(self) -> None:
        assert of(json.JSONDecodeError("bad", "x", 0))["exception.type"] == "json.decoder.JSONDecodeError"
        assert of(KeyError("k"))["exception.type"] == "KeyError"

    def test_of_an_exception_without_text_say_so(self) -> None:
        class Mute(Exception):
            def __str__(self) -> str:
                raise LookupError

        attributes = of(caught(Mute()))
        assert attributes["exception.message"] == "<unprintable Mute: LookupError>"
        assert "raise error" in attributes["exception.stacktrace"]

    def test_of_text_that_is_no_unicode_are_valid(self) -> None:
        for value in of(ValueError("\ud800")).values():
            value.encode()

    def test_of_a_hostile_class_never_raise(self) -> None:
        class Hostile(type):
            def __getattribute__(cls, name: str) -> Any:
                raise ValueError(name)

        class Bad(Exception, metaclass=Hostile):
            @property
            def __traceback__(self) -> Any:  # type: ignore[override]
                raise ValueError

            @property
            def __cause__(self) -> Any:  # type: ignore[override]
                raise ValueError

            @property
            def __context__(self) -> Any:  # type: ignore[override]
                raise ValueError

            def __bool__(self) -> bool:
                raise ValueError

        attributes = of(caught(Bad("bad")))
        assert attributes["exception.type"].endswith("Bad")
        assert attributes["exception.message"] == "bad"
        assert "bad" in attributes["exception.stacktrace"]

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
    def test_let_pass_what_is_no_exception(self, error: type[BaseException]) -> None:
        class Ending(Exception):
            def __str__(self) -> str:
                raise error

        with pytest.raises(error):
            exception_attributes(Ending())

    def test_near_the_end_of_the_stack_still_come(self) -> None:
        def deeper() -> dict[str, str]:
            try:
                return deeper()
            except RecursionError as error:
                return of(error)

        assert deeper()["exception.type"] == "RecursionError"


class TestBounds:
    def test_cycles_of_causes_end(self) -> None:
        first, second = ValueError("first"), ValueError("second")
        first.__cause__, second.__cause__ = second, first
        assert "first" in of(first)["exception.stacktrace"]

    def test_long_chains_are_cut_to_the_newest(self) -> None:
        newest: ValueError | None = None
        for number in range(10_000):
            error = ValueError(f"number {number}.")
            error.__cause__ = newest
            newest = error
        assert newest is not None
        text = of(newest)["exception.stacktrace"]
        assert "number 9999." in text
        assert "number 9000." not in text
        assert text.startswith("[earlier exceptions left out]")

    def test_large_texts_are_cut_in_the_middle(self) -> None:
        text = of(caught(ValueError("a" * 500_000 + "the end")))["exception.stacktrace"]
        assert len(text) < MAX_STACKTRACE + 100
        assert "characters left out" in text
        assert text.startswith("Traceback")
        assert text.endswith("the end\n")

    def test_deep_tracebacks_show_the_innermost_frames(self) -> None:
        def fall(depth: int) -> None:
            if depth == 0:
                raise ValueError("the bottom")
            fall(depth - 1)

        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(20_000)
        try:
            fall(5_000)
        except ValueError as error:
            text = of(error)["exception.stacktrace"]
        finally:
            sys.setrecursionlimit(limit)
        assert "the bottom" in text
        assert len(text) < MAX_STACKTRACE

    if sys.version_info >= (3, 11):

        def test_large_groups_are_told_in_short(self) -> None:
            group = ExceptionGroup("many", [ValueError(number) for number in range(50_000)])  # noqa: F821 - new in 3.11
            assert "many (50000 sub-exceptions)" in of(group)["exception.stacktrace"]
            small = ExceptionGroup("few", [ValueError("one"), KeyError("two")])  # noqa: F821 - new in 3.11
            assert "KeyError: 'two'" in of(small)["exception.stacktrace"]


class TestStacktraceFrom:
    def test_a_triple_is_what_python_prints(self) -> None:
        error = caught(ValueError("broken"))
        triple = (type(error), error, error.__traceback__)
        assert stacktrace_from(triple) == "".join(traceback.format_exception(*triple))

    def test_an_empty_triple_is_empty(self) -> None:
        assert stacktrace_from((None, None, None)) == ""

    def test_frames_alone_are_shown(self) -> None:
        error = caught(ValueError("broken"))
        assert "raise error" in stacktrace_from((None, None, error.__traceback__))
