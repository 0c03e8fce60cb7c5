"""Filters: stages that keep a record or return None for it. All are inline, take no lock and perform no I/O.

A filter may also have ``admits(severity_number, scope, trace)``, a pure answer without a record.
"""

from __future__ import annotations

import random
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from fapilog_otel.model.severity import UNSPECIFIED
from fapilog_otel.pipeline import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from fapilog_otel.contracts.stage import Phase
    from fapilog_otel.model.record import Record
    from fapilog_otel.model.trace_context import TraceContext

    Level: TypeAlias = "str | int"

RateKey = Literal["all", "scope", "message"]

_SAMPLED: Final = 0x01  # W3C Trace Context, "Trace flags"
_LOW_64_BITS: Final = (1 << 64) - 1
_NEVER: Final = 25  # above every severity number


class LevelFilter:
    """Keeps records at or above a level, which may differ by logger; a record without severity always passes.

    Args:
        min_level: Level name or stdlib number for loggers not named in ``levels``.
        levels: Logger (scope) name to level; ``shop`` holds for ``shop.cart`` too, the longest name wins.
        name: Name under which the stage is counted.
    """

    phase: Phase = "filter"
    inline = True

    def __init__(
        self, min_level: Level = "INFO", levels: Mapping[str, Level] | None = None, *, name: str = "level"
    ) -> None:
        self.name = name
        default = validate.severity("min_level", min_level)
        named = {scope: validate.severity(f"levels.{scope}", level) for scope, level in (levels or {}).items()}
        self.threshold: Callable[[str], int] = lru_cache(maxsize=1024)(lambda scope: _inherited(scope, named, default))

    def __call__(self, record: Record) -> Record | None:
        """Give the record, or None below its logger's level."""
        severity = record.severity_number
        return record if severity == UNSPECIFIED or severity >= self.threshold(record.scope.name) else None

    def admits(self, severity_number: int, scope: str, trace: TraceContext) -> bool:  # noqa: ARG002 - shared signature
        """Tell whether a record would pass."""
        return severity_number == UNSPECIFIED or severity_number >= self.threshold(scope)


def minimum_severity(severity: Level = "INFO") -> LevelFilter:
    """Give the filter of a logger's minimum severity (logs SDK specification, LoggerConfig ``minimum_severity``)."""
    return LevelFilter(severity, name="minimum_severity")


def _inherited(scope: str, levels: Mapping[str, int], default: int) -> int:
    name = scope
    while name not in levels:
        name, dot, _ = name.rpartition(".")
        if not dot:
            return levels.get("", default)
    return levels[name]


class TraceBasedFilter:
    """Drops the records of spans that are not sampled (logs SDK specification, LoggerConfig ``trace_based``).

    Args:
        require_span: Also drop records written outside any span.
        protect: Severity from which a record always passes; None: all are treated alike, as the specification has it.
    """

    name = "trace_based"
    phase: Phase = "filter"
    inline = True

    def __init__(self, *, require_span: bool = False, protect: Level | None = None) -> None:
        self._require_span = require_span
        self._protect = _protected_from(protect)

    def __call__(self, record: Record) -> Record | None:
        """Give the record, or None when its span is not sampled."""
        return record if self._keeps(record.severity_number, record.span_id, record.trace_flags) else None

    def admits(self, severity_number: int, scope: str, trace: TraceContext) -> bool:  # noqa: ARG002 - shared signature
        """Tell whether a record would pass."""
        return self._keeps(severity_number, trace.span_id, trace.flags)

    def _keeps(self, severity: int, span_id: int, flags: int) -> bool:
        if severity >= self._protect:
            return True
        return bool(flags & _SAMPLED) if span_id else not self._require_span


class SamplingFilter:
    """Keeps a share of the records, all or none of a trace's.

    The trace id decides as in the SDK's ``TraceIdRatioBased``: at the same rate exactly the logs of sampled spans are
    kept, in every service that a trace passes through. Records outside a trace are kept at random.

    Args:
        rate: Share to keep, 0.0-1.0.
        protect: Severity from which a record always passes; None: none does.
        seed: Seeds the choice of records outside a trace.
        name: Name under which the stage is counted.
        draw: Gives numbers from 0.0 to below 1.0; None: a generator of its own.
    """

    phase: Phase = "filter"
    inline = True

    def __init__(
        self,
        rate: float = 1.0,
        *,
        protect: Level | None = "ERROR",
        seed: int | None = None,
        name: str = "sampling",
        draw: Callable[[], float] | None = None,
    ) -> None:
        self.name = name
        self.rate = validate.number("rate", rate, low=0.0, high=1.0)
        self._bound = round(self.rate * (_LOW_64_BITS + 1))
        self._protect = _protected_from(protect)
        self._draw = draw or random.Random(seed).random  # noqa: S311  # nosec B311 - sampling, no secret

    def __call__(self, record: Record) -> Record | None:
        """Give the record, or None when it is not among those kept."""
        if record.severity_number >= self._protect or self._samples(record.trace_id):
            return record
        return None

    def admits(self, severity_number: int, scope: str, trace: TraceContext) -> bool:  # noqa: ARG002 - shared signature
        """Tell whether a record may pass; outside a trace only the record itself is drawn for."""
        if severity_number >= self._protect:
            return True
        return trace.trace_id & _LOW_64_BITS < self._bound if trace.trace_id else self.rate > 0.0

    def _samples(self, trace_id: int) -> bool:
        return trace_id & _LOW_64_BITS < self._bound if trace_id else self._draw() < self.rate


class RateLimitFilter:
    """Keeps bursts of ``capacity`` records a key, and ``refill_rate_per_sec`` of them in the long run.

    No lock is taken, since a log call may interrupt another on the same thread: threads that race for a key's last
    token may each get it.

    Args:
        capacity: Records that a key may write at once.
        refill_rate_per_sec: Records a second that a key regains.
        key: What shares a budget: the records of a scope, those of equal body (``message``), or all.
        key_field: Name of an attribute whose value is the key instead; records without it share one.
        max_keys: Keys kept in mind; those unused for longest are forgotten, that is, start afresh.
        protect: Severity from which a record always passes and costs nothing; None: none does.
        overflow_action: ``drop``, or ``mark``: keep the record and set its attribute ``rate_limited``.
        clock: Monotonic seconds.
    """

    name = "rate_limit"
    phase: Phase = "filter"
    inline = True

    def __init__(
        self,
        capacity: int = 10,
        refill_rate_per_sec: float = 5.0,
        *,
        key: RateKey = "scope",
        key_field: str | None = None,
        max_keys: int = 10_000,
        protect: Level | None = "ERROR",
        overflow_action: Literal["drop", "mark"] = "drop",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity = float(validate.whole("capacity", capacity, low=1))
        self._refill = validate.number("refill_rate_per_sec", refill_rate_per_sec, low=0.0)
        self._key = validate.choice("key", key, ("all", "scope", "message"))
        self._key_field = key_field
        self._half = max(1, validate.whole("max_keys", max_keys, low=1) // 2)
        self._protect = _protected_from(protect)
        self._marks = validate.choice("overflow_action", overflow_action, ("drop", "mark")) == "mark"
        self._clock = clock
        # Two generations bound the number of keys without ordering them, which would need a lock.
        self._young: dict[int, tuple[float, float]] = {}
        self._old: dict[int, tuple[float, float]] = {}

    def __call__(self, record: Record) -> Record | None:
        """Give the record while its key has a token left, or None (or the record marked)."""
        if record.severity_number >= self._protect or self._takes_token(self._key_of(record)):
            return record
        return record.with_attributes({"rate_limited": True}) if self._marks else None

    def key_count(self) -> int:
        """Give the number of keys kept in mind."""
        return len(self._young.keys() | self._old.keys())

    def _takes_token(self, key: int) -> bool:
        now = self._clock()
        tokens, since = self._young.get(key) or self._old.get(key) or (self._capacity, now)
        tokens = min(self._capacity, tokens + max(0.0, now - since) * self._refill)
        taken = tokens >= 1.0
        if key not in self._young and len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[key] = (tokens - 1.0 if taken else tokens, now)
        return taken

    def _key_of(self, record: Record) -> int:
        """Give the hash of the key: a long message is not kept for its budget's sake."""
        if self._key_field is not None:
            return hash(str(record.attributes.get(self._key_field)))
        if self._key == "all":
            return 0
        return hash(record.scope.name if self._key == "scope" else str(record.body))


def _protected_from(level: Level | None) -> int:
    return _NEVER if level is None else validate.severity("protect", level)
