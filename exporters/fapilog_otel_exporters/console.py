"""Log lines for people: time, level, scope, message, attributes, ids, and the stack of an exception below.

::

    2026-11-24T03:10:00.123Z ERROR [shop.cart] payment failed  order_id=o-1 trace_id=4bf92f35 span_id=00f067aa
        Traceback (most recent call last):
          ...

Control characters in anything that came from outside are spelled out, so that no record can forge a line or drive the
terminal; a stack trace keeps its lines, indented.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from fapilog_otel.contracts.exporter import ExporterTraits, ExportResult
from fapilog_otel.model.severity import severity_band
from fapilog_otel_exporters._factory import Factory
from fapilog_otel_exporters._line_output import LineOutput
from fapilog_otel_exporters._rendering import escape_controls, event_time, iso_time, json_text, level_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fapilog_otel.contracts.encoded_logs import EncodedLogs
    from fapilog_otel.model.anyvalue import AnyValue
    from fapilog_otel.model.record import Record
    from fapilog_otel_exporters._light_settings import ConsoleSettings
    from fapilog_otel_exporters._line_output import TextStream

_STACK: Final = "exception.stacktrace"
_COLORS: Final = ("\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m")  # dim, green, yellow, red, by severity band
_RESET: Final = "\x1b[0m"
_NEEDS_QUOTES: Final = frozenset(' ="')


class ConsoleExporter:
    """Writes each record as a line that people read.

    Args:
        stream: ``"stderr"``, ``"stdout"``, the path of a file to append to, or a text stream.
        color: Whether the level is coloured; None: on a terminal, unless ``NO_COLOR`` is set or ``TERM`` is ``dumb``.
    """

    traits = ExporterTraits(blocking=True, spooled=False)

    def __init__(self, stream: str | Path | TextStream = "stderr", color: bool | None = None) -> None:
        self._output = LineOutput(stream)
        self._color = color

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
        color = self._colored()
        self._output.write("".join(console_lines(record, color=color) for record in request.records()))
        return ExportResult()

    async def close(self) -> None:
        """Close the file, where there is one."""
        self._output.close()

    def _colored(self) -> bool:
        if self._color is not None:
            return self._color
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return False
        return self._output.is_terminal()


def console_lines(record: Record, *, color: bool = False) -> str:
    """Give a record as it is shown: one line, and the indented stack of its exception; the last line feed included.

    Args:
        record: The record.
        color: Whether the level is coloured with ANSI sequences.
    """
    level = f"{escape_controls(level_name(record)) or '-':<5}"
    if color:
        level = f"{_COLORS[severity_band(record.severity_number)]}{level}{_RESET}"
    head = [iso_time(event_time(record), digits=3), level]
    if record.scope.name:
        head.append(f"[{escape_controls(record.scope.name)}]")
    head.append(_message(record))
    pairs = " ".join(_pairs(record))
    line = " ".join(head) + (f"  {pairs}" if pairs else "")
    return "\n".join((line, *_stack_lines(record), ""))


def _message(record: Record) -> str:
    body = record.body
    if body is None:
        return escape_controls(record.event_name)
    return escape_controls(body if isinstance(body, str) else json_text(body))


def _pairs(record: Record) -> Iterator[str]:
    if record.event_name and record.body is not None:
        yield f"event_name={_value_text(record.event_name)}"
    for key, value in record.attributes.items():
        if key != _STACK or not _stack(record):
            yield f"{_value_text(key)}={_value_text(value)}"
    if record.dropped_attributes_count:
        yield f"dropped_attributes_count={record.dropped_attributes_count}"
    if record.trace_id:
        yield f"trace_id={record.trace_id:032x}"[: len("trace_id=") + 8]
        yield f"span_id={record.span_id:016x}"[: len("span_id=") + 8]


def _value_text(value: AnyValue) -> str:
    if isinstance(value, str) and value and _NEEDS_QUOTES.isdisjoint(value):
        return escape_controls(value)
    return escape_controls(json_text(value))


def _stack(record: Record) -> str:
    stack = record.attributes.get(_STACK)
    return stack.rstrip() if isinstance(stack, str) else ""


def _stack_lines(record: Record) -> list[str]:
    stack = _stack(record)
    return [f"    {escape_controls(line.rstrip())}" for line in stack.split("\n")] if stack else []


def _settings_model() -> type[ConsoleSettings]:
    from fapilog_otel_exporters._light_settings import ConsoleSettings

    return ConsoleSettings


def _build(settings: ConsoleSettings) -> ConsoleExporter:
    return ConsoleExporter(settings.stream, settings.color)


factory = Factory("console", _settings_model, _build)
