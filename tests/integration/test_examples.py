"""Every example, run as a user would, against a real Collector."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from fapilog_otel.receiver import ReceivedLog
from tests.receivers import Collector

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 10.0

BODIES: dict[str, list[object]] = {
    "quickstart.py": ["order placed", "payment failed", "the mail server is slow"],
    "stdlib_logging.py": ["order placed", "payment of o-1 failed", "pricing o-1"],
    "otel_logs_api.py": ["mail handed over", {"order": "o-1", "items": ["tea pot", "samovar"]}],
    "provider.py": ["order placed"],
    "processor_under_sdk.py": ["customer logged in"],
    "exporter_under_batch_processor.py": ["order placed"],
    "custom_stage.py": ["request"],
    "custom_exporter.py": ["payment failed"],
    "health.py": ["order placed"],
    "several_destinations.py": ["order placed", "payment failed", "the last one is sold"],
    "structlog_service.py": ["order placed", "payment failed"],
    "loguru_service.py": ["order o-1 placed", "the mail server is slow", "payment failed"],
    "fapilog_service.py": ["order placed", "price changed"],
    "asyncio_service.py": [
        *(f"card charged for o-{number}" for number in range(3)),
        *["order done"] * 3,
        *["order received"] * 3,
    ],
}


class Example:
    """Runs examples with a resource attribute of this test's own, by which their records are found.

    Args:
        endpoint: Where they send to.
        folder: Where they run.
    """

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.run_id = str(uuid.uuid4())
        self._folder = folder
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("OTEL_", "FAPILOG_OTEL_"))}
        self._environment = {
            **kept,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_RESOURCE_ATTRIBUTES": f"test.run={self.run_id}",
        }

    def __call__(self, name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(EXAMPLES / name)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self._folder,
            env=self._environment,
        )

    def arrived(self, collector: Collector, count: int) -> list[ReceivedLog]:
        """Waits for so many records of this run, and gives them once no further one comes."""
        deadline = time.monotonic() + PATIENCE
        while len(found := self._of_this_run(collector)) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def _of_this_run(self, collector: Collector) -> list[ReceivedLog]:
        return [log for log in collector.records() if log.resource.get("test.run") == self.run_id]


@pytest.fixture
def example(collector: Collector, tmp_path: Path) -> Example:
    return Example(collector.http_endpoint, tmp_path)


class TestExamples:
    def test_each_of_them_is_run_here(self) -> None:
        assert {path.name for path in EXAMPLES.glob("*.py")} == set(BODIES)

    @pytest.mark.parametrize("name", sorted(BODIES))
    def test_its_records_arrive_in_their_trace(self, example: Example, collector: Collector, name: str) -> None:
        done = example(name)
        assert done.returncode == 0, done.stderr
        logs = example.arrived(collector, len(BODIES[name]))
        assert sorted(map(repr, (log.body for log in logs))) == sorted(map(repr, BODIES[name]))
        for log in logs:
            assert re.fullmatch("[0-9a-f]{32}", log.trace_id), log
            assert re.fullmatch("[0-9a-f]{16}", log.span_id), log
            assert log.resource["service.name"] == "shop"

    def test_secrets_in_them_are_masked(self, example: Example, collector: Collector) -> None:
        example("quickstart.py")
        example("processor_under_sdk.py")
        logs = example.arrived(collector, 4)
        assert len(logs) == 4
        assert "4111" not in repr(logs)
        assert "hunter2" not in repr(logs)
        assert {log.attributes.get("password") for log in logs} == {None, "***"}

    def test_quickstart_counts_what_was_delivered(self, example: Example) -> None:
        assert example("quickstart.py").stdout == "3 of 3 records were delivered.\n"

    def test_a_filtered_record_is_counted_and_does_not_arrive(self, example: Example, collector: Collector) -> None:
        assert example("custom_stage.py").stdout == "delivered 1, filtered 1\n"
        (log,) = example.arrived(collector, 1)
        assert log.attributes == {"path": "/cart", "tenant": "tea lovers"}

    def test_an_exporter_of_ones_own_gets_the_same_records(self, example: Example, collector: Collector) -> None:
        done = example("custom_exporter.py")
        (log,) = example.arrived(collector, 1)
        assert done.stdout.splitlines() == [
            "collector: delivered 1 of 1",
            "database: delivered 1 of 1",
            f"[('payment failed', '{log.trace_id}')]",
        ]

    def test_each_destination_gets_its_levels(self, example: Example, tmp_path: Path) -> None:
        done = example("several_destinations.py")
        assert done.stdout.splitlines() == [
            "collector: delivered 3, left out 0, of 3",
            "archive: delivered 2, left out 1, of 3",
            "terminal: delivered 1, left out 2, of 3",
        ]
        assert "order placed" not in (tmp_path / "warnings.jsonl").read_text()
        assert "the last one is sold" in (tmp_path / "warnings.jsonl").read_text()
        (line,) = done.stderr.splitlines()
        assert "payment failed" in line

    def test_health_and_metrics_are_served(self, example: Example) -> None:
        done = example("health.py")
        assert done.stdout.splitlines() == [
            "{'otlp': 'ok'}",
            'otel_sdk_exporter_log_exported_total{destination="otlp",error_type=""} 1.0',
        ], done.stderr

    def test_tasks_keep_their_traces_apart(self, example: Example, collector: Collector) -> None:
        example("asyncio_service.py")
        orders: dict[str, set[object]] = {}
        for log in example.arrived(collector, 9):
            orders.setdefault(log.trace_id, set()).add(log.attributes["order_id"])
        assert sorted(map(list, orders.values())) == [["o-0"], ["o-1"], ["o-2"]]

    def test_each_librarys_event_comes_from_where_it_was_logged(self, example: Example, collector: Collector) -> None:
        done = example("loguru_service.py")
        scopes = {log.body: log.scope.name for log in example.arrived(collector, 3)}
        assert scopes == {
            "order o-1 placed": "__main__", "the mail server is slow": "shop.mail", "payment failed": "__main__",
        }  # fmt: skip
        assert done.stderr.splitlines()[:2] == ["SUCCESS order o-1 placed", "WARNING the mail server is slow"]

    def test_the_terminal_shows_what_logging_was_told_to(self, example: Example) -> None:
        lines = example("stdlib_logging.py").stderr.splitlines()
        assert lines[0] == "ERROR:shop.cart:payment of o-1 failed"
        assert not any("pricing" in line or "order placed" in line for line in lines)


class TestWithoutACollector:
    def test_quickstart_says_so_and_ends_soon(self, closed_port: int, tmp_path: Path) -> None:
        started = time.monotonic()
        done = Example(f"http://127.0.0.1:{closed_port}", tmp_path)("quickstart.py")
        assert done.returncode == 0
        assert done.stdout.splitlines() == [
            "0 of 3 records were delivered: nobody answers.",
            "Start a collector, or see it work without one: fapilog-otel demo",
        ]
        assert time.monotonic() - started < 15  # about four seconds where nothing else runs


class TestPytestExample:
    def test_its_tests_pass(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "."],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            cwd=EXAMPLES / "pytest_capture",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "failed" not in done.stdout
