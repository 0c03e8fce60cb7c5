"""Record values become sealed chunks: the exporter face, deferred stages and tests encode through here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel.encode._wire import delimited
from fapilog_otel.encode.plan import EncodePlan
from fapilog_otel.encode.values import record_payload
from fapilog_otel.model.chunk import Chunk
from fapilog_otel.model.severity import severity_band

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fapilog_otel.model.record import Record

_DEFAULT_PLAN = EncodePlan()


def chunks_from_records(
    records: Iterable[Record], plan: EncodePlan = _DEFAULT_PLAN, size: int = 1 << 20
) -> list[Chunk]:
    """Encode records into chunks of about ``size`` bytes, in their order.

    Args:
        records: Record values; their scopes and resources are kept by reference.
        plan: Redaction and limits to apply; its record stages are not run.
        size: Bytes after which a new chunk is begun.
    """
    chunks: list[Chunk] = []
    for record in records:
        if not chunks or not chunks[-1].fits(0):
            chunks.append(Chunk(size, severity_band(record.severity_number)))
        chunk = chunks[-1]
        chunk.append(delimited(b"\x12", record_payload(record, plan)), record.severity_number, record.scope)
        chunk.allocated = max(chunk.allocated, chunk.length)
    return chunks
