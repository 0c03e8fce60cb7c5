"""One row of the matrix: run the application with a source over a protocol, and judge what the Collector has of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fapilog_otel.receiver import ReceivedLog
    from tests.receivers import Collector

SOURCES: Final = ("stdlib", "structlog", "loguru", "fapilog", "api", "own")
PROTOCOLS: Final = ("http/protobuf", "grpc")
PLACES: Final = ("call", "thread", "task", "forked", "spawned")

ROOT = Path(__file__).parents[2]
_OURS = ("OTEL_", "FAPILOG_OTEL_", "COV_CORE_")
_ARRIVAL = 10.0


def run_row(source: str, protocol: str, collector: Collector, count: int) -> dict[str, str]:
    """Run the application once.

    Args:
        source: One of `SOURCES`.
        protocol: One of `PROTOCOLS`.
        collector: Where the records go.
        count: Records in each place.

    Returns:
        What is wrong in each of `PLACES`; empty: nothing.

    Raises:
        AssertionError: The application failed.
    """
    service = f"shop-{uuid.uuid4()}"
    kept = os.environ.get("FAPILOG_OTEL_NATIVE")
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
        **({} if kept is None else {"FAPILOG_OTEL_NATIVE": kept}),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "exporters"))),
        "PYTHONWARNINGS": "ignore::DeprecationWarning",  # from 3.12 on, of forks in processes with threads
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint,
        "RECORDS": str(count),
    }
    command = [sys.executable, str(Path(__file__).with_name("app.py")), source]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr[-4000:]
    written = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    return judge(written, _arrived(collector, service, count * len(PLACES)), count)


def judge(written: Iterable[dict[str, Any]], arrived: Iterable[ReceivedLog], count: int) -> dict[str, str]:
    """Compare what was written with what arrived.

    Args:
        written: The place, number, trace id and span id of each record.
        arrived: All records of the service.
        count: Records in each place.

    Returns:
        What is wrong in each of `PLACES`; empty: nothing.
    """
    expected: dict[str, dict[object, tuple[str, str]]] = defaultdict(dict)
    for one in written:
        expected[one["place"]][one["number"]] = (one["trace_id"], one["span_id"])
    found: dict[str, Counter[object]] = defaultdict(Counter)
    astray: Counter[str] = Counter()
    for log in arrived:
        place, number = str(log.attributes.get("place")), log.attributes.get("number")
        found[place][number] += 1
        if log.body != "order placed" or expected.get(place, {}).get(number) != (log.trace_id, log.span_id):
            astray[place] += 1
    verdict = {place: _faults(expected[place], found[place], astray[place], count) for place in PLACES}
    return {**verdict, **dict.fromkeys(found.keys() - set(PLACES), "nobody wrote it")}


def _faults(expected: dict[object, Any], found: Counter[object], astray: int, count: int) -> str:
    missing = len(expected.keys() - found.keys())
    repeated = sum(times - 1 for times in found.values())
    wrong = {"not written": count - len(expected), "missing": missing, "too many": repeated, "astray": astray}
    return ", ".join(f"{number} {what}" for what, number in wrong.items() if number)


def _arrived(collector: Collector, service: str, count: int) -> list[ReceivedLog]:
    """The records of a service: all that came by the time that as many are there and no more come."""
    deadline = time.monotonic() + _ARRIVAL
    records: list[ReceivedLog] = []
    while time.monotonic() < deadline:
        before, records = len(records), collector.records(service)
        if len(records) >= count and len(records) == before:
            break
        time.sleep(0.1)
    return records
