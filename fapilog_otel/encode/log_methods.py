"""The logger's level methods in plain Python; ``_native`` holds the twin.

A logger reaches its emit core through a `Port`, which the provider re-points when it is configured, forked or shut
down: so loggers may be made before `configure`, and live through a fork.
"""

from __future__ import annotations

import operator
import sys
from typing import TYPE_CHECKING

from fapilog_otel.compat.api import SeverityNumber
from fapilog_otel.encode.values import safe_mapping
from fapilog_otel.model import severity as sev
from fapilog_otel.model.anyvalue import object_text
from fapilog_otel.model.exception import exception_attributes
from fapilog_otel.telemetry.origin import EXPORTING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from opentelemetry.context import Context

    from fapilog_otel.encode.emit import EmitCore
    from fapilog_otel.model.scope import Scope


class Port:
    """Where the loggers of a provider send their records.

    Args:
        resolve: Logger to its (scope, lowest severity) under the present core; asked once a core and logger.
    """

    __slots__ = ("__weakref__", "core", "processed", "resolve")

    def __init__(self, resolve: Any) -> None:
        self.core: EmitCore | None = None
        self.processed: Any = None  # called instead of the core while SDK processors are attached
        self.resolve = resolve


def exception_of(exc_info: object) -> BaseException | None:
    """Give the exception that an ``exc_info`` argument stands for; never raises an `Exception`.

    Args:
        exc_info: An exception, a triple, or anything true for the current exception.
    """
    try:
        if isinstance(exc_info, BaseException):
            return exc_info
        if isinstance(exc_info, tuple):
            return exc_info[1] if len(exc_info) > 1 and isinstance(exc_info[1], BaseException) else None
        wanted = bool(exc_info)
    except Exception:  # noqa: BLE001 - an object that has no truth value is none of the forms; it was given for a reason
        wanted = True
    return sys.exc_info()[1] if wanted else None


def given_context(context: Any) -> Context | None:
    """Give a context that a record is to be written in; None, the current one, for an empty one as in the stock API."""
    try:
        return context or None
    except Exception:  # noqa: BLE001 - not a context at all; the record goes out under the current one
        return None


def with_exception(attributes: object, exception: BaseException) -> dict[Any, Any]:
    """Give attributes with ``exception.*`` added; those that the caller gave win."""
    return {**exception_attributes(exception), **({} if attributes is None else safe_mapping(attributes))}


def formatted(message: object, args: tuple[object, ...]) -> object:
    """Give a printf-style message with its arguments filled in, or as it stands beside them when they do not fit."""
    try:
        return str(message) % (args[0] if len(args) == 1 and isinstance(args[0], dict) else args)
    except Exception:  # noqa: BLE001 - a broken format must not reach the application; the record shows both parts
        return [message, *args]


class LoggerBase:
    """Level methods over a port; see `fapilog_otel.Logger`."""

    def __init__(
        self, port: Port, name: str, version: str, schema_url: str, attributes: Any, bound: dict[str, Any] | None
    ) -> None:
        self.port = port
        self.scope_key = (name, version, schema_url, attributes)
        self.bound = bound
        self._core: EmitCore | None = None
        self._scope: Scope | None = None
        self._gate = 0

    def _attach(self, core: EmitCore) -> None:
        self._scope, self._gate = self.port.resolve(self)
        self._core = core

    def gate_open(self, severity: int) -> bool:
        """Tell whether a record of this severity would pass the level gate; False while nothing is configured."""
        core = self.port.core
        if core is None:
            return False
        if EXPORTING.get():  # what our own exporting logs must not feed back
            return False
        if core is not self._core:
            self._attach(core)
        return severity == 0 or severity >= self._gate

    def write(
        self,
        severity: int,
        text: str,
        message: object,
        args: tuple[object, ...],
        exc_info: object,
        attributes: dict[str, Any],
    ) -> None:
        """Submit a record of our own level methods: timestamps are now, the context is the current one."""
        port = self.port
        core = port.core
        if core is None or EXPORTING.get():  # what our own exporting logs must not feed back
            return
        if core is not self._core:
            self._attach(core)
        if not self._gate <= severity <= sev.MAX_SEVERITY:
            severity = severity if 0 <= severity <= sev.MAX_SEVERITY else 0
            if 0 < severity < self._gate:
                return
        if args:
            message = formatted(message, args)
        if exc_info is not None and exc_info is not False:
            exception = exception_of(exc_info)
            if exception is not None:
                attributes = with_exception(attributes, exception)
        if port.processed is not None:
            port.processed(self, -1, 0, severity, text, message, attributes, None, None, "")
        elif self._scope is not None:
            core.take(self._scope, severity, text, message, attributes, self.bound)

    def _hand_over(
        self,
        timestamp: int,
        observed: int,
        severity: int,
        text: str,
        body: object,
        attributes: Mapping[str, object] | None,
        ids: tuple[int, int, int] | None,
        context: Context | None,
        event_name: str,
    ) -> None:
        port = self.port
        core = self._core
        if port.processed is not None:
            port.processed(self, timestamp, observed, severity, text, body, attributes, ids, context, event_name)
        elif core is not None and self._scope is not None:
            core.submit(
                self._scope, timestamp, observed, severity, text, body, attributes, self.bound, ids, context, event_name
            )

    def trace(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at TRACE (1)."""
        self.write(sev.TRACE, "TRACE", message, args, exc_info, attributes)

    def debug(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at DEBUG (5)."""
        self.write(sev.DEBUG, "DEBUG", message, args, exc_info, attributes)

    def info(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at INFO (9)."""
        self.write(sev.INFO, "INFO", message, args, exc_info, attributes)

    def warning(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at WARN (13)."""
        self.write(sev.WARN, "WARN", message, args, exc_info, attributes)

    def error(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at ERROR (17)."""
        self.write(sev.ERROR, "ERROR", message, args, exc_info, attributes)

    def critical(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at FATAL (21)."""
        self.write(sev.FATAL, "FATAL", message, args, exc_info, attributes)

    def audit(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at AUDIT (22), a protected severity."""
        self.write(sev.AUDIT, "AUDIT", message, args, exc_info, attributes)

    def security(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at SECURITY (23), a protected severity."""
        self.write(sev.SECURITY, "SECURITY", message, args, exc_info, attributes)

    def exception(self, message: object, /, *args: object, exc_info: object = True, **attributes: Any) -> None:
        """Log at ERROR (17) with the exception being handled as ``exception.*`` attributes."""
        self.write(sev.ERROR, "ERROR", message, args, exc_info, attributes)

    warn = warning
    fatal = critical

    def emit(
        self,
        record: Any = None,
        *,
        timestamp: int | None = None,
        observed_timestamp: int | None = None,
        context: Context | None = None,
        severity_number: Any = None,
        severity_text: str | None = None,
        body: Any = None,
        attributes: Mapping[str, object] | None = None,
        event_name: str | None = None,
        exception: BaseException | None = None,
    ) -> None:
        """Submit an OpenTelemetry log record, given whole or by its fields (Logs API, "Emit a LogRecord")."""
        if record is not None:
            self._emit_record(record)
            return
        number = severity_value(severity_number)
        if not self.gate_open(number):
            return
        exception = exception_of(exception)
        if exception is not None:
            attributes = with_exception(attributes, exception)
        self._hand_over(
            nanoseconds(timestamp),
            nanoseconds(observed_timestamp),
            number,
            text_or_empty(severity_text),
            body,
            attributes,
            None,
            given_context(context),
            text_or_empty(event_name),
        )

    def _emit_record(self, record: Any) -> None:
        fields = record_fields(record)
        if self.gate_open(fields[2]):
            self._hand_over(*fields)


def nanoseconds(value: object) -> int:
    """Give a timestamp as the emit path takes it: 0 for None, nonsense and what fixed64 cannot hold."""
    if type(value) is int and 0 <= value < 1 << 64:
        return value
    try:
        return int(value) if isinstance(value, (int, float)) and 0 <= value < 1 << 63 else 0
    except Exception:  # noqa: BLE001 - a number type of somebody's own; the time is then unknown
        return 0


def severity_value(value: object) -> int:
    """Give a severity number as an int: 0 for None and anything that is not one; never raises an `Exception`."""
    if value is None:
        return 0
    if type(value) is SeverityNumber:
        return value._value_  # type: ignore[no-any-return,unused-ignore]  # ``.value`` costs five times as much
    try:
        value = getattr(value, "value", value)
        number = int(value) if isinstance(value, (str, float)) else operator.index(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - whatever stands in the field, the record goes out, without a severity
        return 0
    return number if 0 <= number <= sev.MAX_SEVERITY else 0


def text_or_empty(value: object) -> str:
    """Give an optional text field; None is empty, anything else its text."""
    if type(value) is str:
        return value
    return "" if value is None else object_text(value)


def _read(record: Any, name: str, default: Any = None) -> Any:
    try:
        return getattr(record, name, default)
    except Exception:  # noqa: BLE001 - a record of somebody's own class; what cannot be read is absent
        return default


def record_fields(record: Any) -> tuple[int, int, int, str, Any, Any, tuple[int, int, int], Context | None, str]:
    """Give the fields of an API ``LogRecord`` (or an SDK record that wraps one) in the order of the emit path.

    Never raises an `Exception`.
    """
    record = _read(record, "log_record", record)
    attributes = _read(record, "attributes")
    exception = exception_of(_read(record, "exception"))
    if exception is not None:
        attributes = with_exception(attributes, exception)
    return (
        nanoseconds(_read(record, "timestamp")),
        nanoseconds(_read(record, "observed_timestamp")),
        severity_value(_read(record, "severity_number")),
        text_or_empty(_read(record, "severity_text")),
        _read(record, "body"),
        attributes,
        trace_ids(record),
        given_context(_read(record, "context")),
        text_or_empty(_read(record, "event_name")),
    )


def trace_ids(record: Any) -> tuple[int, int, int]:
    """Give (trace id, span id, flags) of an API record; out of range or of another type counts as absent."""
    found = []
    for name, bits in (("trace_id", 128), ("span_id", 64), ("trace_flags", 32)):
        value = _read(record, name)
        found.append(int(value) if issubclass(type(value), int) and 0 < value < 1 << bits else 0)
    return found[0], found[1], found[2]
