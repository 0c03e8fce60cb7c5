"""A destination that hangs, or crawls, holds back no other."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from fapilog_otel.telemetry.accounting import DestinationStats
from fapilog_otel.testing import Blackhole, ChaosFault, ChaosProxy, OtlpReceiver, Throttle
from tests.faults.bridge import Bridge, bridge, port_of

ROUNDS = 20
INTERVAL = 0.05
"""Seconds: the schedule delay."""
ALLOWED = 2.0
"""Seconds that a record may take on a busy machine; one that had to wait for the slow one would take its timeout."""
TIMEOUT = 20.0


def latencies(made: Bridge, receiver: OtlpReceiver, start: int) -> list[float]:
    """Log one record after the other; give the seconds until the receiver had each."""
    taken = []
    for number in range(start, start + ROUNDS):
        began = time.monotonic()
        made.log.info("order placed", number=number)
        receiver.wait_for_logs(number + 1, TIMEOUT / 2)
        taken.append(time.monotonic() - began)
    return taken


def settled(made: Bridge) -> Mapping[str, DestinationStats]:
    """The accounts, once the fast one has heard of its last acknowledgement."""
    deadline = time.monotonic() + ALLOWED
    while (stats := made.stats().destinations)["fast"].in_flight and time.monotonic() < deadline:
        time.sleep(0.01)
    return stats


@pytest.mark.parametrize("fault", [Blackhole(), Throttle(200)], ids=["hangs", "crawls"])
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_the_fast_one_gets_every_record_at_once(
    protocol: str, fault: ChaosFault, record_property: pytest.FixtureRequest
) -> None:
    with OtlpReceiver(grpc_port=0) as fast, OtlpReceiver(grpc_port=0) as slow:
        target = slow.grpc_endpoint if protocol == "grpc" else slow.http_endpoint
        with ChaosProxy("127.0.0.1", port_of(target)) as proxy:
            ends = {"fast": fast.grpc_endpoint, "slow": proxy.endpoint}
            if protocol == "http":
                ends = {"fast": fast.http_endpoint + "/v1/logs", "slow": proxy.endpoint + "/v1/logs"}
            exporters = {name: {"type": f"otlp_{protocol}", "endpoint": end} for name, end in ends.items()}
            with bridge(None, exporters=exporters, schedule_delay=INTERVAL, timeout=TIMEOUT) as made:
                without = latencies(made, fast, 0)
                assert made.flush(10.0)
                proxy.apply(fault)
                beside = latencies(made, fast, ROUNDS)
                stats = settled(made)
                proxy.heal()
                proxy.cut()
                assert made.flush(30.0)
                healed = made.stats().destinations
    record_property("seconds", [max(without), max(beside)])  # type: ignore[operator]
    assert max(beside) < ALLOWED
    assert (stats["fast"].delivered, stats["fast"].in_flight) == (2 * ROUNDS, 0)
    assert stats["slow"].in_flight > 0, "the slow one was not slow"
    assert all(one.balanced for one in stats.values())
    assert healed["slow"].delivered == 2 * ROUNDS
    assert {log.attributes["number"] for log in slow.logs} == set(range(2 * ROUNDS))


def test_a_full_one_drops_and_the_other_loses_nothing() -> None:
    count, detail = 4000, "x" * 400
    with OtlpReceiver() as fast, OtlpReceiver() as slow, ChaosProxy("127.0.0.1", port_of(slow.http_endpoint)) as proxy:
        exporters = {
            "fast": {"type": "otlp_http", "endpoint": fast.http_endpoint + "/v1/logs"},
            "slow": {"type": "otlp_http", "endpoint": proxy.endpoint + "/v1/logs"},
        }
        proxy.apply(Blackhole())
        with bridge(None, exporters=exporters, schedule_delay=INTERVAL, max_queue_bytes=512 * 1024) as made:
            for number in range(count):
                made.log.info("order placed", number=number, detail=detail)
                if number % 100 == 99:
                    fast.wait_for_logs(number + 1, TIMEOUT)  # as fast as the fast one takes them
            stats = settled(made)
    assert (stats["fast"].delivered, stats["fast"].dropped) == (count, 0)
    assert set(stats["slow"].dropped_by_reason) == {"queue_full"}
    assert stats["slow"].dropped + stats["slow"].in_flight == count
