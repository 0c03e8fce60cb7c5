"""What it costs to have the library: its import, and the way from the start of a process to the first record delivered.

Each is a fresh process, and bare Python's own start is taken off. Python's caches of compiled modules are warm.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.environments import environment
from benchmarks.compare.measurements.table import Plan, Table, number
from benchmarks.compare.paths import ROOT
from benchmarks.compare.workload import BODY, LOGGER_NAME, SERVICE_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from benchmarks.compare.destinations import Destinations

KEY: Final = "start"
_ROUNDS_EACH: Final = 4
_RUN_SECONDS: Final = 60.0
_MIB: Final = 1024

# Told by the process itself: what its parent is told by the kernel includes the parent's own memory before exec.
_TELL: Final = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM:"):
        print(line.split()[1])
"""
_SDK_IMPORTS: Final = """
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
"""
BARE: Final = "bare Python"
IMPORTS: Final = {
    BARE: "",
    "`import fapilog_otel`": "import fapilog_otel",
    "the SDK's provider, batch processor and OTLP/HTTP exporter": _SDK_IMPORTS,
}
_OURS_FIRST: Final = f"""
import sys, fapilog_otel
handle = fapilog_otel.configure(endpoint=sys.argv[1], service_name={SERVICE_NAME!r}, sources=[])
fapilog_otel.get_logger({LOGGER_NAME!r}).info({BODY!r})
assert handle.flush(30)
handle.shutdown()
"""
_SDK_FIRST: Final = f"""
import sys
{_SDK_IMPORTS}
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk.resources import Resource
processor = BatchLogRecordProcessor(OTLPLogExporter(endpoint=sys.argv[1] + "/v1/logs"))
provider = LoggerProvider(resource=Resource.create({{"service.name": {SERVICE_NAME!r}}}))
provider.add_log_record_processor(processor)
log = provider.get_logger({LOGGER_NAME!r})
log.emit(severity_number=SeverityNumber.INFO, severity_text="INFO", body={BODY!r})
assert processor.force_flush()
provider.shutdown()
"""
FIRST_RECORDS: Final = {
    "our logger: first record delivered": _OURS_FIRST,
    "the SDK: first record delivered": _SDK_FIRST,
}


class FirstRequest:
    """A receiver in this process that notes when a request was complete; a context manager."""

    def __init__(self) -> None:
        self.arrived: list[tuple[float, bytes]] = []
        arrived = self.arrived

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                arrived.append((time.perf_counter(), body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def measure(plan: Plan, destinations: Destinations) -> Table:
    """Measure everything in turn, several times."""
    del destinations  # the receiver of one request is in this process
    table = Table(
        KEY,
        "Import, and the first record",
        ("what", "ms", "ms above bare Python", "MiB", "MiB above bare Python"),
        note="Medians. First record: from the start of the process until a request with it has arrived over HTTP.",
    )
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(plan.of(plan.rounds * _ROUNDS_EACH, 3)):
        for title, code in IMPORTS.items():
            found.setdefault(title, []).append(_imported(code))
        for title, code in FIRST_RECORDS.items():
            run, fault = _delivered(code)
            found.setdefault(title, []).append(run)
            table.faults += [f"{title}: {fault}"] if fault else []
    table.data = {title: _medians(runs) for title, runs in found.items()}
    bare = table.data[BARE]
    table.rows = [
        [
            title,
            number(one["ms"]),
            number(one["ms"] - bare["ms"]),
            f"{one['mib']:.1f}" if one["mib"] else "",
            f"{one['mib'] - bare['mib']:.1f}" if one["mib"] else "",
        ]
        for title, one in table.data.items()
    ]
    return table


def _imported(code: str) -> dict[str, float]:
    begun = time.perf_counter()
    done = _python(code + _TELL)
    return {"ms": (time.perf_counter() - begun) * 1000, "mib": int(done.stdout) / _MIB}


def _delivered(code: str) -> tuple[dict[str, float], str]:
    with FirstRequest() as receiver:
        begun = time.perf_counter()
        done = _python(code, receiver.endpoint)
    if done.returncode or not receiver.arrived:
        return {"ms": float("nan"), "mib": 0.0}, f"no record arrived: {done.stderr.strip()[-500:]}"
    when, body = receiver.arrived[0]
    return {"ms": (when - begun) * 1000, "mib": 0.0}, wrong(body)


def wrong(body: bytes) -> str:
    """Tell what is wrong with a request that should hold one record; empty: nothing."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    bodies = [
        record.body.string_value
        for resource_logs in ExportLogsServiceRequest.FromString(body).resource_logs
        for scope_logs in resource_logs.scope_logs
        for record in scope_logs.log_records
    ]
    return "" if bodies == [BODY] else f"the first request holds {bodies}"


def _medians(runs: list[dict[str, float]]) -> Mapping[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in ("ms", "mib")}


def _python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command: list[Any] = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=_RUN_SECONDS, check=False
    )
