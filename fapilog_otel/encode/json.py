"""Records to OTLP/JSON and back (OTLP specification, "JSON Protobuf Encoding").

Keys in lowerCamelCase, trace and span ids in hexadecimal, bytes in base64, 64-bit integers as text, enums as integers,
NaN and the infinities as text. Fields that hold their default are left out; readers ignore fields they do not know.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from fapilog_otel.model.anyvalue import INT64_MAX, INT64_MIN, clean_text, normalise
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeAlias, TypeGuard

    from fapilog_otel.model.anyvalue import AnyValue

    Json: TypeAlias = dict[str, object]

MAX_DEPTH: Final = 64
_UINT32: Final = range(1 << 32)
_UINT64: Final = range(1 << 64)
_INT32: Final = range(-(1 << 31), 1 << 31)
_INT64: Final = range(INT64_MIN, INT64_MAX + 1)
_LONGEST_INTEGER: Final = len(str(INT64_MIN))
_NOT_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_dumps = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")).encode


def encode_json_request(records: Iterable[Record]) -> bytes:
    """Give an ``ExportLogsServiceRequest`` as OTLP/JSON in UTF-8, without line breaks.

    Args:
        records: At least one record; they are grouped by resource, then by scope, in the order first seen.

    Raises:
        ValueError: There is no record; an empty envelope is never sent.
    """
    resources: dict[str, _ResourceGroup] = {}
    scopes: dict[int, tuple[Scope, list[object]]] = {}  # holds the scope, whose id would else be used again
    for record in records:
        group = scopes.get(id(record.scope))
        if group is None:
            group = scopes[id(record.scope)] = record.scope, _scope_group(record.scope, resources)
        group[1].append(_record_object(record))
    if not resources:
        raise ValueError("an OTLP request needs at least one record; an empty envelope is never sent")
    text = _dumps({"resourceLogs": [{**entry, "scopeLogs": list(logs.values())} for entry, logs in resources.values()]})
    try:
        return text.encode()
    except UnicodeEncodeError:  # a record that was built by hand; encoded ones hold no lone surrogate
        return clean_text(text).encode()


class _ResourceGroup(NamedTuple):
    entry: Json
    scope_logs: dict[str, Json]


def _scope_group(scope: Scope, resources: dict[str, _ResourceGroup]) -> list[object]:
    """Give the list that the scope's records go to; scopes and resources that read the same are one."""
    resource = scope.resource
    entry = _envelope("resource", {"attributes": _key_values(resource.attributes)}, resource.schema_url)
    group = resources.setdefault(_dumps(entry), _ResourceGroup(entry, {}))
    fields: Json = {"name": scope.name, "version": scope.version, "attributes": _key_values(scope.attributes)}
    logs = _envelope("scope", fields, scope.schema_url)
    records: list[object] = []
    known = group.scope_logs.setdefault(_dumps(logs), {**logs, "logRecords": records})["logRecords"]
    return known if isinstance(known, list) else records


def _envelope(name: str, fields: Json, schema_url: str) -> Json:
    fields = {key: value for key, value in fields.items() if value}
    out: Json = {name: fields} if fields else {}
    if schema_url:
        out["schemaUrl"] = schema_url
    return out


def _record_object(record: Record) -> Json:
    fields: Json = {
        "timeUnixNano": str(record.timestamp) if record.timestamp else None,
        "observedTimeUnixNano": str(record.observed_timestamp) if record.observed_timestamp else None,
        "severityNumber": record.severity_number,
        "severityText": record.severity_text,
        "eventName": record.event_name,
        "body": None if record.body is None else _any_value(record.body),
        "attributes": _key_values(record.attributes),
        "droppedAttributesCount": record.dropped_attributes_count,
        "flags": record.trace_flags,
        "traceId": f"{record.trace_id:032x}" if record.trace_id else None,
        "spanId": f"{record.span_id:016x}" if record.span_id else None,
    }
    return {key: value for key, value in fields.items() if value}


def _key_values(attributes: Mapping[str, AnyValue]) -> list[object]:
    return [{"key": key, "value": _any_value(value)} for key, value in attributes.items()]


def _any_value(value: AnyValue) -> Json:
    if isinstance(value, str):
        return {"stringValue": value}
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else _not_finite_text(value)}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _key_values(value)}}
    if isinstance(value, Sequence):
        return {"arrayValue": {"values": [_any_value(item) for item in value]}}
    return _any_value(normalise(value))


def _not_finite_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def decode_json_request(data: bytes | bytearray | memoryview | str) -> list[Record]:
    """Give the records of an OTLP/JSON ``ExportLogsServiceRequest`` in their order.

    Unknown fields are ignored, integers are taken as numbers or as text, an id of the wrong length counts as absent.

    Args:
        data: The request; bytes are UTF-8.

    Raises:
        ValueError: It is not JSON, a field has the wrong kind, or values are nested deeper than 64.
    """
    try:
        root = json.loads(data if isinstance(data, (str, bytes, bytearray)) else bytes(data))
    except RecursionError:
        raise ValueError(f"malformed OTLP/JSON: values nested deeper than {MAX_DEPTH}") from None
    if not isinstance(root, dict):
        raise _wrong("request", "an object", root)
    return [record for entry in _objects(root, "resourceLogs") for record in _resource_records(entry)]


def _resource_records(entry: Json) -> Iterator[Record]:
    resource = Resource(_attributes(_object(entry, "resource")), _text(entry, "schemaUrl"))
    for logs in _objects(entry, "scopeLogs"):
        fields = _object(logs, "scope")
        scope = Scope(
            _text(fields, "name"),
            _text(fields, "version"),
            _text(logs, "schemaUrl"),
            _attributes(fields),
            resource=resource,
        )
        for record in _objects(logs, "logRecords"):
            yield _record(record, scope)


def _record(fields: Json, scope: Scope) -> Record:
    body = fields.get("body")
    return Record(
        timestamp=_integer(fields, "timeUnixNano"),
        observed_timestamp=_integer(fields, "observedTimeUnixNano"),
        severity_number=_integer(fields, "severityNumber", _INT32),
        severity_text=_text(fields, "severityText"),
        body=None if body is None else _decoded(body, "body", 0),
        attributes=_attributes(fields),
        dropped_attributes_count=_integer(fields, "droppedAttributesCount", _UINT32),
        trace_id=_identifier(fields, "traceId", 32),
        span_id=_identifier(fields, "spanId", 16),
        trace_flags=_integer(fields, "flags", _UINT32) & 0xFF,  # the 24 bits above the W3C flags are reserved
        event_name=_text(fields, "eventName"),
        scope=scope,
    )


def _attributes(fields: Json) -> dict[str, AnyValue]:
    return _decoded_mapping(fields, "attributes", 0)


def _decoded_mapping(fields: Json, name: str, depth: int) -> dict[str, AnyValue]:
    return {_text(item, "key"): _decoded(item.get("value"), "value", depth) for item in _objects(fields, name)}


def _decoded(value: object, name: str, depth: int) -> AnyValue:
    if depth > MAX_DEPTH:
        raise ValueError(f"malformed OTLP/JSON: values nested deeper than {MAX_DEPTH}")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _wrong(name, "an AnyValue object", value)
    if value.get("stringValue") is not None:
        return _text(value, "stringValue")
    if value.get("boolValue") is not None:
        return _boolean(value["boolValue"])
    if value.get("intValue") is not None:
        return _integer(value, "intValue", _INT64)
    if value.get("doubleValue") is not None:
        return _double(value["doubleValue"])
    if value.get("arrayValue") is not None:
        items = _list(_object(value, "arrayValue"), "values")
        return [_decoded(item, "values", depth + 1) for item in items]
    if value.get("kvlistValue") is not None:
        return _decoded_mapping(_object(value, "kvlistValue"), "values", depth + 1)
    if value.get("bytesValue") is not None:
        return _bytes(value["bytesValue"])
    return None


def _wrong(name: str, wanted: str, value: object) -> ValueError:
    return ValueError(f"malformed OTLP/JSON: {name!r} must be {wanted}, not {type(value).__name__}")


def _object(fields: Json, name: str) -> Json:
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(name, "an object", value)
    return value


def _list(fields: Json, name: str) -> list[object]:
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(name, "an array", value)
    return value


def _objects(fields: Json, name: str) -> list[Json]:
    items = _list(fields, name)
    for item in items:
        if not isinstance(item, dict):
            raise _wrong(name, "an array of objects", item)
    return items  # type: ignore[return-value]


def _text(fields: Json, name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(name, "text", value)
    return clean_text(value)  # an escape such as \ud800 alone is legal JSON


def _integer(fields: Json, name: str, bounds: range = _UINT64) -> int:
    value = fields.get(name)
    if value is None:
        return 0
    if _is_integer_text(value) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(name, "an integer", value)
    if value not in bounds:
        raise ValueError(f"malformed OTLP/JSON: {name!r} is out of range")
    return value


def _is_integer_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) <= _LONGEST_INTEGER and value.removeprefix("-").isdecimal()


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong("boolValue", "true or false", value)
    return value


def _double(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        if value in _NOT_FINITE:
            return _NOT_FINITE[value]
        try:
            return float(value)
        except ValueError:
            raise ValueError("malformed OTLP/JSON: 'doubleValue' is not a number") from None
    raise _wrong("doubleValue", "a number", value)


def _bytes(value: object) -> bytes:
    if not isinstance(value, str):
        raise _wrong("bytesValue", "base64 text", value)
    # Readers of the protobuf JSON mapping take the URL-safe alphabet and missing padding, too.
    text = value.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("malformed OTLP/JSON: 'bytesValue' is not base64") from None


def _identifier(fields: Json, name: str, digits: int) -> int:
    text = _text(fields, name)
    if len(text) != digits:
        return 0
    try:
        return int.from_bytes(bytes.fromhex(text), "big")
    except ValueError:
        return 0
