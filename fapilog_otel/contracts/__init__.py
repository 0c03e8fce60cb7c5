"""What a plugin author implements and receives: Exporter, Stage, Source, EncodedLogs, ExportResult."""

from __future__ import annotations

from fapilog_otel.contracts.encoded_logs import EncodedLogs
from fapilog_otel.contracts.exporter import Exporter, ExporterFactory, ExporterTraits, ExportResult, exporter_traits
from fapilog_otel.contracts.source import Source, SourceHandle
from fapilog_otel.contracts.stage import PHASES, Phase, Stage

__all__ = [
    "PHASES",
    "EncodedLogs",
    "ExportResult",
    "Exporter",
    "ExporterFactory",
    "ExporterTraits",
    "Phase",
    "Source",
    "SourceHandle",
    "Stage",
    "exporter_traits",
]
