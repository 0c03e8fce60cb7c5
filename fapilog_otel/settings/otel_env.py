"""The standard environment variables, ``OTEL_*``, read as the OpenTelemetry specification says.

A bad value never stops the application: it is reported once and the next variable, or the default, is used.
Milliseconds become seconds. ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES`` are left to the SDK's
resource detectors.

Source: OpenTelemetry specification, "Environment Variable Specification" and "OTLP Exporter Configuration".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from fapilog_otel.settings import parse
from fapilog_otel.settings.endpoint import PROTOCOLS, check_endpoint
from fapilog_otel.settings.exporter_names import check_logs_exporter
from fapilog_otel.settings.invalid import InvalidValueError
from fapilog_otel.settings.layers import Entry
from fapilog_otel.settings.secret import MASK, Headers

LOGS_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"
SERVICE_NAME: Final = "OTEL_SERVICE_NAME"
RESOURCE_ATTRIBUTES: Final = "OTEL_RESOURCE_ATTRIBUTES"

# No one means a tenth of a second; whoever writes 10 learnt it from the stock Python exporters, which read seconds.
_SECONDS_BELOW: Final = 100

_SECRET_SETTINGS: Final = frozenset({"headers"})


@dataclass(frozen=True, slots=True)
class Reading:
    """A value that can be used although something about it must be said.

    Args:
        value: What is used.
        said: What is the matter with it.
        done: What was done about it.
        fault: Whether it is a mistake, which ``strict`` refuses, and not merely a remark.
    """

    value: object = field(repr=False)  # may be a credential
    said: str
    done: str
    fault: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to tell the user about a variable.

    Args:
        name: The variable.
        shown: Its value, secrets masked.
        text: What is the matter, one clause.
        done: What was done about it, one clause; not true under ``strict``.
        remedy: What to write instead, one clause.
        fault: Whether ``strict`` refuses it.
    """

    name: str
    shown: str
    text: str
    done: str
    remedy: str
    fault: bool = True

    def __str__(self) -> str:
        return f"{self.name}={self.shown!r}: {self.text}; {self.done}. {self.remedy}"


Parser: TypeAlias = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class _Variable:
    path: str
    names: tuple[str, ...]
    parse: Parser


def _choice(*known: str) -> Parser:
    def read(text: str) -> object:
        if text.lower() in known:
            return text.lower()
        raise InvalidValueError("is not a known choice", f"Use one of {', '.join(known)}")

    return read


def _boolean(text: str) -> object:
    # Specification: only "true", in any case, is true.
    value = text.lower() == "true"
    return (
        value
        if value or text.lower() == "false"
        else Reading(False, "is neither true nor false", "it is read as false", True)
    )


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise InvalidValueError("is not a number", "Write a number") from error
    if not 0 < number < float("inf"):
        raise InvalidValueError("is not above 0", "Write a number above 0")
    return number


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise InvalidValueError("is not a whole number above 0", "Write a whole number above 0")
    return int(text)


def _limit(text: str) -> int:
    if not text.isdecimal():
        raise InvalidValueError("is not a whole number", "Write a whole number, 0 or more")
    return int(text)


def _milliseconds(text: str) -> float:
    return _positive(text) / 1000


def _timeout(text: str) -> object:
    number = _positive(text)
    if number >= _SECONDS_BELOW:
        return number / 1000
    return Reading(number, f"is below {_SECONDS_BELOW} ms", "it is read as seconds", fault=False)


def _headers(text: str) -> object:
    found, bad = parse.lenient_pairs(text)
    problems = [f"item {number} is not key=value" for number in bad]
    for name, value in list(found.items()):
        try:
            parse.check_header(name, value)
        except InvalidValueError as error:
            problems.append(error.problem)
            del found[name]
    # Losing the other headers, credentials among them, for one malformed item would help nobody.
    return Reading(Headers(found), "; ".join(problems), "left out", fault=True) if problems else Headers(found)


def _otlp(suffix: str) -> tuple[str, str]:
    return f"OTEL_EXPORTER_OTLP_LOGS_{suffix}", f"OTEL_EXPORTER_OTLP_{suffix}"


def _limits(suffix: str) -> tuple[str, str]:
    return f"OTEL_LOGRECORD_ATTRIBUTE_{suffix}", f"OTEL_ATTRIBUTE_{suffix}"


VARIABLES: Final = (
    _Variable("endpoint", _otlp("ENDPOINT"), check_endpoint),
    _Variable("protocol", _otlp("PROTOCOL"), _choice(*PROTOCOLS)),
    _Variable("headers", _otlp("HEADERS"), _headers),
    _Variable("timeout", _otlp("TIMEOUT"), _timeout),
    _Variable("compression", _otlp("COMPRESSION"), _choice("none", "gzip", "deflate")),
    _Variable("insecure", _otlp("INSECURE"), _boolean),
    _Variable("certificate", _otlp("CERTIFICATE"), parse.existing_file),
    _Variable("client_certificate", _otlp("CLIENT_CERTIFICATE"), parse.existing_file),
    _Variable("client_key", _otlp("CLIENT_KEY"), parse.existing_file),
    _Variable("schedule_delay", ("OTEL_BLRP_SCHEDULE_DELAY",), _milliseconds),
    _Variable("flush_timeout", ("OTEL_BLRP_EXPORT_TIMEOUT",), _milliseconds),
    _Variable("max_queue_size", ("OTEL_BLRP_MAX_QUEUE_SIZE",), _count),
    _Variable("max_export_batch_size", ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",), _count),
    _Variable("limits.attributes", _limits("COUNT_LIMIT"), _limit),
    _Variable("limits.value_length", _limits("VALUE_LENGTH_LIMIT"), _limit),
    _Variable("disabled", ("OTEL_SDK_DISABLED",), _boolean),
    _Variable("correlation.enabled", ("OTEL_PYTHON_LOG_CORRELATION",), _boolean),
    _Variable("correlation.format", ("OTEL_PYTHON_LOG_FORMAT",), str),
    _Variable("correlation.level", ("OTEL_PYTHON_LOG_LEVEL",), _choice("debug", "info", "warning", "error")),
    _Variable("logs_exporter", ("OTEL_LOGS_EXPORTER",), check_logs_exporter),
)


def read_otel_env(environ: Mapping[str, str]) -> tuple[dict[str, Entry], list[Remark]]:
    """Give the layer of the standard variables, and what is to be said about those that are bad.

    An empty variable counts as unset; the variable for logs goes before the one for all signals.
    """
    layer: dict[str, Entry] = {}
    remarks: list[Remark] = []
    for variable in VARIABLES:
        for name in variable.names:
            text = environ.get(name, "").strip()
            entry = _read(variable, name, text, remarks) if text else None
            if entry is not None:
                layer[variable.path] = entry
                break
    return layer, remarks


def _read(variable: _Variable, name: str, text: str, remarks: list[Remark]) -> Entry | None:
    secret = variable.path in _SECRET_SETTINGS
    try:
        value = variable.parse(text)
    except InvalidValueError as error:
        shown = MASK if secret else str(error.shown or text)
        remarks.append(Remark(name, shown, error.problem, "it is ignored", error.remedy))
        return None
    if isinstance(value, Reading):
        remedy = "Write milliseconds" if variable.parse is _timeout else "Correct it"
        remarks.append(Remark(name, MASK if secret else text, value.said, value.done, remedy, value.fault))
        value = value.value
    return Entry(value, f"environment {name}")
