"""A place's ``code.*`` attributes are encoded once: never told of another place, nor by another encoder's rules."""

from __future__ import annotations

import gc
import logging
import threading
import tracemalloc
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest
from stdlib_doubles import ChunkHost, EncodingProvider

from fapilog_otel.encode.context import bound_context
from fapilog_otel.encode.plan import DROP, KEEP, MASK, EncodePlan, Limits, Redaction
from fapilog_otel.encode.select import EmitCore
from fapilog_otel.model.record import Record
from fapilog_otel.sources.stdlib import StdlibHandle

pytestmark = pytest.mark.usefixtures("fast")
PATH, LINE, FUNCTION = "code.file.path", "code.line.number", "code.function.name"
SITES = 1024
"""Places that are remembered."""


@pytest.fixture
def log(fast: StdlibHandle) -> logging.Logger:
    """A logger that nobody but us listens to."""
    logging.getLogger().handlers[:] = [logging.NullHandler()]
    return logging.getLogger("shop.places")


def place(record: Record) -> tuple[Any, Any, Any]:
    return tuple(record.attributes.get(key) for key in (PATH, LINE, FUNCTION))


def made(path: str, line: int, name: str) -> Callable[[logging.Logger], None]:
    """Give a function of that name that logs on that line of that file."""
    space: dict[str, Any] = {}
    exec(compile("\n" * (line - 1) + f"def {name}(log): log.info('m', extra={{'a': 1}})", path, "exec"), space)
    function: Callable[[logging.Logger], None] = space[name]
    return function


def new_core(encoding: EncodingProvider, plan: EncodePlan) -> None:
    encoding.take()
    encoding.core = EmitCore(plan, ChunkHost(), threading.RLock())
    encoding.port.core = encoding.core


class TestPlaces:
    def test_at_one_address_are_told_apart(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        expected = []
        for number in range(400):
            function = made(f"/made/{number}.py", number + 1, f"f{number}")
            function(log)
            function(log)
            expected += [(f"/made/{number}.py", number + 1, f"f{number}")] * 2
            del function
            if number % 50 == 0:
                gc.collect()
        assert [place(record) for record in encoding.take()] == expected

    def test_beyond_those_that_are_remembered_are_told_apart(
        self, log: logging.Logger, encoding: EncodingProvider
    ) -> None:
        functions = [made(f"/made/{number}.py", number + 1, f"f{number}") for number in range(SITES + 300)]
        expected = [(f"/made/{number}.py", number + 1, f"f{number}") for number in range(SITES + 300)]
        for _ in range(2):
            for function in functions:
                function(log)
            assert [place(record) for record in encoding.take()] == expected

    def test_lines_of_one_function_are_told_apart(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        first = self.test_lines_of_one_function_are_told_apart.__code__.co_firstlineno
        for _ in range(3):
            log.info("one")
            log.info("two"), log.info("two again")
        lines = [record.attributes[LINE] for record in encoding.take()]
        assert lines == [first + 3, first + 4, first + 4] * 3

    def test_follow_a_function_whose_code_is_replaced(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        function, other = made("/made/a.py", 3, "a"), made("/made/b.py", 9, "b")
        assert isinstance(function, FunctionType)
        assert isinstance(other, FunctionType)
        function(log)
        function.__code__ = other.__code__
        function(log)
        function.__code__ = other.__code__.replace(co_filename="/made/c.py", co_name="c")
        function(log)
        found = [place(record) for record in encoding.take()]
        assert found == [("/made/a.py", 3, "a"), ("/made/b.py", 9, "b"), ("/made/c.py", 9, "c")]

    def test_hold_no_more_than_so_many(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        def work(first: int, count: int) -> None:
            for number in range(first, first + count):
                made(f"/made/{number}.py", 1, "f")(log)
                encoding.take()

        work(0, 2 * SITES)
        gc.collect()
        tracemalloc.start()
        try:
            work(2 * SITES, SITES)
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            work(3 * SITES, 2 * SITES)
            gc.collect()
            assert tracemalloc.get_traced_memory()[0] - before < 600 * SITES
        finally:
            tracemalloc.stop()


class TestRules:
    """One place, and what an encoder does to it."""

    def test_are_those_of_the_encoder_that_writes(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        function = made("/made/secret_folder/a.py", 7, "a")
        plain = ("/made/secret_folder/a.py", 7, "a")
        masks = Redaction(lambda path: MASK if path == PATH else DROP if path == LINE else KEEP)
        scrubs = Redaction(lambda path: KEEP, lambda text: text.replace("secret", "***"), literals=("secret",))
        plans = [
            (EncodePlan(), plain),
            (EncodePlan(redaction=masks), ("***", None, "a")),
            (EncodePlan(redaction=scrubs), ("/made/***_folder/a.py", 7, "a")),
            (EncodePlan(), plain),
            (EncodePlan(limits=Limits(attributes=2)), ("/made/secret_folder/a.py", 7, None)),
        ]
        found = []
        for plan, _ in plans:
            new_core(encoding, plan)
            for _ in range(2):
                function(log)
            found.append([place(record) for record in encoding.take()])
        assert found == [[expected] * 2 for _, expected in plans]

    def test_cut_a_long_path(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        function = made("/made/" + "x" * 100, 1, "f")
        new_core(encoding, EncodePlan(limits=Limits(value_length=20)))
        for _ in range(2):
            function(log)
        for record in encoding.take():
            assert len(str(record.attributes[PATH])) == 20

    def test_that_raise_let_nothing_out(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        def verdict(path: str) -> int:
            if path == PATH:
                raise ValueError(path)
            return KEEP

        function = made("/made/a.py", 1, "f")
        new_core(encoding, EncodePlan(redaction=Redaction(verdict)))
        for _ in range(2):
            function(log)
        assert [place(record)[0] in (None, "***") for record in encoding.take()] == [True, True]

    @pytest.mark.parametrize("line", [None, 5])
    def test_let_extra_replace_them(self, log: logging.Logger, encoding: EncodingProvider, line: int | None) -> None:
        extra: dict[str, Any] = {"a": 1, FUNCTION: "mine", "b": 2} | ({} if line is None else {LINE: line})
        for _ in range(2):
            log.info("m", extra=extra)
        for record in encoding.take():
            assert place(record)[2] == "mine"
            assert record.attributes[LINE] == line or line is None
            assert list(record.attributes) == [PATH, LINE, FUNCTION, "a", "b"]

    def test_win_over_what_stands_for_every_record(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        new_core(encoding, EncodePlan(static_attributes={"team": "shop", LINE: -1}))
        function = made("/made/a.py", 7, "a")
        function(log)
        with bound_context(**{PATH: "bound"}):
            function(log)
        function(log)
        records = encoding.take()
        assert [place(record) for record in records] == [("/made/a.py", 7, "a")] * 3
        assert [record.attributes["team"] for record in records] == ["shop"] * 3

    def test_count_among_the_attributes(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        new_core(encoding, EncodePlan(limits=Limits(attributes=4)))
        for _ in range(2):
            log.info("m", extra={"a": 1})
            log.info("m", extra={"a": 1, "b": 2})
        assert [record.dropped_attributes_count for record in encoding.take()] == [0, 1] * 2


class TestReserved:
    def test_names_of_a_record_are_refused_as_ever(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        own = encoding.get_logger("own")
        own.info("m", lineno=1, message=2)  # known to the encoder as keys like any others
        for name in ("lineno", "message"):
            for _ in range(2):
                with pytest.raises(KeyError, match=name):
                    log.info("m", extra={name: 1})
        own.info("m", lineno=1, message=2)
        assert [dict(record.attributes) for record in encoding.take()] == [{"lineno": 1, "message": 2}] * 2
