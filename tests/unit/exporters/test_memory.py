from __future__ import annotations

import asyncio
import threading

import pytest

from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.errors import ConfigError
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel_exporters.memory import MemoryExporter, factory


def request_of(*bodies: object) -> EncodedLogs:
    return EncodedLogs.from_records(Record(body=body, scope=Scope("shop")) for body in bodies)


def bodies(exporter: MemoryExporter) -> list[object]:
    return [record.body for record in exporter.records]


class TestMemoryExporter:
    async def test_records_and_requests_are_kept_in_order(self):
        exporter = MemoryExporter()
        await exporter.start()
        assert await exporter.export(request_of("a", "b")) == ExportResult()
        await exporter.export(request_of("c"))
        assert bodies(exporter) == ["a", "b", "c"]
        assert [len(request) for request in exporter.requests] == [2, 1]
        assert len(exporter) == 3

    async def test_records_are_whole(self):
        record = Record(
            timestamp=1,
            observed_timestamp=2,
            severity_number=9,
            severity_text="INFO",
            body={"a": [1, None]},
            attributes={"k": b"v"},
            trace_id=3,
            span_id=4,
            trace_flags=1,
            event_name="e",
            scope=Scope("shop"),
        )
        exporter = MemoryExporter()
        await exporter.export(EncodedLogs.from_records([record]))
        assert exporter.records == (record,)

    async def test_clear_forgets(self):
        exporter = MemoryExporter()
        await exporter.export(request_of("a"))
        exporter.clear()
        assert exporter.records == exporter.requests == ()
        await exporter.export(request_of("b"))
        assert bodies(exporter) == ["b"]

    async def test_records_survive_close(self):
        exporter = MemoryExporter()
        await exporter.export(request_of("a"))
        await exporter.close()
        assert bodies(exporter) == ["a"]

    async def test_the_oldest_requests_go_when_the_bound_is_reached(self):
        exporter = MemoryExporter(max_records=3)
        for n in range(0, 8, 2):
            await exporter.export(request_of(n, n + 1))
        assert bodies(exporter) == [6, 7]

    async def test_a_request_larger_than_the_bound_keeps_its_newest(self):
        exporter = MemoryExporter(max_records=3)
        await exporter.export(request_of(*range(10)))
        assert bodies(exporter) == [7, 8, 9]

    def test_the_bound_must_be_above_zero(self):
        with pytest.raises(ConfigError, match="max_records=0"):
            MemoryExporter(0).validate()
        with pytest.raises(ConfigError, match="max_records=0"):
            factory.create({"max_records": 0})

    def test_threads_lose_nothing(self):
        exporter = MemoryExporter()

        def run() -> None:
            for n in range(50):
                asyncio.run(exporter.export(request_of(n)))

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(exporter.records) == len(exporter) == 200
