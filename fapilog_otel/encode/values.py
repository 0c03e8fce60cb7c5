"""What both encoders do to a value before it is written: convert, redact, truncate; and the way of odd records.

The native encoder writes plain str, bool, int, float and None by itself and calls in here for everything else, so odd
values have one implementation.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.encode import _wire
from fapilog_otel.encode.context import BOUND
from fapilog_otel.encode.plan import DROP, KEEP, MASK, EncodePlan, Redaction
from fapilog_otel.encode.redaction import redact_tree
from fapilog_otel.model.anyvalue import AnyValue, Budget, clean_text, normalise, normalise_key, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.model.record import Record

_MOST_ATTRIBUTES: Final = 10_000  # read from a mapping of somebody's own, which may be without end
REDACTION_FAILED = "[redaction failed]"
_PLAIN_KINDS = frozenset((bool, int, float, type(None)))


class RedactionError(Exception):
    """A redactor raised; the record goes out without body and attributes."""


def safe_mapping(attributes: object) -> dict[str, object]:
    """Give a plain dict of whatever was passed as attributes, odd keys and all; never raises an `Exception`."""
    try:
        given: Any = attributes
        if isinstance(given, dict) or (hasattr(type(given), "__len__") and len(given) <= _MOST_ATTRIBUTES):
            return dict(given)
        pairs = ((key, given[key]) for key in given.keys()) if hasattr(given, "keys") else given  # noqa: SIM118 - as dict()
        return dict(islice(pairs, _MOST_ATTRIBUTES))
    except Exception as error:  # noqa: BLE001 - arbitrary user code; the note in the record reports it
        return {"log.record.attributes_error": f"{type_name(attributes)}: {type_name(error)}"}


def merge_attributes(plan: EncodePlan, attributes: object, bound: Mapping[str, object] | None) -> Mapping[str, object]:
    """Give all attributes of a record: static, the running context's, the logger's, the call's; later ones win."""
    own = attributes if attributes is None or type(attributes) is dict else safe_mapping(attributes)
    running = BOUND.get() if plan.context_vars else None
    if not plan.static_attributes and not bound and not running:
        return own or {}
    merged: dict[str, object] = dict(plan.static_attributes)
    for layer in (running, bound, own):
        if layer:
            merged.update(layer)
    return merged


def select_attributes(attributes: Mapping[str, object], limit: int) -> dict[str, object]:
    """Give the first ``limit`` attributes, ``exception.*`` before all others, in their own order."""
    items = list(attributes.items())
    first = [place for place, (key, _) in enumerate(items) if type(key) is str and key.startswith("exception.")][:limit]
    chosen = set(first)
    for place in range(len(items)):
        if len(chosen) >= limit:
            break
        chosen.add(place)
    return dict(items[place] for place in sorted(chosen))


def truncated(value: AnyValue, length: int) -> AnyValue:
    """Give a normalised value with every text and bytes in it cut to ``length``."""
    if isinstance(value, (str, bytes)):
        return value[:length]
    if isinstance(value, dict):
        return {key: truncated(item, length) for key, item in value.items()}
    if isinstance(value, list):
        return [truncated(item, length) for item in value]
    return value


def redacted_cut(value: AnyValue, path: str, plan: EncodePlan) -> AnyValue:
    """Give a normalised value with what is longer than ``value_length`` redacted and then cut; all else as it is.

    A text cut first may lose what the secret in it is told by.

    Args:
        value: Of an attribute.
        path: Its key.
        plan: A redactor of its that raises replaces the value.
    """
    length = plan.limits.value_length
    if length is None or (short := truncated(value, length)) == value:
        return value
    if plan.redaction is None:
        return short
    try:
        return truncated(_redacted(value, path, plan.redaction), length)
    except RedactionError as error:
        if plan.on_redaction_error is not None:
            plan.on_redaction_error(error)
        return REDACTION_FAILED


def scrubbed(text: str, redaction: Redaction) -> str:
    """Give a text without secrets.

    Raises:
        RedactionError: The redactor raised.
    """
    if redaction.scrub is None:
        return text
    try:
        clean = redaction.scrub(text)
        return clean if clean is text else clean_text(clean)
    except Exception as error:
        raise RedactionError(type_name(error)) from error  # its text may hold what it was to redact


def attribute_text(text: str, plan: EncodePlan) -> str:
    """Give an attribute's text as it is written: valid, scrubbed, cut."""
    text = clean_text(text)
    if plan.redaction is not None:
        text = scrubbed(text, plan.redaction)
    length = plan.limits.value_length
    return text if length is None else text[:length]


def attribute_value(value: object, path: str, plan: EncodePlan, budget: Budget) -> bytes:
    """Give the encoded AnyValue of any attribute value.

    Raises:
        RedactionError: A redactor raised.
    """
    if type(value) is str:
        return _wire.any_value(attribute_text(value, plan))
    tree = normalise(value, budget)
    if type(tree) not in _PLAIN_KINDS:
        if plan.redaction is not None:
            tree = _redacted(tree, path, plan.redaction)
        if plan.limits.value_length is not None:
            tree = truncated(tree, plan.limits.value_length)
    return _wire.any_value(tree)


def body_value(body: object, plan: EncodePlan, budget: Budget) -> bytes | None:
    """Give the encoded AnyValue of a body, or None for no body; attribute limits do not apply to it.

    Raises:
        RedactionError: A redactor raised.
    """
    if body is None:
        return None
    tree = normalise(body, budget)
    if plan.redaction is not None:
        tree = _redacted(tree, "", plan.redaction)
    return _wire.any_value(tree)


def _redacted(tree: AnyValue, path: str, redaction: Redaction) -> AnyValue:
    try:
        return redact_tree(tree, path, redaction)
    except Exception as error:
        raise RedactionError(type_name(error)) from error  # its text may hold what it was to redact


def key_verdict(path: str, redaction: Redaction) -> int:
    """Give KEEP, MASK or DROP for an attribute key.

    Raises:
        RedactionError: The redactor raised.
    """
    try:
        verdict = redaction.verdict(path)
        known = verdict in (KEEP, MASK, DROP)
    except Exception as error:
        raise RedactionError(type_name(error)) from error  # its text may hold what it was to redact
    return verdict if known else MASK


def attribute_fields(attributes: Mapping[str, object], plan: EncodePlan, budget: Budget) -> tuple[list[bytes], int]:
    """Give encoded attribute fields and how many attributes the limits dropped.

    Raises:
        RedactionError: A redactor raised.
    """
    limit = plan.limits.attributes
    dropped = len(attributes) - limit
    if dropped > 0:
        attributes = select_attributes(attributes, limit)
    else:
        dropped = 0
    fields: list[bytes] = []
    for raw, value in tuple(attributes.items()):  # turning a value into text may change the mapping it came in
        key = normalise_key(raw)
        if not key:
            dropped += 1
            continue
        verdict = KEEP if plan.redaction is None else key_verdict(key, plan.redaction)
        if verdict == DROP:
            continue
        if verdict == MASK and plan.redaction is not None:
            encoded = _wire.any_value(plan.redaction.mask)
        else:
            encoded = attribute_value(value, key, plan, budget)
        fields.append(_wire.key_value(b"\x32", _wire.key_chunk(key), encoded))
    return fields, dropped


def build_payload(
    plan: EncodePlan,
    timestamp: int,
    observed: int,
    severity: int,
    text: str,
    body: object,
    attributes: Mapping[str, object],
    dropped: int,
    trace: bytes,
    event_name: str,
) -> bytes:
    """Give the LogRecord message of raw fields under a plan's redaction and limits; a failing redactor fails closed.

    Args:
        plan: Redaction and limits; its record stages are not run.
        timestamp: ns since the epoch; 0: absent.
        observed: ns since the epoch.
        severity: 0-24.
        text: Severity text.
        body: Any value; None: absent.
        attributes: Any values.
        dropped: Attributes that were dropped before.
        trace: See ``_wire.trace_fields``.
        event_name: Empty: absent.
    """
    budget = Budget(plan.limits.nodes, plan.limits.depth)
    try:
        encoded = body_value(body, plan, budget)
        fields, cut = attribute_fields(attributes, plan, budget)
    except RedactionError as error:
        if plan.on_redaction_error is not None:
            plan.on_redaction_error(error)
        encoded, fields, cut = _wire.any_value(REDACTION_FAILED), [], 0
    payload = _wire.log_record(
        timestamp,
        observed,
        severity,
        clean_text(text),
        encoded,
        fields,
        dropped + cut,
        trace,
        clean_text(event_name),
    )
    if len(payload) > plan.limits.record_bytes:
        from fapilog_otel.encode.shrink import shrink_payload  # noqa: PLC0415 - decoding, for oversized records only

        return shrink_payload(payload, plan.limits.record_bytes)
    return payload


def record_payload(record: Record, plan: EncodePlan) -> bytes:
    """Give the LogRecord message of a record value under a plan's redaction and limits; never raises an `Exception`."""
    return build_payload(
        plan,
        record.timestamp,
        record.observed_timestamp,
        record.severity_number,
        record.severity_text,
        record.body,
        record.attributes,
        record.dropped_attributes_count,
        _wire.trace_fields(record.trace_id, record.span_id, record.trace_flags),
        record.event_name,
    )
