from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import pathlib
import sys
import types
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from fapilog_otel.model.anyvalue import (
    DEPTH_MARK,
    INT64_MAX,
    INT64_MIN,
    NODE_MARK,
    Budget,
    clean_text,
    normalise,
    normalise_key,
    object_text,
    type_name,
)
from tests.naming import stable_id

UTC = dt.timezone.utc


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Word(str, enum.Enum):
    YES = "yes"


class Shout(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "SHOUTED"


class Pair(NamedTuple):
    left: int
    right: str


@dataclasses.dataclass
class Point:
    x: int


class Index:
    def __index__(self) -> int:
        return 7


class Refuses:
    """Raises whatever it is asked."""

    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


class Liar:
    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no class either")


class Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no name")


class Anonymous(metaclass=Nameless):
    def __str__(self) -> str:
        raise ValueError("no text")


class OddBytes(bytes):
    def __bytes__(self) -> bytes:
        return OddBytes(b"more")


class OddDate(dt.datetime):
    def isoformat(self, *args: Any, **kwargs: Any) -> str:
        return "\ud800"


class Items(Mapping[Any, Any]):
    def __init__(self, items: dict[Any, Any], broken: bool = False) -> None:
        self._items, self._broken = items, broken

    def __getitem__(self, key: Any) -> Any:
        if self._broken:
            raise KeyError(key)
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


def same(left: Any, right: Any) -> bool:
    """Tell whether two trees are equal and of the same types throughout."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


class TestPlainValues:
    @pytest.mark.parametrize(
        "value", ["", "text", "ünïcode", True, False, 0, -1, 1.5, float("inf"), b"", b"\xff", None]
    )
    def test_are_kept(self, value: object) -> None:
        assert normalise(value) is value

    @pytest.mark.parametrize("value", [INT64_MIN, INT64_MAX])
    def test_integers_reach_to_the_ends_of_int64(self, value: int) -> None:
        assert normalise(value) == value

    @pytest.mark.parametrize("value", [INT64_MIN - 1, INT64_MAX + 1, 2**70, -(2**70)])
    def test_integers_beyond_int64_become_text(self, value: int) -> None:
        assert normalise(value) == str(value)

    @pytest.mark.skipif(not hasattr(sys, "get_int_max_str_digits"), reason="this Python prints integers of any length")
    def test_integers_too_long_to_be_printed_become_hexadecimal(self) -> None:
        assert normalise(10**5000) == hex(10**5000)


class TestSubclasses:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (Shout("said"), "said"), (Word.YES, "yes"), (Level.HIGH, 3), (collections.UserString("u"), "u"),
            (type("F", (float,), {})(2.5), 2.5), (type("I", (int,), {})(2**70), str(2**70)),
            (OddBytes(b"raw"), b"raw"), (bytearray(b"ab"), b"ab"), (memoryview(b"abcd")[::2], b"ac"),
            (Pair(1, "a"), [1, "a"]), (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
            (types.MappingProxyType({"k": (1,)}), {"k": [1]}), (collections.Counter("aa"), {"a": 2}),
        ],
    )  # fmt: skip
    def test_become_the_exact_builtin(self, value: object, expected: object) -> None:
        assert same(normalise(value), expected)


class TestOtherObjects:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (dt.datetime(2026, 11, 24, 12, 0, 5, 7, tzinfo=UTC), "2026-11-24T12:00:05.000007+00:00"),
            (dt.date(2026, 11, 24), "2026-11-24"),
            (dt.time(12, 30), "12:30:00"),
            (dt.timedelta(seconds=1), "0:00:01"),
            (OddDate(2026, 1, 1), "\ufffd"),
            (decimal.Decimal("1.50"), "1.50"),
            (fractions.Fraction(1, 3), "1/3"),
            (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
            (pathlib.PurePosixPath("/a/b"), "/a/b"),
            (Colour.RED, "Colour.RED"),
            (1 + 2j, "(1+2j)"),
            (Point(1), "Point(x=1)"),
            (ValueError("broken"), "ValueError: broken"),
            (KeyError("k"), "KeyError: 'k'"),
            (Index(), 7),
            (object, "<class 'object'>"),
            (..., "Ellipsis"),
            (NotImplemented, "NotImplemented"),
        ],
    )
    def test_become_text_or_a_number(self, value: object, expected: object) -> None:
        assert same(normalise(value), expected)

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ((1, (2, ["x"])), [1, [2, ["x"]]]),
            (frozenset([1]), [1]),
            ({}.keys(), []),
            ({"a": 1}.keys(), ["a"]),
            (range(3), [0, 1, 2]),
            (collections.deque([1, 2]), [1, 2]),
            (array.array("i", [1, 2]), [1, 2]),
            (Items({"a": {1}}), {"a": [1]}),
        ],
    )
    def test_collections_become_lists_and_dicts(self, value: object, expected: object) -> None:
        assert same(normalise(value), expected)

    def test_a_set_keeps_every_item(self) -> None:
        found = normalise({1, "a", None})
        assert isinstance(found, list)
        assert set(found) == {1, "a", None}

    def test_what_cannot_be_iterated_twice_is_not_consumed(self) -> None:
        numbers = (number for number in range(3))
        assert "generator" in str(normalise(numbers))
        assert list(numbers) == [0, 1, 2]

    def test_containers_are_fresh(self) -> None:
        inner: list[int] = [1]
        value = {"a": inner}
        found: Any = normalise(value)
        inner.append(2)
        assert found == {"a": [1]}


class TestBrokenObjects:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (Refuses, "<unprintable Refuses: ValueError>"),
            (Liar, "<unprintable Liar: RuntimeError>"),
            (Anonymous, "<unprintable Anonymous: ValueError>"),
            (lambda: ValueError(Refuses()), "ValueError: <unprintable ValueError: ValueError>"),
            (lambda: Items({"a": 1}, broken=True), "<unprintable Items: KeyError>"),
        ],
        ids=stable_id,
    )
    def test_leave_a_note_of_what_they_are(self, value: Callable[[], object], expected: str) -> None:
        assert normalise(value()) == expected

    def test_spare_their_neighbours(self) -> None:
        assert normalise([1, Refuses(), {"a": Liar(), "b": 2}]) == [
            1, "<unprintable Refuses: ValueError>", {"a": "<unprintable Liar: RuntimeError>", "b": 2},
        ]  # fmt: skip

    def test_a_released_memoryview_is_told(self) -> None:
        view = memoryview(b"x")
        view.release()
        assert normalise(view) == "<unprintable memoryview: ValueError>"

    def test_a_mapping_that_changes_while_it_is_read_is_told(self) -> None:
        value: dict[Any, Any] = {}

        class Grows:
            def __str__(self) -> str:
                value[len(value)] = 1
                return "grown"

        value["a"], value["b"] = Grows(), 2
        assert normalise(value) == "<unprintable dict: RuntimeError>"

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_a_base_exception_passes_through(self, error: type[BaseException]) -> None:
        class Stops:
            def __str__(self) -> str:
                raise error

        for value in (Stops(), [Stops()], {"a": Stops()}, {Stops(): 1}, ValueError(Stops())):
            with pytest.raises(error):
                normalise(value)


class TestText:
    @pytest.mark.parametrize(
        ("text", "clean"),
        [
            ("a\ud800b", "a\ufffdb"),
            ("\udfff", "\ufffd"),
            ("\ud83d\ude00", "😀"),
            ("😀", "😀"),
            ("\x00\x1b", "\x00\x1b"),
        ],
    )
    def test_lone_surrogates_are_replaced_and_pairs_joined(self, text: str, clean: str) -> None:
        assert clean_text(text) == clean
        assert normalise(text) == clean
        assert normalise({text: [text]}) == {clean: [clean]}

    def test_valid_text_is_the_same_object(self) -> None:
        text = "välid"
        assert clean_text(text) is text

    @pytest.mark.parametrize(
        ("key", "expected"),
        [
            ("k", "k"), (1, "1"), (None, "None"), (("a", 1), "('a', 1)"), (b"b", "b'b'"), (Shout("said"), "said"),
            ("\ud800", "\ufffd"), (Level.HIGH, str(Level.HIGH)), ("", ""),
        ],
    )  # fmt: skip
    def test_keys_become_text(self, key: object, expected: str) -> None:
        found = normalise_key(key)
        assert type(found) is str
        assert found == expected

    def test_broken_keys_become_a_note(self) -> None:
        assert normalise_key(Refuses()) == "<unprintable Refuses: ValueError>"
        assert normalise_key(Anonymous()) == "<unprintable Anonymous: ValueError>"
        assert "Liar object at" in normalise_key(Liar())

    def test_a_text_that_is_no_text_is_replaced(self) -> None:
        class Number:
            def __str__(self) -> str:
                return 5  # type: ignore[return-value]

        assert object_text(Number()) == "<unprintable Number: TypeError>"

    def test_a_class_is_named_past_its_metaclass(self) -> None:
        assert type_name(Anonymous()) == "Anonymous"


class TestBounds:
    def test_nesting_ends_at_the_depth(self) -> None:
        assert normalise([[[1]]], Budget(depth=2)) == [[DEPTH_MARK]]
        assert normalise({"a": {"b": {}}}, Budget(depth=2)) == {"a": {"b": DEPTH_MARK}}
        assert normalise([1], Budget(depth=0)) == DEPTH_MARK

    def test_a_cycle_ends_at_the_depth(self) -> None:
        value: list[Any] = []
        value.append(value)
        found, depth = normalise(value), 0
        while isinstance(found, list):
            found, depth = found[0], depth + 1
        assert (found, depth) == (DEPTH_MARK, 16)

    def test_shared_lists_nested_deep_end_at_the_budget(self) -> None:
        value: list[Any] = ["leaf"]
        for _ in range(40):
            value = [value, value]
        text = str(normalise(value))
        assert NODE_MARK in text
        assert len(text) < 200_000

    @pytest.mark.parametrize("value", [range(10**9), Items(dict.fromkeys(range(10000), 1))])
    def test_a_long_collection_ends_at_the_budget(self, value: Any) -> None:
        found: Any = normalise(value, Budget(nodes=10))
        assert len(found) == 11
        assert NODE_MARK in found

    def test_the_budget_is_shared_by_all_values_of_a_record(self) -> None:
        budget = Budget(nodes=3)
        assert normalise([1, 2], budget) == [1, 2]
        assert normalise([3, 4], budget) == [3, NODE_MARK]
        assert normalise([5], budget) == [NODE_MARK]
        assert normalise("plain values cost nothing", budget) == "plain values cost nothing"

    def test_a_depth_beyond_the_interpreters_is_survived(self) -> None:
        value: list[Any] = []
        for _ in range(100_000):
            value = [value]
        found: Any = normalise(value, Budget(nodes=1 << 30, depth=1 << 30))
        while isinstance(found, list):
            found = found[0]
        assert found == "<unprintable list: RecursionError>"
