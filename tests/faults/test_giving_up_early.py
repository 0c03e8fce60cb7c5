"""Where the deadline comes before the next try, nobody waits for the deadline."""

from __future__ import annotations

import time

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, LogRecordExportResult, SimpleLogRecordProcessor

import fapilog_otel
from fapilog_otel.testing import ChaosProxy, OtlpReceiver, Refuse, Reply, Script
from tests.faults.bridge import bridge, port_of

LONG = 8.0
"""Seconds: a deadline that nobody should wait for."""
SOON = 2.0
"""Seconds: what an attempt or two may take on a busy machine."""
BUSY = Script(then=Reply(status=503, headers={"Retry-After": "60"}))


@pytest.fixture(params=["http/protobuf", "grpc"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def endpoint_of(receiver: OtlpReceiver, protocol: str) -> str:
    return receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint


def test_shutdown_ends_when_no_further_try_fits() -> None:
    with OtlpReceiver(script=BUSY) as receiver, bridge(receiver.http_endpoint) as made:
        made.log.info("hello")
        receiver.wait_for_requests(1, 10.0)
        started = time.monotonic()
        assert not made.shutdown(LONG)
        assert time.monotonic() - started < SOON
        stats = made.stats()
    assert (stats.submitted, stats.dropped_by_reason) == (1, {"shutdown": 1})
    # Shutdown ends the wait with one attempt; where it began before the first had been answered, that one was it.
    assert len(receiver.requests) in (1, 2)


def test_export_ends_when_no_further_try_fits() -> None:
    kept = InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    provider.get_logger("shop").emit(body="hello")
    batch = kept.get_finished_logs()
    with OtlpReceiver(script=BUSY) as receiver:
        exporter = fapilog_otel.FapilogLogRecordExporter(endpoint=receiver.http_endpoint + "/v1/logs", timeout=LONG)
        started = time.monotonic()
        assert exporter.export(batch) is LogRecordExportResult.FAILURE
        assert time.monotonic() - started < SOON
        assert len(receiver.requests) == 1
        exporter.shutdown()


def test_shutdown_of_a_refused_connection_tries_as_long_as_it_may(protocol: str) -> None:
    # The other side of it: short waits that do fit are made use of, up to the deadline and not beyond.
    with (
        OtlpReceiver(grpc_port=0) as receiver,
        ChaosProxy("127.0.0.1", port_of(endpoint_of(receiver, protocol))) as proxy,
        bridge(proxy.endpoint, protocol, retry={"initial": 0.2, "maximum": 0.2}) as made,
    ):
        proxy.apply(Refuse())
        made.log.info("hello")
        started = time.monotonic()
        assert not made.shutdown(1.0)
        assert 0.5 < time.monotonic() - started < 1.5
        assert made.stats().dropped_by_reason == {"shutdown": 1}
