"""An application whose threads are greenlets."""

from __future__ import annotations

import pytest

from fapilog_otel.receiver import OtlpReceiver
from tests.integration.child import PYTHONS, Child

RECORDS = 50 * 40
LAST = 40


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_greenlets_deliver_and_go_on_meanwhile(protocol: str, python: str) -> None:
    with OtlpReceiver(grpc_port=0) as receiver:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        }
        with Child("greenlets", environ=environ, python=python) as child:
            ended = child.end()
        logs = receiver.logs
    assert (ended.code, ended.err) == (0, "")
    said = ended.said()
    assert said["flushed"]
    assert said["ticks"] > 1
    assert (said["stats"]["submitted"], said["stats"]["delivered"]) == (RECORDS, RECORDS)
    assert sorted(log.attributes["index"] for log in logs) == list(range(RECORDS + LAST))
