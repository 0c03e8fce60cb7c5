from __future__ import annotations

import json
import sys
import time
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
        text = of(caught(ValueError("a line\n" * 100_000 + "the end")))["exception.stacktrace"]
        assert MAX_STACKTRACE - 100 < len(text) < MAX_STACKTRACE + 100
        assert "characters left out" in text
        assert text.startswith("Traceback")
        assert text.endswith("the end\n")

    @pytest.mark.parametrize("behind", [*range(65_100, 65_560, 20), 10])
    @pytest.mark.parametrize("before", [100_000, 65_400, 0])
    def test_no_part_of_a_line_is_shown_without_the_rest(self, before: int, behind: int) -> None:
        secret = "".join(f"<{number}>" for number in range(20))
        message = "x" * before + f" Authorization: Bearer {secret} " + "y" * (behind + 131_072 - before)
        text = of(caught(ValueError(message)))["exception.stacktrace"]
        assert "<" not in text.partition("raise error\n")[2].partition("left out]")[0]
        assert "<" not in text.partition("left out]")[2]

    def test_a_line_that_alone_is_too_long_is_left_out(self) -> None:
        text = of(caught(ValueError("x" * 500_000)))["exception.stacktrace"]
        assert text.startswith("Traceback")
        assert text.endswith("characters left out]\n")

    @pytest.mark.parametrize("lines_behind", [0, 1_000, 1_310, 1_315, 1_320, 1_325, 1_330, 1_400])
    @pytest.mark.parametrize("is_closed", [True, False])
    def test_a_private_key_is_not_shown_without_its_beginning(self, lines_behind: int, is_closed: bool) -> None:
        key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn\n" * 30
        end = "-----END PRIVATE KEY-----\n" if is_closed else ""
        message = "a line\n" * 30_000 + key + end + ("y" * 48 + "\n") * lines_behind
        text = of(caught(ValueError(message)))["exception.stacktrace"]
        shown = text.partition("left out]")[2]
        assert "MIIE" not in shown or shown.index("-----BEGIN") < shown.index("MIIE")
        assert "MIIE" not in text.partition("left out]")[0]

    def test_a_private_key_that_the_cut_takes_the_end_of_goes_whole(self) -> None:
        key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn\n" * 3_000
        text = of(caught(ValueError(f"lead\n{key}-----END PRIVATE KEY-----\n" + "y\n" * 60_000)))[
            "exception.stacktrace"
        ]
        assert "MIIE" not in text
        assert "BEGIN" not in text
        assert "y\ny\n" in text

    @pytest.mark.parametrize("joint", ['"password":\n  ', '"password": [\n  ', "password = \\\n  ", '"a": 1,\n'])
    def test_a_line_that_goes_on_from_the_one_left_out_goes_with_it(self, joint: str) -> None:
        rest = ("y" * 48 + "\n") * 1_337
        for filler in range(60):
            message = "x\n" * 80_000 + joint + '"hunter2zz"\n' + rest + "z" * filler
            shown = of(caught(ValueError(message)))["exception.stacktrace"].partition("left out]")[2]
            assert "hunter2zz" not in shown or joint.strip() in shown

    def test_a_cut_takes_linear_time(self) -> None:
        started = time.process_time()
        for hostile in (
            "a,\n" * 500_000,
            "-----BEGIN A-----\n" * 100_000,
            "-----END A-----\n" * 100_000,
            "\n" * 900_000,
        ):
            of(caught(ValueError(hostile)))
        assert time.process_time() - started < 10.0

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
