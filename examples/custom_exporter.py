"""A destination of one's own, beside the collector: every record goes into a database too.

    python custom_exporter.py [file]

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT, and writes to logs.db, or to the file named.
"""

from __future__ import annotations

import sqlite3
import sys

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel as fo
from fapilog_otel.contracts import ExporterTraits
from fapilog_otel.errors import ConfigError, RetryableError


class SqliteExporter:
    """Keeps logs. It only transports: retrying, timing and counting are done around it.

    Args:
        path: Database file.
    """

    traits = ExporterTraits(blocking=True)  # sqlite3 blocks, so it gets a thread of its own

    def __init__(self, path: str) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None

    def validate(self) -> None:
        if not self._path:
            raise ConfigError("path", self._path, "it is empty", "Name a file")

    async def start(self) -> None:
        self._opened()

    async def export(self, request: fo.EncodedLogs) -> fo.ExportResult:
        rows = [(one.timestamp, f"{one.trace_id:032x}", str(one.body)) for one in request.records()]
        try:
            with self._opened() as database:  # one transaction
                database.executemany("insert into logs values (?, ?, ?)", rows)
        except sqlite3.OperationalError as error:
            raise RetryableError(f"sqlite: {error}", reason="database_busy") from error
        return fo.ExportResult()

    async def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = sqlite3.connect(self._path, check_same_thread=False)
            self._database.execute("create table if not exists logs (time integer, trace text, body text)")
        return self._database


def main() -> None:
    path = sys.argv[1] if len(sys.argv) > 1 else "logs.db"
    trace.set_tracer_provider(TracerProvider())
    log = fo.get_logger("shop.cart")
    with fo.configure(
        service_name="shop",
        exporters={"collector": {"type": "otlp_http"}, "database": SqliteExporter(path)},
    ) as handle:
        with trace.get_tracer("shop").start_as_current_span("place order"):
            log.error("payment failed", order_id="o-1")
        handle.flush(timeout=2)
        for name, stats in handle.stats().destinations.items():
            print(f"{name}: delivered {stats.delivered} of {stats.submitted}")
    with sqlite3.connect(path) as database:
        print(database.execute("select body, trace from logs").fetchall())


if __name__ == "__main__":
    main()
