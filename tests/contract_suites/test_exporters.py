"""The exporter contract, applied to every built-in exporter."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter

from fapilog_otel.contracts import Exporter, ExporterFactory
from fapilog_otel.model.record import Record
from fapilog_otel.plugins import load_exporter_factory
from fapilog_otel.receiver.decode import decode_logs
from fapilog_otel.testing import ExporterContract, OtlpReceiver, ReceivedLog


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def as_record(log: ReceivedLog) -> Record:
    return Record(
        severity_number=log.severity_number,
        body=log.body,
        attributes=log.attributes,
        trace_id=int(log.trace_id or "0", 16),
        span_id=int(log.span_id or "0", 16),
    )


class TestMemory(ExporterContract):
    @pytest.fixture(autouse=True)
    def _exporter(self) -> None:
        self.exporter = load_exporter_factory("memory").create({})

    def make_exporter(self) -> Exporter:
        return self.exporter

    def received(self) -> Sequence[Record]:
        return self.exporter.records  # type: ignore[attr-defined,no-any-return]

    def factory(self) -> ExporterFactory:
        return load_exporter_factory("memory")


class OtlpOverAWire(ExporterContract):
    """What both OTLP transports share."""

    name: str

    @pytest.fixture(autouse=True)
    def _receiver(self, closed_port: int) -> Iterator[None]:
        self.closed_port = closed_port
        with OtlpReceiver(http_port=0, grpc_port=0) as self.receiver:
            yield

    def endpoint(self) -> str:
        raise NotImplementedError

    def make_exporter(self) -> Exporter:
        return self.factory().create(self.factory_settings())

    def make_failing_exporter(self) -> Exporter:
        settings = {**self.factory_settings(), "endpoint": f"http://127.0.0.1:{self.closed_port}"}
        return self.factory().create(settings)

    def received(self) -> Sequence[Record]:
        return [as_record(log) for log in self.receiver.logs]

    def factory(self) -> ExporterFactory:
        return load_exporter_factory(self.name)

    def factory_settings(self) -> Mapping[str, object]:
        return {"endpoint": self.endpoint()}


class TestOtlpHttp(OtlpOverAWire):
    name = "otlp_http"

    def endpoint(self) -> str:
        return f"{self.receiver.http_endpoint}/v1/logs"


class TestOtlpHttpJson(TestOtlpHttp):
    def factory_settings(self) -> Mapping[str, object]:
        return {"endpoint": self.endpoint(), "protocol": "http/json"}


class TestOtlpHttpCompressed(TestOtlpHttp):
    def factory_settings(self) -> Mapping[str, object]:
        return {"endpoint": self.endpoint(), "compression": "gzip"}


class TestOtlpGrpc(OtlpOverAWire):
    name = "otlp_grpc"

    def endpoint(self) -> str:
        return self.receiver.grpc_endpoint


class TestOtlpFile(ExporterContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_exporter(self) -> Exporter:
        return self.factory().create(self.factory_settings())

    def make_failing_exporter(self) -> Exporter:
        return self.factory().create({"path": str(self.folder)})

    def received(self) -> Sequence[Record]:
        lines = (self.folder / "logs.jsonl").read_bytes().splitlines()
        return [as_record(log) for line in lines for log in decode_logs(line, as_json=True)]

    def factory(self) -> ExporterFactory:
        return load_exporter_factory("otlp_file")

    def factory_settings(self) -> Mapping[str, object]:
        return {"path": str(self.folder / "logs.jsonl")}


class LinesInAFile(ExporterContract):
    """What both exporters that write lines share."""

    name: str

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_exporter(self) -> Exporter:
        return self.factory().create(self.factory_settings())

    def make_failing_exporter(self) -> Exporter:
        return self.factory().create({"stream": str(self.folder)})

    def factory(self) -> ExporterFactory:
        return load_exporter_factory(self.name)

    def factory_settings(self) -> Mapping[str, object]:
        return {"stream": str(self.folder / "lines")}

    def lines(self) -> list[str]:
        return (self.folder / "lines").read_text().splitlines()


class TestStdoutJson(LinesInAFile):
    name = "stdout_json"

    def received(self) -> Sequence[Record]:
        found = map(json.loads, self.lines())
        return [Record(trace_id=int(line.get("trace_id") or "0", 16)) for line in found]

    def comparable(self, record: Record) -> object:
        return record.trace_id


class TestConsole(LinesInAFile):
    name = "console"


class TestSdkAdapter(ExporterContract):
    @pytest.fixture(autouse=True)
    def _kept(self) -> None:
        self.kept: list[InMemoryLogRecordExporter] = []

    def make(self) -> InMemoryLogRecordExporter:
        self.kept.append(InMemoryLogRecordExporter())
        return self.kept[-1]

    def make_exporter(self) -> Exporter:
        return self.factory().create(self.factory_settings())

    def make_failing_exporter(self) -> Exporter:
        exporter = InMemoryLogRecordExporter()
        exporter.shutdown()
        return self.factory().create({"exporter": exporter})

    def received(self) -> Sequence[Record]:
        found = [one.log_record for exporter in self.kept for one in exporter.get_finished_logs()]
        return [Record(body=one.body, trace_id=one.trace_id or 0, span_id=one.span_id or 0) for one in found]

    def comparable(self, record: Record) -> object:
        return (record.body, record.trace_id, record.span_id)

    def factory(self) -> ExporterFactory:
        return load_exporter_factory("sdk_adapter")

    def factory_settings(self) -> Mapping[str, object]:
        return {"exporter": self.make}
