"""Enrichers: what is known about the process and the running context.

`runtime_info` goes to the resource, once, and not onto each record. ``context_vars`` and ``static_attributes`` are part
of the encode plan; the stages here do the same to records that never pass an emit path.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
from typing import TYPE_CHECKING

from opentelemetry.baggage import get_all

from fapilog_otel.encode.context import BOUND
from fapilog_otel.model.anyvalue import AnyValue, normalise, normalise_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fapilog_otel.contracts.stage import Phase
    from fapilog_otel.model.record import Record


def runtime_info() -> dict[str, AnyValue]:
    """Give facts about the running process as resource attributes, detected anew on each call: a fork changes them.

    Returns:
        ``host.name``, ``process.pid``, ``process.runtime.name``, ``.version`` and ``.description`` (semantic
        conventions, "Process" and "Host"); a host without a name has none.
    """
    version = sys.version_info
    facts: dict[str, AnyValue] = {
        "process.pid": os.getpid(),
        "process.runtime.name": platform.python_implementation().lower(),
        "process.runtime.version": f"{version.major}.{version.minor}.{version.micro}",
        "process.runtime.description": sys.version,
    }
    host = _host_name()
    return {"host.name": host, **facts} if host else facts


def _host_name() -> str:
    try:
        return socket.gethostname()
    except OSError:
        return ""


class ContextVarsEnricher:
    """Adds the attributes of ``bound_context``; those that the record has win. Inline, on the thread that logs."""

    name = "context_vars"
    phase: Phase = "enrich"
    inline = True

    def __call__(self, record: Record) -> Record:
        """Give the record with the running context's attributes."""
        bound = BOUND.get()
        return _with_defaults(record, {key: normalise(value) for key, value in bound.items()}) if bound else record


class BaggageEnricher:
    """Adds chosen entries of the running context's OpenTelemetry baggage; attributes that the record has win. Inline.

    Args:
        keys: Names of the entries; others stay where they are, for baggage may come from anybody.
    """

    name = "baggage"
    phase: Phase = "enrich"
    inline = True

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(keys)

    def __call__(self, record: Record) -> Record:
        """Give the record with the chosen entries."""
        carried = get_all()
        found = {key: normalise(carried[key]) for key in self._keys if key in carried} if carried else {}
        return _with_defaults(record, found) if found else record


class StaticAttributes:
    """Adds the same attributes to every record; those that the record has win.

    Args:
        attributes: Any values; normalised once.
    """

    name = "static_attributes"
    phase: Phase = "enrich"
    inline = True

    def __init__(self, attributes: Mapping[str, object]) -> None:
        self._attributes = {normalise_key(key): normalise(value) for key, value in attributes.items()}

    def __call__(self, record: Record) -> Record:
        """Give the record with the attributes."""
        return _with_defaults(record, self._attributes)


def _with_defaults(record: Record, attributes: Mapping[str, AnyValue]) -> Record:
    return record.replace(attributes={**attributes, **record.attributes})
