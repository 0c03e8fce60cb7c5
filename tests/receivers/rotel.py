"""rotel, a collector written in Rust: OTLP in, OTLP on to a receiver in this process."""

from __future__ import annotations

import importlib.util
import os
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fapilog_otel.receiver import OtlpReceiver
from tests.receivers.process import HOST, ReceiverError, ReceiverProcess, accepts_connections

if TYPE_CHECKING:
    from fapilog_otel.receiver import ReceivedLog


class Rotel(ReceiverProcess):
    """A rotel agent; it has no file output, so it forwards over gRPC to our receiver, from which `records` reads."""

    name: ClassVar[str] = "rotel"
    port_names: ClassVar[tuple[str, ...]] = ("grpc", "http")

    def __init__(self) -> None:
        super().__init__()
        self._behind = OtlpReceiver(http_port=None, grpc_port=0)

    @property
    def grpc_endpoint(self) -> str:
        """URL of OTLP/gRPC."""
        return self.endpoint("grpc")

    @property
    def http_endpoint(self) -> str:
        """Base URL of OTLP/HTTP, without `/v1/logs`."""
        return self.endpoint("http")

    def records(self, service: str | None = None) -> list[ReceivedLog]:
        """The log records that it has forwarded so far."""
        logs = self._behind.logs
        return logs if service is None else [log for log in logs if log.resource.get("service.name") == service]

    def environment(self) -> dict[str, str]:
        """Ours, and where the agent finds the Python library that it was linked against for its processors."""
        folders = [str(sysconfig.get_config_var("LIBDIR")), os.environ.get("LD_LIBRARY_PATH", "")]
        return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(filter(None, folders))}

    def is_ready(self) -> bool:
        """Whether both its ports take connections."""
        return all(accepts_connections(port) for port in self.ports.values())

    def command(self) -> list[str]:
        """Starts the receiver behind it and gives the command line."""
        if not self._behind.running:
            self._resources.enter_context(self._behind)
        return [
            str(_find_agent()),
            "start",
            f"--otlp-grpc-endpoint={HOST}:{self.ports['grpc']}",
            f"--otlp-http-endpoint={HOST}:{self.ports['http']}",
            "--exporter=otlp",
            f"--otlp-exporter-endpoint={self._behind.grpc_endpoint}",
            "--otlp-exporter-protocol=grpc",
            "--otlp-exporter-retry-initial-backoff=100ms",
            "--batch-timeout=20ms",
        ]


def _find_agent() -> Path:
    spec = importlib.util.find_spec("rotel")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (agent := Path(folder) / "rotel-agent").is_file():
            return agent
    raise ReceiverError("the rotel package with its agent is not installed: pip install rotel")
