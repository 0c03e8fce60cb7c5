"""One flat JSON object a line, for containers whose platform collects stdout.

Reserved names, in this order, each left out when it has no value: ``timestamp`` (ISO 8601, ns, UTC), ``level``,
``severity_number``, ``message`` (the body, of any kind), ``logger`` (the scope's name), ``event_name``, ``trace_id``
and ``span_id`` (hexadecimal), ``trace_flags`` (with a trace id only), ``dropped_attributes_count``.

Then the record's attributes and the resource's, each under its own key. A name that is taken is never overwritten: an
attribute whose key is reserved is written as ``attributes.<key>``, and a resource attribute whose key is reserved or
also one of the record's as ``resource.<key>``; should that be taken as well, the prefix is repeated. Bytes are base64,
NaN and the infinities text, everything else is JSON's own kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fapilog_otel.contracts.exporter import ExporterTraits, ExportResult
from fapilog_otel_exporters._factory import Factory
from fapilog_otel_exporters._line_output import LineOutput
from fapilog_otel_exporters._rendering import event_time, iso_time, json_text, level_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fapilog_otel.contracts.encoded_logs import EncodedLogs
    from fapilog_otel.model.anyvalue import AnyValue
    from fapilog_otel.model.record import Record
    from fapilog_otel_exporters._light_settings import StdoutJsonSettings
    from fapilog_otel_exporters._line_output import TextStream

RESERVED: Final = (
    "timestamp",
    "level",
    "severity_number",
    "message",
    "logger",
    "event_name",
    "trace_id",
    "span_id",
    "trace_flags",
    "dropped_attributes_count",
)
_RESERVED_SET: Final = frozenset(RESERVED)


class StdoutJsonExporter:
    """Writes each record as one line of JSON in UTF-8, a whole request with one write.

    Args:
        stream: ``"stdout"``, ``"stderr"``, the path of a file to append to, or a text stream.
    """

    traits = ExporterTraits(blocking=True, spooled=False)

    def __init__(self, stream: str | Path | TextStream = "stdout") -> None:
        self._output = LineOutput(stream, "utf-8")

    def validate(self) -> None:
        """Accept the settings; whether a stream can be written shows when it is opened."""

    async def start(self) -> None:
        """Open the file, where there is one."""
        self._output.open()

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Write the request's records.

        Raises:
            PermanentError: The reader has gone.
            RetryableError: There is no room.
        """
        self._output.write("".join(json_line(record) for record in request.records()))
        return ExportResult()

    async def close(self) -> None:
        """Close the file, where there is one."""
        self._output.close()


def json_line(record: Record) -> str:
    """Give a record as one line of JSON, its line feed included."""
    line = _reserved_fields(record)
    for key, value in record.attributes.items():
        line[_free_name(line, key, "attributes.")] = value
    for key, value in record.scope.resource.attributes.items():
        line[_free_name(line, key, "resource.")] = value
    return json_text(line) + "\n"


def _reserved_fields(record: Record) -> dict[str, AnyValue]:
    line: dict[str, AnyValue] = {"timestamp": iso_time(event_time(record))}
    if level_name(record):
        line["level"] = level_name(record)
    if record.severity_number:
        line["severity_number"] = record.severity_number
    if record.body is not None:
        line["message"] = record.body
    if record.scope.name:
        line["logger"] = record.scope.name
    if record.event_name:
        line["event_name"] = record.event_name
    if record.trace_id:
        line["trace_id"] = f"{record.trace_id:032x}"
        line["span_id"] = f"{record.span_id:016x}"
        line["trace_flags"] = record.trace_flags
    if record.dropped_attributes_count:
        line["dropped_attributes_count"] = record.dropped_attributes_count
    return line


def _free_name(line: Mapping[str, AnyValue], key: str, prefix: str) -> str:
    while key in line or key in _RESERVED_SET:
        key = prefix + key
    return key


def _settings_model() -> type[StdoutJsonSettings]:
    from fapilog_otel_exporters._light_settings import StdoutJsonSettings

    return StdoutJsonSettings


def _build(settings: StdoutJsonSettings) -> StdoutJsonExporter:
    return StdoutJsonExporter(settings.stream)


factory = Factory("stdout_json", _settings_model, _build)
