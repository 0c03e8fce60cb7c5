"""Forks under load: no child hangs, and on neither side is a record lost or sent twice.

The long form: ``TEST_FORKS=500 python -m pytest tests/faults/test_many_forks.py``.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict

import pytest

from fapilog_otel.receiver import OtlpReceiver
from tests.integration.child import PYTHONS, Child

FORKS = int(os.environ.get("TEST_FORKS", "40"))
EACH = 10


@pytest.mark.timeout(60 + FORKS)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(("face", "forkers"), [("bridge", 1), ("bridge", 4), ("exporter", 1)])
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_every_record_of_both_sides_arrives_once(protocol: str, face: str, forkers: int, python: str) -> None:
    with OtlpReceiver(grpc_port=0) as receiver:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "PYTHONWARNINGS": "ignore::DeprecationWarning",  # from 3.12 on, of forks in processes with threads
        }
        with Child("many_forks", str(FORKS), face, str(forkers), environ=environ, python=python) as child:
            ended = child.end(50.0 + FORKS)
        logs = receiver.logs
    assert ended.err == ""
    said = ended.said()
    assert (ended.code, said["flushed"], said["delivered"]) == (0, True, True)
    assert said["ends"] == [0] * FORKS
    indexes: dict[str, list[object]] = defaultdict(list)
    pids: dict[str, set[object]] = defaultdict(set)
    for log in logs:
        side = str(log.attributes["side"])
        indexes[side].append(log.attributes["index"])
        pids[side].add(log.resource.get("process.pid"))
    for side, count in said["written"].items():
        assert Counter(indexes.pop(side)) == Counter(range(count))
    assert indexes == {f"child{number}": list(range(EACH)) for number in range(FORKS)}
    if face == "bridge":  # the stock provider's resource knows no pid
        assert all(len(found) == 1 for found in pids.values())
        assert not any(found & pids["parent"] for side, found in pids.items() if side not in said["written"])
