"""Log calls that lose a batch, or raise into the application, with other libraries: each kind is one entry of a table.

Each is made by a function that gets the three ways to log, under a logger name of the kind's own, so that what arrives
tells where it came from. What `logging` itself raises, with or without us, is named in the table.
"""

from __future__ import annotations

import linecache
import logging
import types
from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry._logs import LogRecord, SeverityNumber

from tests.unit.encode.poison import POISONS, raising, refusing, with_methods


class Ways(NamedTuple):
    """One name's loggers: ours, the OpenTelemetry API's, and stdlib's."""

    own: Any
    api: Any
    std: logging.Logger


class Kind(NamedTuple):
    """One kind of bad call.

    Args:
        call: Makes it.
        records: How many records it must make.
        raises: What `logging` itself raises before a record is made.
    """

    call: Callable[[Ways], object]
    records: int = 1
    raises: type[BaseException] | None = None


KINDS: dict[str, Kind] = {}


def scope_of(name: str) -> str:
    """Give the logger name under which a kind's records arrive."""
    return f"poison.{name.replace('.', '_')}"


def kind(name: str, records: int = 1, raises: type[BaseException] | None = None) -> Callable[[Any], Any]:
    """Enter a function into the table."""

    def enter(call: Callable[[Ways], object]) -> Callable[[Ways], object]:
        assert name not in KINDS
        KINDS[name] = Kind(call, records, raises)
        return call

    return enter


# -- values: in each place that the three ways have for one ------------------------------------------------------------


def _value(make: Callable[[], Any]) -> Callable[[Ways], None]:
    def call(ways: Ways) -> None:
        ways.own.info("value", bad=make(), within=[{"k": make()}])
        ways.own.info(make())
        ways.api.emit(body=make(), attributes={"bad": make()})
        ways.api.emit(LogRecord(body=make(), attributes={"bad": make()}, severity_number=SeverityNumber.INFO))
        ways.std.info("value", extra={"bad": make()})
        ways.std.info(make())

    return call


for _name, _make in POISONS.items():
    kind(f"value: {_name}", 6)(_value(_make))


# -- calls -------------------------------------------------------------------------------------------------------------

_FORMATS: dict[str, tuple[Any, ...]] = {
    "too few arguments": ("%s %s", 1),
    "too many arguments": ("%s", 1, 2),
    "arguments without a format": ("text", 1),
    "number wanted": ("%d", "x"),
    "mapping wanted": ("%(k)s", 1),
    "key missing": ("%(k)s", {"other": 1}),
    "empty mapping": ("%(k)s", {}),
    "bare percent": ("100%", 1),
    "unknown conversion": ("%z", 1),
    "width of somebody's own": ("%*d", 1 << 70, 1),
    "width without end": ("%999999999999s", 1),
    "argument that raises": ("%s", refusing(object, "str", "repr")),
    "argument whose repr raises": ("%r", refusing(object, "str", "repr")),
    "surrogate in the format": ("\ud800 %s", 1),
    "bytes as a format": (b"%s", 1),
    "object as a format": (with_methods(__mod__=raising(ValueError("no"))), 1),
    "object that raises as a format": (refusing(object, "str", "mod"), 1),
    "generator as an argument": ("%d", (n for n in range(3))),
    "character out of range": ("%c", 1 << 40),
}


def _format(arguments: tuple[Any, ...]) -> Callable[[Ways], None]:
    def call(ways: Ways) -> None:
        ways.own.warning(*arguments)
        ways.std.warning(*arguments)

    return call


for _name, _arguments in _FORMATS.items():
    kind(f"format: {_name}", 2)(_format(_arguments))


@kind("call: attributes named like parameters")
def _(ways: Ways) -> None:
    ways.own.info("text", **{"self": 1, "message": 2, "args": 3, "": 4, "a b": 5, "\ud800": 6})


@kind("call: fields of the wrong types", 2)
def _(ways: Ways) -> None:
    ways.api.emit(timestamp="now", observed_timestamp=-1, severity_number="x", severity_text=5, event_name=b"\xff")
    ways.api.emit(context="no context", attributes=[("a",)], exception="no exception")


@kind("call: numbers that fit nowhere", 2)
def _(ways: Ways) -> None:
    ways.api.emit(timestamp=1 << 80, observed_timestamp=1 << 80, severity_number=99)
    ways.api.emit(timestamp=-(1 << 80), severity_number=-5)


@kind("call: something else than a record")
def _(ways: Ways) -> None:
    ways.api.emit(object())


@kind("extra: keys that are no text")
def _(ways: Ways) -> None:
    ways.std.info("text", extra={1: 2, None: 3, ("t",): object()})


@kind("extra: a field of the record", 0, raises=KeyError)
def _(ways: Ways) -> None:
    ways.std.info("text", extra={"message": "mine", "name": "mine"})


@kind("extra: no mapping", 0, raises=TypeError)
def _(ways: Ways) -> None:
    ways.std.info("text", extra=5)  # type: ignore[arg-type]


@kind("extra: the names that we write ourselves")
def _(ways: Ways) -> None:
    ways.std.info(
        "text", extra={"exception.type": object(), "code.function.name": {1}, "trace_id": "x", "otelTraceID": 5}
    )


@kind("level: no number", 0, raises=TypeError)
def _(ways: Ways) -> None:
    ways.std.log("INFO", "text")  # type: ignore[arg-type]


@kind("level: beyond every name", 2)
def _(ways: Ways) -> None:
    ways.std.log(10**9, "text")
    ways.std.log(10**30, "text")


@kind("call: a stack level beyond the stack")
def _(ways: Ways) -> None:
    ways.std.info("text", stacklevel=10_000, stack_info=True)


# -- records of somebody's own -----------------------------------------------------------------------------------------


class Stubborn(logging.LogRecord):
    """A record that will not say what it says."""

    getMessage = raising(ValueError("no message"))


class Talkative(logging.LogRecord):
    """A record whose message is no text."""

    def getMessage(self) -> Any:
        return {"not": "text"}


def _record(of: type[logging.LogRecord] = logging.LogRecord, **changes: Any) -> Callable[[Ways], None]:
    def call(ways: Ways) -> None:
        record = of(ways.std.name, logging.WARNING, "path", 1, "text", (), None)
        for name, value in changes.items():
            setattr(record, name, value)
        ways.std.handle(record)

    return call


_RECORDS: dict[str, Callable[[Ways], None]] = {
    "message that raises": _record(Stubborn),
    "message that is no text": _record(Talkative),
    "arguments that are none": _record(args=5),
    "arguments that do not fit": _record(args=(1, 2, 3)),
    "time that is none": _record(created="yesterday"),
    "time without end": _record(created=float("inf")),
    "time that is no number": _record(created=float("nan")),
    "time before time": _record(created=-1e30),
    "exception info that is none": _record(exc_info="boom"),
    "exception info of odd parts": _record(exc_info=(1, 2, 3)),
    "exception text that is no text": _record(exc_text=object(), exc_info=(None, None, None)),
    "stack that is no text": _record(stack_info={1: 2}),
    "level name that is no text": _record(levelname=5),
    "path that is no text": _record(pathname=object(), lineno="x", funcName=7),
    "odd attributes": _record(process=None, thread=None, threadName=object(), odd=refusing(object, "str")),
}
for _name, _call in _RECORDS.items():
    kind(f"record: {_name}")(_call)


def _lying(value: Callable[[], Any]) -> Callable[[Ways], None]:
    def call(ways: Ways) -> None:
        for name in (
            "msg",
            "args",
            "created",
            "exc_info",
            "exc_text",
            "stack_info",
            "pathname",
            "funcName",
            "levelname",
        ):
            record = logging.LogRecord(ways.std.name, logging.WARNING, "path", 1, "text", (), None)
            setattr(record, name, value())
            ways.std.handle(record)

    return call


for _name in ("class that lies", "object without attributes", "dead proxy", "neither true nor false", "never equal"):
    kind(f"record: each field a {_name}", 9)(_lying(POISONS[_name]))


@kind("record: of a factory")
def _(ways: Ways) -> None:
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Stubborn)
    try:
        ways.std.warning("text")
    finally:
        logging.setLogRecordFactory(before)


@kind("record: without its fields")
def _(ways: Ways) -> None:
    record = logging.LogRecord(ways.std.name, logging.WARNING, "path", 1, "text", (), None)
    for name in ("pathname", "lineno", "funcName", "process", "thread", "created", "exc_info", "stack_info"):
        delattr(record, name)
    ways.std.handle(record)


@kind("record: made of rubbish")
def _(ways: Ways) -> None:
    rubbish = {"name": ways.std.name, "msg": object(), "args": [1], "levelno": 30, "created": None, "exc_info": True}
    ways.std.handle(logging.makeLogRecord(rubbish))


# -- exceptions: as exc_info, as the exception of a record, and in an except block -------------------------------------


def _exception(make: Callable[[], Any]) -> Callable[[Ways], None]:
    def call(ways: Ways) -> None:
        error = make()
        ways.own.error("failed", exc_info=error)
        ways.std.error("failed", exc_info=error)
        ways.api.emit(body="failed", exception=error)
        try:
            raise error
        except BaseException:
            ways.own.exception("failed")
            ways.std.exception("failed")

    return call


def _cyclic(link: str) -> BaseException:
    first, second = ValueError("first"), ValueError("second")
    setattr(first, link, second)
    setattr(second, link, first)
    return first


def _chain(length: int) -> BaseException:
    error: BaseException = ValueError("the first")
    for number in range(length):
        follower = ValueError(number)
        follower.__cause__ = error
        error = follower
    return error


def _nested_groups(levels: int) -> BaseException:
    group = getattr(__import__("builtins"), "ExceptionGroup", None)
    if group is None:  # before 3.11: a chain of the same length is the nearest thing
        return _chain(levels)
    error: Exception = ValueError("inner")
    for number in range(levels):
        error = group(f"group {number}", [error])
    return error


def _wide_group() -> BaseException:
    group = getattr(__import__("builtins"), "ExceptionGroup", None)
    return _chain(5_000) if group is None else group("wide", [ValueError(number) for number in range(5_000)])


def _thrown(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def _long_traceback() -> BaseException:
    error = _thrown(ValueError("long"))
    assert error.__traceback__ is not None
    frame, chain = error.__traceback__.tb_frame, None
    for _ in range(50_000):
        chain = types.TracebackType(chain, frame, 0, 1)
    return error.with_traceback(chain)


def _deep_stack() -> BaseException:
    def down(levels: int) -> None:
        if not levels:
            raise ValueError("deep")
        down(levels - 1)

    try:
        down(300)
    except ValueError as error:
        return error
    raise AssertionError


def _from_source(source: str, filename: str, names: dict[str, Any]) -> BaseException:
    try:
        exec(compile(source, filename, "exec"), names)
    except Exception as error:
        return error
    raise AssertionError


def _broken_linecache() -> BaseException:
    linecache.cache["<broken>"] = (1, None, [5, None], "<broken>")  # type: ignore[assignment,list-item]
    return _from_source("1/0", "<broken>", {})


def _noted(notes: Any) -> BaseException:
    error = _thrown(ValueError("noted"))
    error.__notes__ = notes  # type: ignore[attr-defined]
    return error


def _syntax_error() -> BaseException:
    error = SyntaxError("bad", ("file", 1, 1, "text"))
    error.lineno, error.offset, error.text, error.filename = "x", {}, b"\xff", 5  # type: ignore[assignment]
    return error


def _odd_class(**members: Any) -> BaseException:
    made = type("Odd", (Exception,), members)
    error: BaseException = made("odd")
    return _thrown(error)


def _nameless_class() -> BaseException:
    class Meta(type):
        __name__ = property(raising(RuntimeError("no name")))  # type: ignore[assignment]

        def __getattribute__(cls, name: str) -> Any:
            raise RuntimeError("no attributes")

    error: BaseException = Meta("Nameless", (Exception,), {})("x")
    return error


class Unlisted:
    """What cannot say which names it has, as a helpful error message asks."""

    __dir__ = __getattr__ = raising(ValueError("no names"))
    __class__ = property(raising(ValueError("no class")))  # type: ignore[assignment]


def _suggesting() -> BaseException:
    error = AttributeError("no such attribute")
    error.name, error.obj = "name", Unlisted()  # type: ignore[attr-defined]
    return _thrown(error)


EXCEPTIONS: dict[str, Callable[[], BaseException]] = {
    "no text": lambda: refusing(Exception, "str"),
    "no text and no repr": lambda: refusing(Exception, "str", "repr"),
    "text that is no text": lambda: with_methods(Exception, __str__=lambda self: 5),
    "text with a surrogate": lambda: ValueError("\ud800"),
    "text that recurses": lambda: with_methods(Exception, __str__=lambda self: str(self)),
    "huge text": lambda: ValueError("x" * 600_000),
    "hostile text": lambda: ValueError("\x1b[2J\r\nINFO forged \u202e"),
    "arguments that raise": lambda: ValueError(refusing(object, "str", "repr")),
    "cause in a circle": lambda: _cyclic("__cause__"),
    "context in a circle": lambda: _cyclic("__context__"),
    "a thousand causes": lambda: _chain(1_000),
    "fifty thousand causes": lambda: _chain(50_000),
    "groups nested a thousand deep": lambda: _nested_groups(1_000),
    "group of five thousand": _wide_group,
    "traceback of fifty thousand frames": _long_traceback,
    "stack of three hundred frames": _deep_stack,
    "source that is broken": _broken_linecache,
    "source whose loader raises": lambda: _from_source(
        "1/0", "<loaded>", {"__name__": "x", "__loader__": refusing(object, "getattribute")}
    ),
    "source that lies elsewhere": lambda: _from_source("1/0", "/dev/zero/none", {}),
    "source name with a surrogate": lambda: _from_source("1/0", "/tmp/\udcff.py", {}),
    "notes that are a number": lambda: _noted(5),
    "notes that are a text": lambda: _noted("a text"),
    "notes that raise": lambda: _noted([refusing(object, "str", "repr"), None, b"\xff", "\ud800"]),
    "notes without end": lambda: _noted(["n" * 1_000] * 10_000),
    "notes of somebody's own": lambda: _odd_class(__notes__=property(raising(ValueError("no notes")))),
    "cause that raises": lambda: _odd_class(__cause__=property(raising(ValueError("no cause")))),
    "module that is no text": lambda: _odd_class(__module__=5),
    "class without a name": _nameless_class,
    "class that lies": lambda: _odd_class(__class__=property(raising(ValueError("no class")))),
    "attributes that raise": lambda: with_methods(Exception, __getattr__=raising(ValueError("no attributes"))),
    "syntax error of odd parts": _syntax_error,
    "suggestion that raises": _suggesting,
    "never initialised": lambda: UnicodeDecodeError.__new__(UnicodeDecodeError),
    "exit": lambda: SystemExit(refusing(object, "str")),
}  # fmt: skip
for _name, _make in EXCEPTIONS.items():
    kind(f"exception: {_name}", 5)(_exception(_make))


_EXC_INFOS: dict[str, Any] = {
    "true outside": True,
    "number": 7,
    "text": "boom",
    "class": ValueError,
    "empty tuple": (),
    "short tuple": (ValueError,),
    "tuple of rubbish": (1, "x", object()),
    "tuple of nothing": (None, None, None),
    "tuple that does not fit": (KeyError, ValueError("x"), "no traceback"),
    "object that raises": refusing(object, "bool", "len", "iter", "getattribute"),
}


def _exc_info(value: Any) -> Callable[[Ways], None]:
    def call(ways: Ways) -> None:
        ways.own.error("failed", exc_info=value)
        ways.api.emit(body="failed", exception=value)

    return call


for _name, _given in _EXC_INFOS.items():
    kind(f"exc_info: {_name}", 2)(_exc_info(_given))
