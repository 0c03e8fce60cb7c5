"""One log record as an immutable value: what stages receive and return, and what decoding gives back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from fapilog_otel.model.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from fapilog_otel.model.anyvalue import AnyValue

_EMPTY: Mapping[str, AnyValue] = MappingProxyType({})


def _empty() -> Mapping[str, AnyValue]:
    return _EMPTY


_NO_SCOPE = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An OTel log record (log data model, "Log and Event Record Definition").

    Args:
        timestamp: When the event occurred, ns since the epoch; 0: unknown.
        observed_timestamp: When it was captured, ns since the epoch.
        severity_number: 1-24; 0: unspecified.
        severity_text: The source's own name of the level.
        body: Any value; None: absent.
        attributes: Keys are unique and not empty.
        dropped_attributes_count: Attributes that a limit removed.
        trace_id: 128-bit id; 0: absent.
        span_id: 64-bit id; 0: absent.
        trace_flags: W3C trace flags.
        event_name: Name of the event class; empty: not an event.
        scope: The instrumentation scope, which names the resource.
    """

    timestamp: int = 0
    observed_timestamp: int = 0
    severity_number: int = 0
    severity_text: str = ""
    body: AnyValue = None
    attributes: Mapping[str, AnyValue] = field(default_factory=_empty)
    dropped_attributes_count: int = 0
    trace_id: int = 0
    span_id: int = 0
    trace_flags: int = 0
    event_name: str = ""
    scope: Scope = field(default=_NO_SCOPE)

    def replace(self, **changes: object) -> Self:
        """Give a copy with some fields changed; an unknown field name raises ``TypeError``."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def with_attributes(self, attributes: Mapping[str, AnyValue]) -> Self:
        """Give a copy with these attributes added, replacing those of the same key."""
        return replace(self, attributes={**self.attributes, **attributes})
