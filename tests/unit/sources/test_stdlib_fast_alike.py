"""All ways of a call write the same record, raise the same errors, and name the same caller.

The ways: short; ordinary with the compiled functions; ordinary in plain Python, which says what is right.
"""

from __future__ import annotations

import enum
import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stdlib_doubles import EncodingProvider

from fapilog_otel.model.record import Record
from fapilog_otel.sources.stdlib import StdlibSource
from fapilog_otel.sources.stdlib import source as source_module
from fapilog_otel.sources.stdlib.translate import RESERVED


class Colour(enum.IntEnum):
    RED = 1


class Odd:
    """A value whose text is code of the application's."""

    def __init__(self, text: object) -> None:
        self.text = text

    def __str__(self) -> str:
        if isinstance(self.text, Exception):
            raise self.text
        return self.text  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"Odd({self.text!r})"


class Text(str):
    __slots__ = ()


plain = st.one_of(
    st.text(max_size=8),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
    st.just(5000).map(lambda digits: 10**digits),  # longer than Python turns into text
    st.sampled_from(["", "x" * 200, "\ud800", "password=abc"]),
)
odd = st.sampled_from(
    [Odd("text"), Odd(ValueError("broken")), Odd(7), Colour.RED, Text("t"), b"bytes", [1, "a"], {"k": [1]}, (1, 2),
     {1}, uuid.UUID(int=7), 1j, object],
)  # fmt: skip
nested = st.recursive(
    plain, lambda item: st.one_of(st.lists(item, max_size=3), st.dictionaries(st.text(max_size=3), item, max_size=3))
)
value = st.one_of(plain, plain, nested, odd)
message = st.one_of(
    st.sampled_from(
        ["hello", "", "%s", "%s and %s", "%d", "%(a)s", "100%", "%", "%%", "%s%", "%r", "%5.1f", "%*d", "%c"]
    ),
    st.text(max_size=10),
    odd,
    st.sampled_from([None, 7, 1.5, True, {"n": 1}, ["a"]]),
)
key = st.one_of(
    st.text(max_size=6),
    st.sampled_from(sorted(RESERVED)),
    st.sampled_from(["code.file.path", "exception.type", "api_key", Text("t"), 7, ""]),
)
extra = st.one_of(
    st.none(),
    st.just({}),
    st.dictionaries(st.text("abcdef", min_size=1, max_size=3), value, max_size=5),
    st.dictionaries(key, value, max_size=3),
    st.sampled_from([[], 7, "text"]),
)
keywords = st.fixed_dictionaries(
    {},
    optional={
        "extra": extra,
        "exc_info": st.sampled_from([None, False, True, 0, 1, ValueError("x"), (None, None, None), Odd("x")]),
        "stack_info": st.sampled_from([None, False, True, 0]),
        "stacklevel": st.sampled_from([1, 2, 3, 99, 0, -1, True, 1.5, None]),
        "order": st.just(1),
    },
)
names = st.sampled_from(["debug", "info", "warning", "warn", "error", "critical", "fatal", "exception", "log"])
levels = st.sampled_from([0, 5, 10, 15, 20, 25, 30, 35, 50, 60, 70, -5, 2**70, True, "INFO", None, 20.0])


class Outcome(NamedTuple):
    """What a call left behind."""

    records: list[Record]
    error: str


WAYS = ("python", "compiled", "short")


def outcomes(encoding: EncodingProvider, call: Callable[[], object], way: str, *, code: bool) -> list[Outcome]:
    """Make a call three times: the verdicts about loggers and levels are known only to the later ones."""
    with pytest.MonkeyPatch.context() as patch:
        if way == "python":
            patch.setattr(source_module, "record_path", lambda target, selection: None)
        handle = StdlibSource(fast_stdlib=way == "short", code_attributes=code).install(encoding)
    try:
        return [_outcome(encoding, call) for _ in range(3)]
    finally:
        handle.uninstall()


def assert_alike(encoding: EncodingProvider, call: Callable[[], object], *, code: bool) -> list[Outcome]:
    """Check that all ways leave the same behind, and give it."""
    right, *others = [outcomes(encoding, call, way, code=code) for way in WAYS]
    for other in others:
        assert [repr(outcome) for outcome in other] == [repr(outcome) for outcome in right]
    return right


def _outcome(encoding: EncodingProvider, call: Callable[[], object]) -> Outcome:
    error = ""
    try:
        call()
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    return Outcome([replace(record, timestamp=0, observed_timestamp=0) for record in encoding.take()], error)


@pytest.mark.usefixtures("clean_logging")
class TestBothWays:
    @settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(name=names, level=levels, message=message, args=st.lists(value, max_size=3), keywords=keywords,
           root=st.sampled_from([logging.WARNING, logging.INFO, logging.DEBUG, 1]), code=st.booleans())  # fmt: skip
    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_write_the_same(
        self, name: str, level: Any, message: Any, args: list[Any], keywords: dict[str, Any], root: int, code: bool
    ) -> None:
        encoding = EncodingProvider()
        logging.getLogger().setLevel(root)
        logging.getLogger().handlers[:] = [logging.NullHandler()]
        log = logging.getLogger("shop.cart")
        given_args = [level, message, *args] if name == "log" else [message, *args]

        def call() -> None:
            getattr(log, name)(*given_args, **keywords)

        assert_alike(encoding, call, code=code)

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(fields=st.dictionaries(st.sampled_from(sorted(RESERVED)), value, max_size=4), extra=extra,
           message=message, args=st.one_of(st.none(), st.tuples(value), st.dictionaries(key, value)),
           code=st.booleans())  # fmt: skip
    def test_write_the_same_of_a_record_from_elsewhere(
        self, fields: dict[str, Any], extra: Any, message: Any, args: Any, code: bool
    ) -> None:
        encoding = EncodingProvider()
        logging.getLogger().handlers[:] = [logging.NullHandler()]
        record = logging.makeLogRecord({"name": "far.away", "levelno": 30, "levelname": "WARNING", "created": 1.5,
                                        "msg": message, "args": args, **fields})  # fmt: skip
        if isinstance(extra, dict):
            record.__dict__.update(extra)
        assert_alike(encoding, lambda: logging.getLogger("shop").handle(record), code=code)

    def test_write_the_same_of_a_class_of_records_of_ones_own(self) -> None:
        class Own(logging.LogRecord):
            def getMessage(self) -> str:
                return "own"

        record = Own("shop", 30, "f.py", 7, "hello", None, None)
        logging.getLogger().handlers[:] = [logging.NullHandler()]
        (outcome, *_) = assert_alike(EncodingProvider(), lambda: logging.getLogger("shop").handle(record), code=True)
        assert outcome.records[0].body == "own"


def _deepest(method: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    method(*args, **kwargs)


def _middle(method: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    _deepest(method, *args, **kwargs)


def _outer(method: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    _middle(method, *args, **kwargs)


OWNERS = {"logger": logging.Logger, "adapter": logging.LoggerAdapter, "subclass": logging.Logger, "module": logging}
NAMES = ("info", "warning", "warn", "error", "critical", "fatal", "exception", "log")
METHODS = [(through, name) for through, owner in OWNERS.items() for name in NAMES if hasattr(owner, name)]


@pytest.mark.usefixtures("clean_logging")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestCallers:
    @pytest.mark.parametrize("stacklevel", [None, 1, 2, 3])
    @pytest.mark.parametrize(("through", "name"), METHODS)
    def test_are_those_of_logging(self, name: str, through: str, stacklevel: int | None) -> None:
        class Own(logging.Logger):
            def info(self, *args: Any, **kwargs: Any) -> None:
                super().info(*args, **kwargs)

        encoding = EncodingProvider()
        root = logging.getLogger()
        root.setLevel(logging.INFO)
        root.addHandler(logging.NullHandler())
        log = logging.getLogger("shop.cart")
        source: Any = {
            "logger": log, "adapter": logging.LoggerAdapter(log, {}), "subclass": Own("own", 20), "module": logging,
        }[through]  # fmt: skip
        keywords = {} if stacklevel is None else {"stacklevel": stacklevel}
        args = (logging.INFO, "hello") if name == "log" else ("hello",)

        def call() -> None:
            _outer(getattr(source, name), *args, **keywords)

        right = assert_alike(encoding, call, code=True)
        assert right[-1].records[0].attributes["code.file.path"] == __file__
        assert right[-1].records[0].attributes["code.function.name"]

    def test_on_many_lines_are_told_apart(self) -> None:
        encoding = EncodingProvider()
        logging.getLogger().setLevel(logging.INFO)
        log = logging.getLogger("shop.cart")
        source = "def f(log):\n" + "".join(f"    log.info('{line}')\n" for line in range(2, 2000))
        space: dict[str, Any] = {}
        exec(compile(source, "generated.py", "exec"), space)
        handle = StdlibSource().install(encoding)
        try:
            for _ in range(2):
                space["f"](log)
        finally:
            handle.uninstall()
        records = encoding.take()
        assert len(records) == 2 * 1998
        assert all(str(record.attributes["code.line.number"]) == record.body for record in records)
        assert {record.attributes["code.file.path"] for record in records} == {"generated.py"}
