"""SDK log records in, our fields or values out; the SDK objects are read and never changed or kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fapilog_otel.assembly import resource_from_sdk, scope_from_sdk
from fapilog_otel.encode.log_methods import nanoseconds, severity_value, text_or_empty, trace_ids
from fapilog_otel.encode.values import safe_mapping
from fapilog_otel.model.record import Record
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from fapilog_otel.encode.plan import Redaction
    from fapilog_otel.model.anyvalue import AnyValue
    from fapilog_otel.model.scope import Resource, Scope

_KEPT = 4096


class ScopeCache:
    """Our scopes for pairs of SDK scope and resource, by identity; both are held, so an identity cannot be reused.

    Args:
        redaction: What to redact in the attributes of both; None: nothing.
    """

    __slots__ = ("_redaction", "_resources", "_scopes")

    def __init__(self, redaction: Redaction | None = None) -> None:
        self._redaction = redaction
        self._scopes: dict[tuple[int, int], tuple[Scope, Any, Any]] = {}
        self._resources: dict[int, tuple[Resource, Any]] = {}

    def get(self, sdk_scope: Any, sdk_resource: Any) -> Scope:
        """Give our scope for an SDK scope under an SDK resource; None for either is the empty one."""
        found = self._scopes.get((id(sdk_scope), id(sdk_resource)))
        if found is not None:
            return found[0]
        if len(self._scopes) >= _KEPT:
            self._scopes.clear()
            self._resources.clear()
        known = self._resources.get(id(sdk_resource))
        if known is None:
            ours = resource_from_sdk(sdk_resource, self._redaction)
            known = self._resources[id(sdk_resource)] = (ours, sdk_resource)
        scope = scope_from_sdk(sdk_scope, known[0], self._redaction)
        self._scopes[id(sdk_scope), id(sdk_resource)] = (scope, sdk_scope, sdk_resource)
        return scope

    def of(self, sdk_record: Any) -> Scope:
        """Give our scope for the scope and resource that an SDK record names."""
        return self.get(getattr(sdk_record, "instrumentation_scope", None), getattr(sdk_record, "resource", None))


class SdkFields(NamedTuple):
    """What an SDK record says, in the types that the emit path takes.

    Its ``exception`` is left alone: the SDK's logger has made attributes of it before any processor saw the record, and
    a processor may have taken them away again.
    """

    timestamp: int
    observed: int
    severity: int
    text: str
    body: Any
    attributes: Any
    ids: tuple[int, int, int]
    event_name: str
    dropped: int


def sdk_fields(sdk_record: Any) -> SdkFields:
    """Give the fields of an SDK readable or writable record, whatever stands in them."""
    record = getattr(sdk_record, "log_record", sdk_record)
    return SdkFields(
        nanoseconds(getattr(record, "timestamp", None)),
        nanoseconds(getattr(record, "observed_timestamp", None)),
        severity_value(getattr(record, "severity_number", None)),
        text_or_empty(getattr(record, "severity_text", None)),
        getattr(record, "body", None),
        getattr(record, "attributes", None),
        trace_ids(record),
        text_or_empty(getattr(record, "event_name", None)),
        _dropped(sdk_record),
    )


def _dropped(sdk_record: Any) -> int:
    number = getattr(sdk_record, "dropped_attributes", 0)
    return number if isinstance(number, int) and 0 <= number < 1 << 32 else 0


def record_value(sdk_record: Any, scopes: ScopeCache) -> Record | None:
    """Give an SDK record as a value, or None: it cannot be read at all, which is reported.

    Its attributes and body may still be odd: encoding sorts them out.
    """
    try:
        fields = sdk_fields(sdk_record)
        own: dict[Any, AnyValue] = {} if fields.attributes is None else safe_mapping(fields.attributes)  # type: ignore[assignment]
        scope = scopes.of(sdk_record)
    except Exception as error:  # noqa: BLE001 - an object of any kind; the others of its batch must still go out
        report_unreadable(error)
        return None
    return Record(
        timestamp=fields.timestamp,
        observed_timestamp=fields.observed,
        severity_number=fields.severity,
        severity_text=fields.text,
        body=fields.body,
        attributes=own,
        dropped_attributes_count=fields.dropped,
        trace_id=fields.ids[0],
        span_id=fields.ids[1],
        trace_flags=fields.ids[2],
        event_name=fields.event_name,
        scope=scope,
    )


def report_unreadable(error: Exception) -> None:
    """Say that a record was lost because reading it raised."""
    get_diagnostics().report(
        "record.unreadable",
        "a log record could not be read, and was lost",
        reason="unreadable",
        cause=repr(error),
        remedy="see who makes such a record: the cause was raised by its own attributes",
    )
