"""`import fapilog_otel` loads nothing heavy: the price is paid by whoever uses the part that needs it."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

import pytest

HEAVY = (
    "asyncio",
    "fapilog_otel.cli",
    "fapilog_otel.settings.root",
    "fapilog_otel_exporters",
    "fastapi",
    "grpc",
    "opentelemetry",
    "prometheus_client",
    "pydantic",
    "pydantic_settings",
    "sqlite3",
    "ssl",
    "structlog",
    "typer",
)
IMPORT = "import fapilog_otel"
LOG = "import fapilog_otel; fapilog_otel.get_logger('shop').info('to nobody yet')"
NEEDED_TO_LOG = {"asyncio", "opentelemetry", "ssl"}  # the API itself, and asyncio, which imports ssl


@cache
def loaded_after(statement: str) -> frozenset[str]:
    """The modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    # Coverage would start itself in the child and load modules of its own.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=environ
    )
    return frozenset(done.stdout.split())


class TestImport:
    @pytest.mark.parametrize("module", HEAVY)
    def test_leaves_a_heavy_module_alone(self, module: str) -> None:
        assert module not in loaded_after(IMPORT)

    def test_makes_the_package_usable(self) -> None:
        assert "fapilog_otel" in loaded_after(IMPORT)


class TestExceptions:
    def test_can_be_imported_alone(self) -> None:
        loaded = loaded_after("from fapilog_otel.errors import ConfigError")
        assert "fapilog_otel.errors" in loaded
        assert not loaded.intersection(HEAVY)


class TestLoggerBeforeConfigure:
    @pytest.mark.parametrize("module", [name for name in HEAVY if name not in NEEDED_TO_LOG])
    def test_leaves_a_heavy_module_alone(self, module: str) -> None:
        assert module not in loaded_after(LOG)

    def test_leaves_the_sdk_alone(self) -> None:
        loaded = loaded_after(LOG)
        assert "opentelemetry.context" in loaded
        assert "opentelemetry.sdk" not in loaded


FIRST_RECORD = """
import fapilog_otel
from fapilog_otel.receiver import OtlpReceiver
with OtlpReceiver() as receiver:
    handle = fapilog_otel.configure(endpoint=receiver.http_endpoint)
    fapilog_otel.get_logger("shop").info("first")
    assert handle.flush(10)
    handle.shutdown()
"""
CONFIGURED = """
import fapilog_otel
fapilog_otel.configure(endpoint="http://127.0.0.1:9", sources=["stdlib"])
"""
NOT_TO_CONFIGURE = (
    "fapilog_otel.cli",
    "fapilog_otel.encode.json",
    "fapilog_otel.provider.exporter",
    "fapilog_otel.provider.processor",
    "fapilog_otel.receiver",
    "fapilog_otel.testing",
    "fapilog_otel_exporters.console",
    "fapilog_otel_exporters.memory",
    "fapilog_otel_exporters.otlp_file",
    "fapilog_otel_exporters.otlp_grpc",
    "fapilog_otel_exporters.sdk_adapter",
    "fapilog_otel_exporters.stdout_json",
    "fastapi",
    "google.protobuf",
    "grpc",
    "opentelemetry.exporter",
    "opentelemetry.proto",
    "opentelemetry.sdk._logs",
    "opentelemetry.sdk.metrics",
    "opentelemetry.sdk.trace",
    "prometheus_client",
    "pygments",
    "requests",
    "rich",
    "sqlite3",
    "structlog",
    "typer",
    "uvicorn",
)


class TestConfigure:
    """A process that logs over HTTP pays for HTTP and for nothing else."""

    @pytest.mark.parametrize("module", NOT_TO_CONFIGURE)
    def test_leaves_a_module_alone(self, module: str) -> None:
        assert module not in loaded_after(CONFIGURED)

    def test_loads_the_transport_in_use(self) -> None:
        assert "fapilog_otel_exporters.otlp_http._exporter" in loaded_after(CONFIGURED)


class TestFirstRecord:
    @pytest.mark.parametrize("module", ["structlog", "rich", "opentelemetry.sdk._logs"])
    def test_leaves_a_module_alone(self, module: str) -> None:
        assert module not in loaded_after(FIRST_RECORD)
