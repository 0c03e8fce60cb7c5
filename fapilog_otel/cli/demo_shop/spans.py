"""The shop's spans: the OpenTelemetry SDK and its stock OTLP exporters, over which we only keep count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from fapilog_otel.settings import Settings

_TIMEOUT = 2.0  # seconds that a stock exporter may try


class CountedSpans(SpanExporter):
    """A span exporter that knows how many spans were taken and how many were not.

    Args:
        exporter: What exports them.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.accepted = 0
        self.refused = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export and count."""
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.accepted += len(spans)
        else:
            self.refused += len(spans)
        return result

    def shutdown(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter."""
        return self._exporter.force_flush(timeout_millis)


def tracer_provider(service: str, exporters: Sequence[SpanExporter]) -> TracerProvider:
    """Give a tracer provider, not the global one, that samples everything and exports to each exporter."""
    provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource({"service.name": service}), shutdown_on_exit=False)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def spans_over_http(url: str, headers: Mapping[str, str] | None = None, certificate: str | None = None) -> CountedSpans:
    """Give the stock OTLP/HTTP span exporter, counted.

    Args:
        url: Base URL, or the URL of logs, whose path is exchanged for that of traces.
        headers: Request headers.
        certificate: Path of a CA bundle.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    parts = urlsplit(url)
    path = parts.path.rstrip("/").removesuffix("/v1/logs") + "/v1/traces"
    endpoint = parts._replace(path=path).geturl()
    return CountedSpans(
        OTLPSpanExporter(endpoint=endpoint, headers=headers, certificate_file=certificate, timeout=_TIMEOUT)
    )


def spans_like_logs(settings: Settings) -> CountedSpans:
    """Give the stock span exporter for where the settings send logs: same host, protocol and credentials."""
    protocol, url = settings.logs_endpoint()
    given = settings.headers() if callable(settings.headers) else settings.headers
    headers = dict(given) if given else None
    certificate = str(settings.certificate) if isinstance(settings.certificate, str) else None
    if protocol != "grpc":
        return spans_over_http(url, headers, certificate)
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    insecure = url.startswith("http://")
    # gRPC metadata is in lower case, whatever the user wrote.
    metadata = {name.lower(): value for name, value in headers.items()} if headers else None
    return CountedSpans(OTLPSpanExporter(endpoint=url, insecure=insecure, headers=metadata, timeout=_TIMEOUT))
