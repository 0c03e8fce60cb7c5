"""Sixty-four threads at once: every record arrives once, and the account is exact.

The long form: ``TEST_RECORDS=100000 python -m pytest -s tests/integration/test_many_threads.py``.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from tests.integration.child import PYTHONS, Child
from tests.integration.whole_collector import WholeCollector

THREADS = 64
EACH = int(os.environ.get("TEST_RECORDS", "5000"))
TOTAL = THREADS * EACH

_LENGTH = struct.Struct(">I")


def messages(file: Path) -> Iterator[bytes]:
    """The messages of a file of the Collector's file exporter, one in memory at a time."""
    with file.open("rb") as content:
        while head := content.read(_LENGTH.size):
            yield content.read(_LENGTH.unpack(head)[0])


def times_seen(collector: WholeCollector) -> bytearray:
    """How often each record is in a Collector's files, by its index."""
    seen = bytearray(TOTAL)
    for file in sorted(collector.folder.glob("logs-*.json")):
        for message in messages(file):
            for resource in LogsData.FromString(message).resource_logs:
                for scope in resource.scope_logs:
                    for record in scope.log_records:
                        (index,) = (pair.value.int_value for pair in record.attributes if pair.key == "index")
                        seen[index] += 1
    return seen


@pytest.mark.timeout(100 + TOTAL / 3000)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("way", ["own", "stdlib"])
def test_every_record_of_every_thread_arrives_once(own_collector: WholeCollector, way: str, python: str) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": own_collector.http_endpoint}
    with Child("many_threads", str(EACH), way, environ=environ, python=python) as child:
        ended = child.end(60.0 + TOTAL / 4000)
    assert (ended.code, ended.err) == (0, "")
    said = ended.said()
    stats = said["stats"]
    print({**said, "stats": {name: stats[name] for name in ("submitted", "delivered", "dropped_by_reason")}})
    assert (said["flushed"], said["balanced"]) == (True, True)
    assert (stats["submitted"], stats["delivered"]) == (TOTAL, TOTAL)
    assert stats["dropped"] == stats["failed"] == stats["filtered"] == stats["in_flight"] == 0
    own_collector.stop()
    seen = times_seen(own_collector)
    assert seen.count(1) == TOTAL
