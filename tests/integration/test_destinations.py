"""Several destinations at once: each has its own pace and its own account, and no other pays for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import fapilog_otel
from fapilog_otel import Handle
from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from tests.integration.workload import assert_delivered
from tests.receivers import Collector

RECORDS = 5000
NEVER = Script(then=Reply(delay=60.0, accept=False))


@pytest.fixture
def slow_receiver() -> Iterator[OtlpReceiver]:
    """A receiver that reads every request and answers none, until its script is changed."""
    with OtlpReceiver(grpc_port=0, script=NEVER) as receiver:
        yield receiver


def log(indexes: range) -> None:
    logger = fapilog_otel.get_logger("shop")
    for index in indexes:
        logger.info("order placed", index=index)


def poll(what: Callable[[], bool], timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_once(records: Any) -> None:
    assert sorted(record.attributes["index"] for record in records) == list(range(RECORDS))


def configure(service_name: str, fast: Any, slow: Any, **options: Any) -> Handle:
    return fapilog_otel.configure(
        service_name=service_name,
        sources=[],
        schedule_delay=0.05,
        exporters={"fast": fast, "slow": slow},
        shutdown_timeout=1.0,
        **options,
    )


def to(receiver: Any, protocol: str) -> dict[str, Any]:
    grpc = protocol == "grpc"
    return {
        "type": "otlp",
        "protocol": protocol,
        "endpoint": receiver.grpc_endpoint if grpc else receiver.http_endpoint,
    }


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
class TestSlowDestination:
    def test_does_not_hold_back_the_fast_one(
        self, collector: Collector, slow_receiver: OtlpReceiver, service_name: str, protocol: str
    ) -> None:
        slow = {**to(slow_receiver, protocol), "timeout": 2.0}
        with configure(service_name, to(collector, "http/protobuf"), slow) as handle:
            log(range(RECORDS))
            assert_once(collector.wait_for(RECORDS, service=service_name))
            poll(lambda: handle.stats().destinations["fast"].delivered == RECORDS)
            stats = handle.stats()
            assert_delivered(stats.destinations["fast"], RECORDS)
            assert (stats.destinations["slow"].delivered, stats.destinations["slow"].in_flight) == (0, RECORDS)
            assert (stats.balanced, stats.delivered, stats.in_flight) == (True, 0, RECORDS)
            slow_receiver.script = Script()
            assert handle.flush(10.0)
            assert_delivered(handle.stats().destinations["slow"], RECORDS)
            assert_delivered(handle.stats(), RECORDS)
        assert_once(slow_receiver.logs)
        assert_once(collector.records(service_name))

    def test_loses_alone_what_it_has_no_room_for(
        self, collector: Collector, slow_receiver: OtlpReceiver, service_name: str, protocol: str
    ) -> None:
        slow = to(slow_receiver, protocol)
        with configure(service_name, to(collector, "http/protobuf"), slow, max_queue_bytes=128 * 1024) as handle:
            for start in range(0, RECORDS, 500):  # as fast as the fast one takes them
                log(range(start, start + 500))
                poll(lambda start=start: handle.stats().destinations["fast"].delivered == start + 500)
            stats = handle.stats()
        assert_delivered(stats.destinations["fast"], RECORDS)
        assert_once(collector.wait_for(RECORDS, service=service_name))
        self.assert_lost(stats.destinations["slow"], {"queue_full"})
        assert stats.destinations["slow"].in_flight > 0
        after = handle.stats().destinations["slow"]
        self.assert_lost(after, {"queue_full", "shutdown"})
        assert after.in_flight == 0

    @staticmethod
    def assert_lost(stats: Any, reasons: set[str]) -> None:
        assert stats.balanced
        assert (stats.submitted, stats.delivered, stats.filtered) == (RECORDS, 0, 0)
        assert {*stats.dropped_by_reason, *stats.failed_by_reason} == reasons
        assert stats.dropped_by_reason["queue_full"] > 0


class TestDeadDestination:
    def test_that_is_optional_does_not_affect_flush(
        self, collector: Collector, closed_port: int, service_name: str
    ) -> None:
        dead = {"type": "otlp_http", "endpoint": f"http://127.0.0.1:{closed_port}", "optional": True}
        with configure(service_name, to(collector, "http/protobuf"), dead) as handle:
            log(range(RECORDS))
            assert handle.flush(5.0)
            assert_delivered(handle.stats(), RECORDS)
            optional = handle.stats().destinations["slow"]
            assert (optional.balanced, optional.delivered, optional.in_flight) == (True, 0, RECORDS)
            assert handle.shutdown()
        assert_once(collector.wait_for(RECORDS, service=service_name))
        assert_delivered(handle.stats(), RECORDS)
        optional = handle.stats().destinations["slow"]
        assert (optional.balanced, optional.delivered, optional.in_flight) == (True, 0, 0)
        assert optional.dropped + optional.failed == RECORDS
        assert {*optional.dropped_by_reason, *optional.failed_by_reason} == {"shutdown"}

    def test_that_is_not_optional_fails_flush_and_shutdown(
        self, collector: Collector, closed_port: int, service_name: str
    ) -> None:
        dead = {"type": "otlp_http", "endpoint": f"http://127.0.0.1:{closed_port}"}
        with configure(service_name, to(collector, "http/protobuf"), dead) as handle:
            log(range(RECORDS))
            assert not handle.flush(0.5)
            assert not handle.shutdown()
        stats = handle.stats()
        assert_delivered(stats.destinations["fast"], RECORDS)
        assert (stats.balanced, stats.delivered, stats.in_flight) == (True, 0, 0)
        assert stats.dropped + stats.failed == RECORDS
