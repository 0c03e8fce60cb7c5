"""What Prometheus reads is the account, number for number."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from prometheus_client import CollectorRegistry, make_wsgi_app, start_http_server
from prometheus_client.parser import text_string_to_metric_families

import fapilog_otel as fo
from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from fapilog_otel.telemetry.health import STATES
from fapilog_otel_exporters.memory import MemoryExporter
from tests.contract.faces_support import clean_environment, configure, memory, receiver, run_python, until

__all__ = ["clean_environment", "configure", "memory", "receiver"]

Configure = Callable[..., fo.Handle]
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted((name, value) for name, value in sample.labels.items() if value))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(registry: CollectorRegistry) -> Samples:
    """One scrape of the WSGI application that users mount at /metrics."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    body = make_wsgi_app(registry)(environ, lambda status, headers: None)
    return parsed(b"".join(body).decode())


def of(samples: Samples, metric: str, **labels: str) -> float | None:
    return samples.get((metric, tuple(sorted(labels.items()))))


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry(auto_describe=True)


@pytest.fixture
def busy(receiver: OtlpReceiver, configure: Configure) -> fo.Handle:
    """A bridge with two destinations: one that delivered, had records rejected and refused, one that takes errors."""
    receiver.script = Script([Reply(), Reply(rejected=1, message="too old"), Reply(status=400), Reply(status=503)])
    handle = configure(
        exporters={
            "main": {"type": "otlp_http", "endpoint": receiver.http_endpoint},
            "errors": {"type": "memory", "level": "ERROR"},
        },
        sources=[],
        level="DEBUG",
        stages=[Choosy()],
    )
    log = fo.get_logger("shop")
    for level in ("debug", "info", "error", "warning"):
        getattr(log, level)("one", number=1)
        getattr(log, level)("two", number=2)
        log.info("left out")
        handle.flush(5)
    return handle


class Choosy:
    """A filter that leaves a message out."""

    name = "choosy"
    phase = "filter"
    inline = True

    def __call__(self, record: fo.Record) -> fo.Record | None:
        return None if record.body == "left out" else record


def assert_equal(samples: Samples, handle: fo.Handle) -> None:
    """Compare every number of the account with what was scraped."""
    stats = handle.stats()
    assert of(samples, "otel_sdk_log_created_total") == stats.submitted
    assert of(samples, "otel_sdk_processor_log_processed_total") == stats.delivered + stats.failed + stats.filtered
    for reason, number in stats.dropped_by_reason.items():
        assert of(samples, "otel_sdk_processor_log_processed_total", error_type=reason) == number
    assert of(samples, "otel_sdk_processor_log_queue_size") == stats.in_flight
    for name, one in stats.destinations.items():
        assert of(samples, "otel_sdk_exporter_log_exported_total", destination=name) == one.delivered
        for reason, number in one.failed_by_reason.items():
            found = of(samples, "otel_sdk_exporter_log_exported_total", destination=name, error_type=reason)
            assert found == number
        for reason in (*one.failed_by_reason, *one.dropped_by_reason):
            number = one.failed_by_reason.get(reason, 0) + one.dropped_by_reason.get(reason, 0)
            assert of(samples, "fapilog_otel_log_lost_total", destination=name, error_type=reason) == number
        for band, lane in one.lanes.items():
            for outcome in ("submitted", "delivered", "filtered", "dropped", "failed"):
                labels = {"destination": name, "severity": band, "outcome": outcome}
                assert of(samples, "fapilog_otel_log_records_total", **labels) == getattr(lane, outcome)
            assert of(samples, "fapilog_otel_log_in_flight", destination=name, severity=band) == lane.in_flight
        assert of(samples, "fapilog_otel_queue_records", destination=name) == one.in_flight


class TestScrape:
    def test_equals_the_account_exactly(self, busy: fo.Handle, registry: CollectorRegistry) -> None:
        busy.register_prometheus(registry)
        stats = busy.stats()
        assert stats.destinations["main"].failed_by_reason == {"rejected": 1, "http_400": 2}
        assert stats.destinations["main"].filtered == 4
        assert_equal(scraped(registry), busy)

    def test_over_http_is_the_same(self, busy: fo.Handle, registry: CollectorRegistry) -> None:
        busy.register_prometheus(registry)
        server, thread = start_http_server(0, "127.0.0.1", registry)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=5) as reply:
                assert_equal(parsed(reply.read().decode()), busy)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def test_tells_drops_and_what_waits(
        self, receiver: OtlpReceiver, configure: Configure, registry: CollectorRegistry
    ) -> None:
        receiver.script = Script(then=Reply(status=503, headers={"Retry-After": "60"}))
        handle = configure(endpoint=receiver.http_endpoint, sources=[], max_queue_bytes=65536, schedule_delay=0.01)
        handle.register_prometheus(registry)
        for _ in range(100):
            fo.get_logger("shop").info("x" * 2000)
        until(lambda: handle.health().destinations["otlp"].records_under_way)
        samples = scraped(registry)
        assert_equal(samples, handle)
        assert (of(samples, "fapilog_otel_log_lost_total", destination="otlp", error_type="queue_full") or 0) > 0
        found = handle.health().destinations["otlp"]
        assert of(samples, "otel_sdk_exporter_log_inflight", destination="otlp") == found.records_under_way
        assert of(samples, "fapilog_otel_queue_bytes", destination="otlp") == found.queue_bytes
        assert of(samples, "fapilog_otel_queue_capacity_bytes", destination="otlp") == 65536
        handle.shutdown(0.1)

    def test_holds_the_histogram_of_deliveries_with_their_retries(
        self, busy: fo.Handle, registry: CollectorRegistry
    ) -> None:
        busy.register_prometheus(registry)
        samples = scraped(registry)
        metric = "otel_sdk_exporter_operation_duration_seconds"
        counts = {
            reason: of(samples, f"{metric}_count", destination="main", **({"error_type": reason} if reason else {}))
            for reason in ("", "rejected", "http_400", "http_503")
        }
        assert counts == {"": 2, "rejected": 1, "http_400": 1, "http_503": None}  # 503 was tried again, and delivered
        assert of(samples, f"{metric}_bucket", destination="main", le="+Inf") == 2
        assert (of(samples, f"{metric}_bucket", destination="main", le="0.1") or 0) < 2  # a retry waits 0.25 s at least
        assert (of(samples, f"{metric}_sum", destination="main") or 0) >= 0.25
        assert of(samples, "fapilog_otel_destination_attempts_total", destination="main") == 5

    def test_tells_health(self, busy: fo.Handle, registry: CollectorRegistry) -> None:
        busy.register_prometheus(registry)
        samples = scraped(registry)
        health = busy.health()
        assert of(samples, "fapilog_otel_healthy") == 1 == health.healthy
        for name in health.destinations:
            found = {
                state: of(samples, "fapilog_otel_destination_state", destination=name, state=state) for state in STATES
            }
            assert found == {state: float(state == "ok") for state in STATES}
        at = of(samples, "fapilog_otel_destination_last_success_timestamp_seconds", destination="main")
        assert at == health.destinations["main"].last_success
        assert of(samples, "fapilog_otel_spool_bytes", destination="main") is None

    def test_tells_the_capacity_in_records_where_there_is_one(
        self, configure: Configure, registry: CollectorRegistry
    ) -> None:
        configure(exporters={"memory": {}}, sources=[], max_queue_size=700).register_prometheus(registry)
        assert of(scraped(registry), "otel_sdk_processor_log_queue_capacity") == 700

    def test_holds_nothing_that_the_documentation_does_not_name(
        self, busy: fo.Handle, registry: CollectorRegistry
    ) -> None:
        page = (Path(__file__).resolve().parents[3] / "docs" / "observability.md").read_text()
        named = set(re.findall(r"`((?:otel_sdk|fapilog_otel)_[a-z_]+)`", page.partition("## Prometheus")[2]))
        families = list(busy.register_prometheus(registry).collect())
        assert {f"{one.name}_total" if one.type == "counter" else one.name for one in families} == named


class TestRegistering:
    def test_twice_is_once(self, memory: MemoryExporter, configure: Configure, registry: CollectorRegistry) -> None:
        handle = configure(exporters={"memory": memory}, sources=[])
        assert handle.register_prometheus(registry) is handle.register_prometheus(registry)

    def test_the_default_registry_is_prometheus_clients_own(self, memory: MemoryExporter, configure: Configure) -> None:
        from prometheus_client import REGISTRY

        handle = configure(exporters={"memory": memory}, sources=[])
        handle.register_prometheus()
        fo.get_logger("shop").info("x")
        assert REGISTRY.get_sample_value("otel_sdk_log_created_total") == 1
        handle.shutdown(1)
        assert REGISTRY.get_sample_value("otel_sdk_log_created_total") is None

    def test_ends_with_the_bridge_so_that_the_next_one_can(
        self, configure: Configure, registry: CollectorRegistry
    ) -> None:
        for expected in (1, 2):
            handle = configure(exporters={"memory": MemoryExporter()}, sources=[])
            handle.register_prometheus(registry)
            for _ in range(expected):
                fo.get_logger("shop").info("x")
            assert of(scraped(registry), "otel_sdk_log_created_total") == expected
            handle.shutdown(1)
            assert scraped(registry) == {}

    def test_a_disabled_bridge_tells_zeros(self, configure: Configure, registry: CollectorRegistry) -> None:
        configure(disabled=True, sources=[]).register_prometheus(registry)
        assert of(scraped(registry), "otel_sdk_log_created_total") == 0

    def test_a_forked_child_tells_of_itself(self) -> None:
        found = run_python(
            """
            import json, os
            import fapilog_otel as fo
            from prometheus_client import REGISTRY
            handle = fo.configure(exporters={"memory": {}}, sources=[])
            handle.register_prometheus()
            log = fo.get_logger("shop")
            for _ in range(5):
                log.info("parent")
            read, write = os.pipe()
            if os.fork() == 0:
                log.info("child")
                os.write(write, str(REGISTRY.get_sample_value("otel_sdk_log_created_total")).encode())
                os._exit(0)
            child = float(os.read(read, 100))
            os.wait()
            print(json.dumps([child, REGISTRY.get_sample_value("otel_sdk_log_created_total")]))
            """
        )
        assert found == [1.0, 5.0]

    def test_prometheus_client_is_loaded_only_then(self) -> None:
        assert run_python(
            """
            import json, sys
            import fapilog_otel as fo
            handle = fo.configure(exporters={"memory": {}}, sources=[])
            handle.health(), handle.stats()
            before = "prometheus_client" in sys.modules
            handle.register_prometheus()
            print(json.dumps([before, "prometheus_client" in sys.modules]))
            """
        ) == [False, True]
