"""Generated log records: every AnyValue shape, odd objects, limits, unicode and ids."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from typing import Any, NamedTuple

from hypothesis import strategies as st

from fapilog_otel.encode.plan import EncodePlan, Limits
from fapilog_otel.pipeline import default_redaction


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class TextLike(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not the text itself"


class Unprintable:
    def __str__(self) -> str:
        raise ValueError("no text")


class Wide:
    def __index__(self) -> int:
        return 7


class Generated(NamedTuple):
    """The arguments of ``EmitCore.submit`` but for the scope."""

    timestamp: int
    observed: int
    severity: int
    text: str
    body: Any
    attributes: dict[Any, Any] | None
    bound: dict[str, Any] | None
    ids: tuple[int, int, int]
    event_name: str


TEXT = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=st.characters(categories=["Cs", "Ll", "So"]), max_size=12),  # lone surrogates, emoji
    st.sampled_from(["", "x" * 127, "x" * 128, "é" * 64, "password=hunter2", "Bearer abc.def.ghi"]),
    st.sampled_from(["4111 1111 1111 1111", "postgres://u:p@host/db"]),
)
SCALARS = st.one_of(
    TEXT,
    st.booleans(),
    st.none(),
    st.integers(min_value=-(1 << 70), max_value=1 << 70),
    st.sampled_from([0, -1, 127, 128, (1 << 63) - 1, -(1 << 63), 1 << 63]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.binary(max_size=20),
)
ODD = st.sampled_from(
    [
        Colour.RED,
        Level.HIGH,
        TextLike("text"),
        Wide(),
        decimal.Decimal("1.50"),
        uuid.UUID(int=5),
        dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.timezone.utc),
        dt.date(2026, 11, 24),
        ValueError("broken"),
        {1, 2},
        frozenset({"a"}),
        bytearray(b"ab"),
        memoryview(b"cd"),
        range(3),
        object,
    ]
)
# Hypothesis shows what it samples from, so what cannot be shown is built.
UNSHOWABLE = st.one_of(st.builds(Unprintable), st.just(5000).map(lambda digits: 10**digits))
VALUES = st.recursive(
    st.one_of(SCALARS, ODD, UNSHOWABLE),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(TEXT, st.integers(), st.none()), inner, max_size=4),
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(["password", "user.id", "exception.type", "token_count", "k" * 130])
KEYS = st.one_of(TEXT, NAMES, st.integers())
RECORDS = st.builds(
    Generated,
    timestamp=st.integers(min_value=0, max_value=(1 << 64) - 1),
    observed=st.integers(min_value=1, max_value=(1 << 64) - 1),
    severity=st.integers(min_value=0, max_value=24),
    text=TEXT,
    body=VALUES,
    attributes=st.one_of(st.none(), st.dictionaries(KEYS, VALUES, max_size=8)),
    bound=st.one_of(st.none(), st.dictionaries(TEXT, SCALARS, max_size=3)),
    ids=st.tuples(
        st.sampled_from([0, 1, (1 << 128) - 1, 0xABCDEF]),
        st.sampled_from([0, 1, (1 << 64) - 1]),
        st.sampled_from([0, 1, 3, 255]),
    ),
    event_name=TEXT,
)
PLANS = st.builds(
    EncodePlan,
    limits=st.builds(
        Limits,
        record_bytes=st.sampled_from([512, 4096, 262_144]),
        attributes=st.sampled_from([0, 1, 3, 128]),
        value_length=st.sampled_from([None, 0, 5, 64]),
        depth=st.sampled_from([1, 3, 16]),
        nodes=st.sampled_from([3, 20, 4096]),
    ),
    redaction=st.sampled_from([None, default_redaction()]),
    static_attributes=st.sampled_from([{}, {"region": "eu", "n": 1}]),
)
