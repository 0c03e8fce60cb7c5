"""Values that lose a batch, or raise into the application, with other encoders: each made anew by a function."""

from __future__ import annotations

import array
import collections
import contextvars
import ctypes
import datetime as dt
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import itertools
import pathlib
import queue
import re
import socket
import threading
import types
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple


def raising(error: BaseException) -> Callable[..., Any]:
    """Give a method that raises."""

    def method(*args: Any, **kwargs: Any) -> Any:
        raise error

    return method


def refusing(base: type = object, *names: str) -> Any:
    """Give an object of a new class whose methods of these names raise."""
    return with_methods(base, **{f"__{name}__": raising(ValueError("no")) for name in names})


def with_methods(base: type = object, **methods: Any) -> Any:
    """Give an object of a new class with these methods."""
    return type("Poison", (base,), methods)()


def cycle_of_list() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def cycle_of_dict() -> Any:
    value: dict[str, Any] = {}
    value["me"] = {"you": [value]}
    return value


def deep_list() -> Any:
    value: list[Any] = []
    for _ in range(50_000):
        value = [value]
    return value


def wide_sharing() -> Any:
    value: Any = "leaf"
    for _ in range(40):
        value = [value, value]
    return value


class EndlessSequence(Sequence[int]):
    def __getitem__(self, index: Any) -> Any:
        return index

    def __len__(self) -> int:
        return 1 << 40


class EndlessMapping(Mapping[Any, Any]):
    def __getitem__(self, key: Any) -> Any:
        return key

    def __iter__(self) -> Iterator[Any]:
        return itertools.count()

    def __len__(self) -> int:
        return 1 << 40


class BrokenMapping(Mapping[Any, Any]):
    __getitem__ = __iter__ = __len__ = raising(RuntimeError("broken"))  # type: ignore[assignment]


class Liar:
    __class__ = property(raising(RuntimeError("no class")))  # type: ignore[assignment]


class Nameless(type):
    __name__ = property(raising(RuntimeError("no name")))  # type: ignore[assignment]


class Proxy:
    """Stands for something that is gone, as lazy objects do."""

    __getattribute__ = raising(ReferenceError("gone"))


class Slotted:
    __slots__ = ("value",)

    def __repr__(self) -> str:
        return str(self.value)


class Colour(enum.Flag):
    RED = 1
    BLUE = 2


class Point(NamedTuple):
    x: Any


def grows() -> Any:
    value: dict[Any, Any] = {}

    def text(self: Any) -> str:
        value[len(value)] = 1
        return "grown"

    value["a"], value["b"] = with_methods(__str__=text), 1
    return value


def dead_proxy() -> Any:
    return weakref.proxy(with_methods())


def closed_file() -> Any:
    file = io.StringIO()
    file.close()
    return file


def released_view() -> Any:
    view = memoryview(b"x")
    view.release()
    return view


def frame() -> Any:
    try:
        raise ValueError
    except ValueError as error:
        return error.__traceback__


POISONS: dict[str, Callable[[], Any]] = {
    "lone surrogate": lambda: "a\ud800b",
    "low surrogate first": lambda: "\udc00\ud800",
    "surrogate pair": lambda: "\ud83d\ude00",
    "null character": lambda: "a\x00b",
    "control characters": lambda: "\x1b[31m\r\n\x07",
    "non-character": lambda: "\ufffe\uffff",
    "right-to-left override": lambda: "\u202eabc",
    "astral text": lambda: "😀" * 1000,
    "huge text": lambda: "x" * 600_000,
    "huge unicode text": lambda: "é" * 300_000,
    "2**63": lambda: 1 << 63,
    "2**70": lambda: 1 << 70,
    "-2**70": lambda: -(1 << 70),
    "integer of 5000 digits": lambda: 10**5000,
    "nan": lambda: float("nan"),
    "infinity": lambda: float("-inf"),
    "signalling nan": lambda: decimal.Decimal("sNaN"),
    "decimal": lambda: decimal.Decimal("1E+999999"),
    "fraction": lambda: fractions.Fraction(1, 3),
    "complex": lambda: 1 + 2j,
    "ctypes integer": lambda: ctypes.c_int(5),
    "set": lambda: {1, "a", None},
    "frozenset": lambda: frozenset([frozenset([1])]),
    "tuple": lambda: (1, (2, (3,))),
    "named tuple": lambda: Point(object()),
    "deque": lambda: collections.deque([1]),
    "array": lambda: array.array("d", [1.5]),
    "range": lambda: range(10**12),
    "generator": lambda: (n for n in range(3)),
    "iterator without end": itertools.count,
    "dict views": lambda: ({1: 2}.keys(), {1: 2}.values(), {1: 2}.items()),
    "mapping proxy": lambda: types.MappingProxyType({"a": {1}}),
    "chain map": lambda: collections.ChainMap({"a": 1}, {"b": 2}),
    "default dict": lambda: collections.defaultdict(list, {"a": [1]}),
    "user string": lambda: collections.UserString("text"),
    "user dict": lambda: collections.UserDict({"a": 1}),
    "integer keys": lambda: {1: {2: {3: 4}}},
    "odd keys": lambda: {None: 1, (1, 2): 2, 1.5: 3, b"x": 4, object(): 5},
    "surrogate keys": lambda: dict.fromkeys(map(chr, range(0xD800, 0xD810)), 1),
    "keys that are equal as text": lambda: {1: "a", "1": "b"},
    "empty keys": lambda: {"": {"": 1}},
    "unprintable key": lambda: {with_methods(__str__=raising(ValueError("no")), __hash__=lambda self: 1): 1},
    "huge key": lambda: {"k" * 500_000: 1},
    "cycle of lists": cycle_of_list,
    "cycle of dicts": cycle_of_dict,
    "deep nesting": deep_list,
    "wide sharing": wide_sharing,
    "sequence without end": EndlessSequence,
    "mapping without end": EndlessMapping,
    "broken mapping": BrokenMapping,
    "broken sequence": lambda: refusing(Sequence, "getitem", "len"),
    "changes while it is read": grows,
    "datetime": lambda: dt.datetime(2026, 11, 24, tzinfo=dt.timezone.utc),
    "date": lambda: dt.date.max,
    "timezone that raises": lambda: dt.datetime(2026, 1, 1, tzinfo=with_methods(dt.tzinfo)),
    "time delta": lambda: dt.timedelta.max,
    "uuid": lambda: uuid.UUID(int=1),
    "path": lambda: pathlib.PurePath("/tmp/\udcff"),
    "address": lambda: ipaddress.ip_address("::1"),
    "enumeration": lambda: Colour.RED | Colour.BLUE,
    "object": object,
    "class": lambda: Liar,
    "function": lambda: raising,
    "partial": lambda: functools.partial(raising, ValueError()),
    "module": lambda: types,
    "lock": threading.Lock,
    "queue": queue.Queue,
    "file": closed_file,
    "socket": lambda: socket.SocketType.__new__(socket.SocketType),
    "pattern": lambda: re.compile("a"),
    "context": contextvars.copy_context,
    "bytes": lambda: b"\xff\xfe\x00",
    "byte array": lambda: bytearray(b"\xff"),
    "memory view": lambda: memoryview(b"abcd")[::-2],
    "released memory view": released_view,
    "text that raises": lambda: refusing(object, "str", "repr"),
    "text that is no text": lambda: with_methods(__str__=lambda self: 5),
    "text with a surrogate": lambda: with_methods(__str__=lambda self: "\ud800"),
    "text without memory": lambda: with_methods(__str__=raising(MemoryError())),
    "text without a stack": lambda: with_methods(__str__=raising(RecursionError())),
    "text that calls itself": lambda: with_methods(__str__=lambda self: str(self)),
    "text that stops iterating": lambda: with_methods(__str__=raising(StopIteration())),
    "text that asserts": lambda: with_methods(__str__=raising(AssertionError())),
    "text whose error is unprintable": lambda: with_methods(
        __str__=raising(with_methods(Exception, __str__=raising(ValueError("no"))))
    ),
    "index that raises": lambda: refusing(object, "index"),
    "float that raises": lambda: refusing(float, "float"),
    "integer that raises": lambda: refusing(int, "int", "index"),
    "bytes of their own": lambda: refusing(bytes, "bytes"),
    "text subclass that raises": lambda: refusing(str, "str", "len", "getitem"),
    "never equal": lambda: refusing(object, "eq", "hash"),
    "neither true nor false": lambda: refusing(object, "bool", "len"),
    "class that lies": Liar,
    "class without a name": lambda: Nameless("N", (), {"__str__": raising(ValueError("no"))})(),
    "object without attributes": Proxy,
    "unset slot": Slotted,
    "dead proxy": dead_proxy,
    "exception": lambda: ValueError("a", object()),
    "exception that cannot be printed": lambda: with_methods(Exception, __str__=raising(ValueError("no"))),
    "traceback": frame,
    "not implemented": lambda: NotImplemented,
    "ellipsis": lambda: ...,
}  # fmt: skip
