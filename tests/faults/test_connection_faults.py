"""Whatever happens to a connection, the next one delivers: nothing is lost, and at most one batch comes twice."""

from __future__ import annotations

from collections import Counter

import pytest

from fapilog_otel.testing import (
    Blackhole,
    ChaosFault,
    ChaosProxy,
    Cut,
    HalfClose,
    Hang,
    Latency,
    OtlpReceiver,
    Refuse,
    Throttle,
)
from tests.faults.bridge import bridge, port_of

BATCH = 20
TIMEOUT = 1.0
FAULTS = [
    Cut(),
    Cut(reset=False),
    Cut(50, reset=False),
    Cut(0, "down", reset=False),
    Cut(10, "down", reset=False),
    HalfClose(),
    HalfClose(50),
    HalfClose(0, "down"),
    HalfClose(10, "down"),
    Blackhole(),
    Blackhole(100),
    Hang(2 * TIMEOUT),
    Hang(0.2, after=50),
    Latency(0.05),
    Throttle(20_000),
]


@pytest.fixture(params=["http/protobuf", "grpc"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def endpoint_of(receiver: OtlpReceiver, protocol: str) -> str:
    return receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint


def check(receiver: OtlpReceiver) -> None:
    copies = Counter(log.attributes["number"] for log in receiver.logs)
    assert set(copies) == set(range(BATCH))
    assert max(copies.values()) <= 2


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_a_faulty_connection_costs_no_record(protocol: str, fault: ChaosFault) -> None:
    with (
        OtlpReceiver(grpc_port=0) as receiver,
        ChaosProxy("127.0.0.1", port_of(endpoint_of(receiver, protocol)), plan=[fault]) as proxy,
        bridge(proxy.endpoint, protocol, timeout=TIMEOUT) as made,
    ):
        for number in range(BATCH):
            made.log.info("order placed", number=number)
        assert made.flush(20.0)
        assert made.stats().delivered == BATCH
    check(receiver)


def test_nobody_there_costs_no_record(protocol: str) -> None:
    with (
        OtlpReceiver(grpc_port=0) as receiver,
        ChaosProxy("127.0.0.1", port_of(endpoint_of(receiver, protocol))) as proxy,
        bridge(proxy.endpoint, protocol, timeout=TIMEOUT) as made,
    ):
        proxy.apply(Refuse())
        for number in range(BATCH):
            made.log.info("order placed", number=number)
        assert not made.flush(0.3)
        assert made.stats().in_flight == BATCH
        proxy.heal()
        assert made.flush(20.0)
    check(receiver)
