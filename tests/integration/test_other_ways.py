"""The same ten thousand records into other receivers, through the SDK's own exporters, and into a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fapilog_otel
from fapilog_otel.encode.json import decode_json_request
from fapilog_otel.receiver.decode import decode_logs
from tests.integration.whole_collector import WholeCollector
from tests.integration.workload import (
    PER_SPAN,
    RECORDS,
    ROOT,
    SPANS,
    OwnLogger,
    Workload,
    assert_delivered,
    assert_once,
)
from tests.receivers import Rotel, VictoriaLogs


def deliver(**options: Any) -> tuple[Workload, dict[str, Any]]:
    """Log the workload through our own logger, and give it with the resource that its records carried."""
    with fapilog_otel.configure(levels={ROOT: "TRACE"}, **options) as handle:
        workload = Workload(OwnLogger(handle.provider))
        workload.write()
        assert handle.flush()
        assert_delivered(handle.stats())
    return workload, dict(handle.provider.resource.attributes)


class TestRotel:
    @pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
    def test_forwards_every_record_once_and_whole(self, rotel: Rotel, service_name: str, protocol: str) -> None:
        endpoint = rotel.grpc_endpoint if protocol == "grpc" else rotel.http_endpoint
        workload, resource = deliver(endpoint=endpoint, protocol=protocol, service_name=service_name)
        records = rotel.wait_for(RECORDS, service=service_name)
        # The protobuf types that rotel was built with know no flags on a log record.
        known = [replace(record, flags=_flags(workload, record)) for record in records]
        workload.check(known, resource)


def _flags(workload: Workload, record: Any) -> int:
    context = workload.contexts[record.attributes["index"] // PER_SPAN]
    assert context is not None
    return int(context.trace_flags)


class TestVictoriaLogs:
    def test_finds_every_record_under_its_span(self, victorialogs: VictoriaLogs, service_name: str) -> None:
        workload, _ = deliver(endpoint=victorialogs.http_endpoint, service_name=service_name)
        victorialogs.wait_for(RECORDS, service=service_name)
        where = f'service.name:="{service_name}"'
        assert victorialogs.query(f"{where} | stats count() n, count_uniq(index) different") == [
            {"n": str(RECORDS), "different": str(RECORDS)}
        ]
        spans = victorialogs.query(
            f"{where} | stats by (trace_id, span_id) count() n, min(index) lowest, max(index) highest"
        )
        assert len(spans) == SPANS
        found = {(row["trace_id"], row["span_id"]): (row["n"], row["lowest"], row["highest"]) for row in spans}
        for number, context in enumerate(workload.contexts):
            assert context is not None
            ids = f"{context.trace_id:032x}", f"{context.span_id:016x}"
            first = number * PER_SPAN
            assert found[ids] == (str(PER_SPAN), str(first), str(first + PER_SPAN - 1))


class TestSdkAdapter:
    @pytest.mark.parametrize("exporter", ["otlp_proto_http", "otlp_proto_grpc"])
    def test_delivers_every_record_through_the_stock_exporter(
        self, own_collector: WholeCollector, service_name: str, exporter: str
    ) -> None:
        arguments = {
            "otlp_proto_http": {"endpoint": f"{own_collector.http_endpoint}/v1/logs"},
            "otlp_proto_grpc": {"endpoint": own_collector.grpc_endpoint, "insecure": True},
        }[exporter]
        adapter = {"type": "sdk_adapter", "exporter": exporter, "arguments": arguments}
        workload, resource = deliver(exporters={"sdk": adapter}, service_name=service_name)
        workload.check(own_collector.stopped(), resource)


class TestOtlpFile:
    def test_holds_every_record_for_our_decoder_and_for_that_of_opentelemetry(
        self, tmp_path: Path, service_name: str
    ) -> None:
        path = tmp_path / "logs.jsonl"
        workload, resource = deliver(exporters={"file": {"type": "otlp_file", "path": path}}, service_name=service_name)
        lines = path.read_bytes().splitlines()
        for line in lines:
            assert list(json.loads(line)) == ["resourceLogs"]
        workload.check([log for line in lines for log in decode_logs(line, as_json=True)], resource)
        ours = [record for line in lines for record in decode_json_request(line)]
        assert_once(record.attributes["index"] for record in ours)
        for record in ours:
            expected = workload.complete(record.attributes["index"], resource)
            assert (record.body, record.attributes) == (expected.body, expected.attributes)
            assert f"{record.trace_id:032x}-{record.span_id:016x}" == f"{expected.trace_id}-{expected.span_id}"
            assert (record.severity_number, record.severity_text) == (expected.severity_number, expected.severity_text)
            assert (record.scope.name, record.scope.version) == (expected.scope.name, expected.scope.version)
            assert record.trace_flags == expected.flags
