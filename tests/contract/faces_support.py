"""What the tests of the faces share: a clean environment, receivers, what is shut down, child interpreters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel as fo
from fapilog_otel.bootstrap import current_handle
from fapilog_otel.receiver import OtlpReceiver
from fapilog_otel_exporters.memory import MemoryExporter

TRACER = TracerProvider().get_tracer("tests")


class KeepingExporter(LogRecordExporter):
    """An SDK exporter that keeps what it is given."""

    def __init__(self, result: LogRecordExportResult = LogRecordExportResult.SUCCESS) -> None:
        self.result = result
        self.batches: list[list[Any]] = []
        self.shutdowns = 0

    @property
    def records(self) -> list[Any]:
        return [record for batch in self.batches for record in batch]

    def export(self, batch: Sequence[Any]) -> LogRecordExportResult:
        self.batches.append(list(batch))
        return self.result

    def shutdown(self) -> None:
        self.shutdowns += 1

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class Closing:
    """Shuts everything down at the end of a test."""

    def __init__(self) -> None:
        self._targets: list[Any] = []

    def __call__(self, target: Any) -> Any:
        self._targets.append(target)
        return target

    def close(self) -> None:
        for target in reversed(self._targets):
            target.shutdown()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test; which encoder is used stays as it is."""
    for name in tuple(os.environ):
        if name.startswith(("OTEL_", "FAPILOG_OTEL_")) and name != "FAPILOG_OTEL_NATIVE":
            monkeypatch.delenv(name)


@pytest.fixture
def closing() -> Iterator[Closing]:
    register = Closing()
    yield register
    register.close()


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver(keep_bodies=True) as server:
        yield server


@pytest.fixture
def memory() -> MemoryExporter:
    return MemoryExporter()


@pytest.fixture
def provider(memory: MemoryExporter, closing: Closing) -> fo.LoggerProvider:
    """A provider that delivers into memory."""
    return closing(fo.LoggerProvider(settings=fo.Settings(exporters={"memory": memory})))


@pytest.fixture
def configure() -> Iterator[Callable[..., fo.Handle]]:
    """``fo.configure`` whose handle is shut down at the end of the test."""
    yield fo.configure
    handle = current_handle()
    if handle is not None:
        handle.shutdown(1.0)


def delivered(provider: Any, memory: MemoryExporter) -> list[fo.Record]:
    """Flush and give all records that have arrived, in the order in which they were written."""
    assert provider.force_flush(5_000)
    return sorted(memory.records, key=lambda record: record.observed_timestamp)


def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come to hold in time"
        time.sleep(0.005)


def run_python(code: str, timeout: float = 30.0, **environment: str) -> Any:
    """Run code in an interpreter of its own and give what it printed, read as JSON.

    Args:
        code: Prints one JSON value on its last line.
        timeout: Seconds.
        **environment: Added to a clean environment.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FAPILOG_OTEL_"))}
    if "FAPILOG_OTEL_NATIVE" in os.environ:
        kept["FAPILOG_OTEL_NATIVE"] = os.environ["FAPILOG_OTEL_NATIVE"]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**kept, **environment},
        cwd=Path(__file__).parent,  # not the root: what lies there is not what is installed
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])
