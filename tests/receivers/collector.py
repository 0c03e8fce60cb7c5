"""The OpenTelemetry Collector: OTLP in, JSON files out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar, TypeVar

from fapilog_otel.receiver.decode import decode_logs, decode_spans
from tests.receivers.build import COLLECTOR, build
from tests.receivers.json_lines import GrowingFile
from tests.receivers.metric_points import MetricPoint, decode_metrics
from tests.receivers.process import HOST, ReceiverProcess

if TYPE_CHECKING:
    from fapilog_otel.receiver import ReceivedLog, ReceivedSpan, ReceiverTls

_Item = TypeVar("_Item", "ReceivedLog", "ReceivedSpan", "MetricPoint")


class Collector(ReceiverProcess):
    """A Collector that writes every request it accepts to a file, from which `records`, `spans` and
    `metrics` read.

    Its file exporter flushes every 20 ms, so what it accepted less than that before `kill` may be gone.

    Args:
        tls: The server side of TLS on both OTLP ports, with a client authority for mTLS.
        bearer_token: The token that requests must carry; None: no authentication.
        max_request_mib: Limit of a request on both ports, MiB; None: the Collector's own (gRPC 4, HTTP 20).
        reload_tls: Whether changed TLS files are taken up while it runs.
    """

    name: ClassVar[str] = "collector"
    port_names: ClassVar[tuple[str, ...]] = ("grpc", "http", "health")

    def __init__(
        self,
        *,
        tls: ReceiverTls | None = None,
        bearer_token: str | None = None,
        max_request_mib: int | None = None,
        reload_tls: bool = False,
    ) -> None:
        super().__init__()
        self._reload_tls = reload_tls
        self._tls = tls
        self._bearer_token = bearer_token
        self._max_request_mib = max_request_mib
        # New files for each start: the exporter truncates, and a killed process leaves half a line.
        self._logs: list[GrowingFile[ReceivedLog]] = []
        self._spans: list[GrowingFile[ReceivedSpan]] = []
        self._metrics: list[GrowingFile[MetricPoint]] = []

    @property
    def grpc_endpoint(self) -> str:
        """URL of OTLP/gRPC."""
        return self.endpoint("grpc", tls=self._tls is not None)

    @property
    def http_endpoint(self) -> str:
        """Base URL of OTLP/HTTP, without `/v1/logs`."""
        return self.endpoint("http", tls=self._tls is not None)

    def records(self, service: str | None = None) -> list[ReceivedLog]:
        """The log records in the file so far, in order of arrival."""
        return _of_service([log for file in self._logs for log in file.items()], service)

    def spans(self, service: str | None = None) -> list[ReceivedSpan]:
        """The spans in the file so far, in order of arrival."""
        return _of_service([span for file in self._spans for span in file.items()], service)

    def metrics(self, service: str | None = None) -> list[MetricPoint]:
        """The points of metrics in the file so far, in order of arrival."""
        return _of_service([point for file in self._metrics for point in file.items()], service)

    def is_ready(self) -> bool:
        """Whether its health check says so."""
        return self.http_answers(self.endpoint("health"))

    def command(self) -> list[str]:
        """Writes the configuration and gives the command line."""
        logs, spans, metrics = (
            self.folder / f"{signal}-{len(self._logs)}.json" for signal in ("logs", "spans", "metrics")
        )
        self._logs.append(GrowingFile(logs, lambda line: decode_logs(line, as_json=True)))
        self._spans.append(GrowingFile(spans, lambda line: decode_spans(line, as_json=True)))
        self._metrics.append(GrowingFile(metrics, decode_metrics))
        config = self.folder / "config.yaml"
        config.write_text(json.dumps(self._config(str(logs), str(spans), str(metrics)), indent=1))  # JSON is YAML
        return [str(build(COLLECTOR)), f"--config={config}"]

    def _config(self, logs: str, spans: str, metrics: str) -> dict[str, object]:
        extensions: dict[str, object] = {"health_check": {"endpoint": f"{HOST}:{self.ports['health']}"}}
        if self._bearer_token is not None:
            extensions["bearertokenauth"] = {"token": self._bearer_token}
        return {
            "extensions": extensions,
            "receivers": {"otlp": {"protocols": self._protocols()}},
            "exporters": {
                "file/logs": {"path": logs, "flush_interval": "20ms"},
                "file/spans": {"path": spans, "flush_interval": "20ms"},
                "file/metrics": {"path": metrics, "flush_interval": "20ms"},
            },
            "service": {
                "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
                "extensions": list(extensions),
                "pipelines": {
                    "logs": {"receivers": ["otlp"], "exporters": ["file/logs"]},
                    "traces": {"receivers": ["otlp"], "exporters": ["file/spans"]},
                    "metrics": {"receivers": ["otlp"], "exporters": ["file/metrics"]},
                },
            },
        }

    def _protocols(self) -> dict[str, dict[str, object]]:
        protocols: dict[str, dict[str, object]] = {
            name: {"endpoint": f"{HOST}:{self.ports[name]}"} for name in ("grpc", "http")
        }
        for protocol in protocols.values():
            if self._tls is not None:
                protocol["tls"] = _tls_config(self._tls, reload=self._reload_tls)
            if self._bearer_token is not None:
                protocol["auth"] = {"authenticator": "bearertokenauth"}
        if self._max_request_mib is not None:
            protocols["grpc"]["max_recv_msg_size_mib"] = self._max_request_mib
            protocols["http"]["max_request_body_size"] = self._max_request_mib * 1024 * 1024
        return protocols


def _tls_config(tls: ReceiverTls, *, reload: bool) -> dict[str, object]:
    config: dict[str, object] = {"cert_file": str(tls.certificate), "key_file": str(tls.key)}
    if tls.client_ca is not None:
        config |= {"client_ca_file": str(tls.client_ca), "client_ca_file_reload": reload}
    return {**config, "reload_interval": "50ms"} if reload else config


def _of_service(items: list[_Item], service: str | None) -> list[_Item]:
    return items if service is None else [item for item in items if item.resource.get("service.name") == service]
