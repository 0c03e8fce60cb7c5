"""One attempt to hand one record to one destination: no retry, so that the first answer is the one that is shown."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.errors import DeliveryError
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope
from fapilog_otel.model.severity import INFO

if TYPE_CHECKING:
    from fapilog_otel.contracts import Exporter, ExportResult


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of it.

    Args:
        delivered: Whether the destination took the record.
        reason: Short stable word for a failure: ``connection_refused``, ``http_401``.
        message: What happened, for people.
        seconds: How long the attempt took, s.
    """

    delivered: bool
    reason: str
    message: str
    seconds: float


def attempt(exporter: Exporter, record: Record, timeout: float) -> Attempt:
    """Hand a record to an exporter, once.

    Args:
        exporter: The transport; started before, closed after.
        record: What is sent.
        timeout: Seconds.
    """
    started = time.monotonic()
    delivered, reason, message = asyncio.run(_deliver(exporter, record, timeout))
    return Attempt(delivered, reason, message, time.monotonic() - started)


async def _deliver(exporter: Exporter, record: Record, timeout: float) -> tuple[bool, str, str]:
    try:
        result = await asyncio.wait_for(_export(exporter, record), timeout)
    except asyncio.TimeoutError:
        return False, "timeout", f"no answer within {timeout:g} s"
    except DeliveryError as error:
        return False, error.reason, str(error)
    except Exception as error:  # noqa: BLE001 - a transport's own bug is a finding of the doctor's, not a crash
        return False, "exporter_error", f"{type(error).__name__}: {error}"
    if result.rejected:
        return False, "rejected", result.message or "the destination rejected the record"
    return True, "", result.message


async def _export(exporter: Exporter, record: Record) -> ExportResult:
    await exporter.start()
    try:
        return await exporter.export(EncodedLogs.from_records([record]))
    finally:
        await exporter.close()


def sample_record(message: str, service_name: str | None) -> Record:
    """Give the record that is sent: severity INFO, this moment, under the scope ``fapilog_otel.cli``."""
    resource = Resource({"service.name": service_name or "fapilog-otel"})
    now = time.time_ns()
    return Record(
        timestamp=now,
        observed_timestamp=now,
        severity_number=INFO,
        severity_text="INFO",
        body=message,
        scope=Scope("fapilog_otel.cli", resource=resource),
    )
