"""Stages that bound the size of a record before the encoder's own limits do, which always have the last word."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from fapilog_otel.encode.decode import decode_record
from fapilog_otel.encode.plan import EncodePlan, Limits
from fapilog_otel.encode.shrink import shrink_payload
from fapilog_otel.encode.values import record_payload
from fapilog_otel.model.anyvalue import AnyValue, Budget, normalise
from fapilog_otel.pipeline import validate

if TYPE_CHECKING:
    from fapilog_otel.contracts.stage import Phase
    from fapilog_otel.model.record import Record

TRUNCATED: Final = "[truncated]"
# Without the default stage ``limits`` only what keeps one record from taking the process with it is left: nesting,
# values, and the largest request that OTLP receivers take.
UNLIMITED: Final = Limits(record_bytes=64 << 20, attributes=(1 << 31) - 1)
_NO_CUT: Final = sys.maxsize  # bytes of a record
_UNBOUNDED_PLAN: Final = EncodePlan(
    limits=Limits(record_bytes=_NO_CUT, attributes=UNLIMITED.attributes), context_vars=False
)


def without_cuts(limits: Limits) -> Limits:
    """Give the limits that cut no text; whole values are left out as before."""
    return replace(limits, record_bytes=_NO_CUT, value_length=None)


class StringTruncate:
    """Cuts every text in body and attributes, nested ones included, and marks it ``[truncated]``; bytes are cut too.

    Args:
        max_length: Characters of a text (bytes of a bytes value) that are kept, the mark not counted.
    """

    name = "string_truncate"
    phase: Phase = "process"
    inline = True

    def __init__(self, max_length: int) -> None:
        self._max_length = validate.whole("max_length", max_length, low=1)

    def __call__(self, record: Record) -> Record:
        """Give the record with its long texts cut."""
        budget = Budget()
        body = self._cut(normalise(record.body, budget))
        attributes = {key: self._cut(normalise(value, budget)) for key, value in record.attributes.items()}
        return record.replace(body=body, attributes=attributes)

    def _cut(self, value: AnyValue) -> AnyValue:
        if isinstance(value, str):
            return value[: self._max_length] + TRUNCATED if len(value) > self._max_length else value
        if isinstance(value, bytes):
            return value[: self._max_length]
        if isinstance(value, dict):
            return {key: self._cut(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._cut(item) for item in value]
        return value


class SizeGuard:
    """Bounds the encoded size of a record: its longest texts are cut in the middle and marked, or it is dropped.

    Args:
        max_bytes: Bytes of the encoded LogRecord.
        action: ``truncate`` or ``drop``.
    """

    name = "size_guard"
    phase: Phase = "process"
    inline = True

    def __init__(self, max_bytes: int = 256_000, action: Literal["truncate", "drop"] = "truncate") -> None:
        self._max_bytes = validate.whole("max_bytes", max_bytes, low=256)
        self._drops = validate.choice("action", action, ("truncate", "drop")) == "drop"

    def __call__(self, record: Record) -> Record | None:
        """Give the record, cut where it was too large, or None."""
        payload = record_payload(record, _UNBOUNDED_PLAN)
        if len(payload) <= self._max_bytes:
            return record
        return None if self._drops else decode_record(shrink_payload(payload, self._max_bytes), record.scope)
