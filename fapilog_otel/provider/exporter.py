"""The exporter face: our delivery under a stock batch processor, or ``OTEL_LOGS_EXPORTER=fapilog_otlp``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapilog_otel.assembly import chain_from, exporter_from, retry_policy
from fapilog_otel.buffer import exit as process_exit
from fapilog_otel.buffer.direct import DirectSender
from fapilog_otel.compat.sdk import LogRecordExporter, LogRecordExportResult
from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.contracts.encoded_logs import Segment
from fapilog_otel.encode.writer import chunks_from_records
from fapilog_otel.errors import ConfigError
from fapilog_otel.provider.sdk_records import ScopeCache, record_value
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fapilog_otel.model.record import Record
    from fapilog_otel.settings import Settings

_MANY = 1 << 31


class FapilogLogRecordExporter(LogRecordExporter):
    """Sends batches over OTLP and returns what really became of them; parameters as the stock OTLP exporters'.

    Args:
        endpoint: Full URL, used as it is; None: ``OTEL_EXPORTER_OTLP_[LOGS_]ENDPOINT``.
        certificate_file: CA bundle.
        client_key_file: Client key for mTLS.
        client_certificate_file: Client certificate for mTLS.
        headers: Request headers, a mapping, a callable, or ``k=v,k2=v2``.
        timeout: Seconds for a whole `export`, retries included.
        compression: ``"none"``, ``"gzip"``, ``"deflate"``, or the stock enums.
        session: Not honoured: our transport has no ``requests`` session.
        max_request_size: Bytes of a request before compression; larger batches are sent as several requests.
        meter_provider: For the exporter's own metrics; None: the global one.
        protocol: ``"http/protobuf"``, ``"http/json"`` or ``"grpc"``.
        insecure: Plaintext gRPC where the endpoint has no scheme.
        credentials: Not honoured: give certificates by file.
        channel_options: gRPC channel options.
        settings: ``fapilog_otel.Settings``; None: from the environment.

    Raises:
        ConfigError: An argument or a setting cannot be used.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        certificate_file: str | None = None,
        client_key_file: str | None = None,
        client_certificate_file: str | None = None,
        headers: Any = None,
        timeout: float | None = None,
        compression: Any = None,
        session: Any = None,
        *,
        max_request_size: int | None = None,
        meter_provider: Any = None,
        protocol: str | None = None,
        insecure: bool | None = None,
        credentials: Any = None,
        channel_options: Any = None,
        settings: Settings | None = None,
    ) -> None:
        _refuse("session", session, "use headers=, certificate_file= and the proxy variables instead")
        _refuse("credentials", credentials, "use certificate_file=, client_certificate_file= and client_key_file= instead")
        given = {
            "endpoint": endpoint,
            "certificate": certificate_file,
            "client_key": client_key_file,
            "client_certificate": client_certificate_file,
            "headers": headers,
            "timeout": timeout,
            "compression": _compression(compression),
            "protocol": protocol,
            "insecure": insecure,
        }
        self._settings = _settings(given, max_request_size, settings)
        self.meter_provider = meter_provider
        config = _destination(self._settings, endpoint, channel_options)
        self._chain = chain_from(self._settings)
        self._scopes = ScopeCache()
        self._limit = self._settings.max_request_size or _MANY
        self._sender = DirectSender(
            exporter_from("exporter", config, self._settings.plugins),
            self._settings.timeout,
            retry_policy(self._settings),
            get_diagnostics(),
        )
        process_exit.watch(self)

    def export(self, batch: Sequence[Any]) -> LogRecordExportResult:
        """Send a batch and wait for the outcome, retries included, at most ``timeout`` seconds.

        Args:
            batch: SDK ``ReadableLogRecord`` objects; they are read, never changed or kept.

        Returns:
            SUCCESS if the receiver took all of it; FAILURE otherwise, and after `shutdown`.
        """
        if self._sender.closed:
            return LogRecordExportResult.FAILURE
        records = [record_value(one, self._scopes.get(one.instrumentation_scope, one.resource)) for one in batch]
        kept = [record for record in map(self._inline, records) if record is not None]
        ok = True
        for request in self._requests(kept):
            parts = self._sender.send(request)
            if parts is None or any(part.error is not None for part in parts):
                ok = False
            elif any(part.result is not None and part.result.rejected for part in parts):
                ok = False
        return LogRecordExportResult.SUCCESS if ok else LogRecordExportResult.FAILURE

    def _inline(self, record: Record | None) -> Record | None:
        for stage in self._chain.plan.stages:
            if record is None:
                return None
            record = stage(record)
        return record

    def _requests(self, records: Sequence[Record]) -> list[EncodedLogs]:
        requests: list[EncodedLogs] = []
        for chunk in chunks_from_records(records, self._chain.plan, self._limit):
            lo = 0
            while lo < chunk.count:
                hi = chunk.cut(lo, self._limit, _MANY)
                requests.append(EncodedLogs([Segment(chunk, lo, hi)]))
                lo = hi
        return requests

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        """Nothing is buffered here: `export` has returned only when a batch was done with."""
        del timeout_millis
        return True

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """End a back-off under way at once, close the connection; later exports fail. A second call does nothing."""
        del timeout_millis
        process_exit.unwatch(self)
        self._sender.shutdown()


def _refuse(name: str, value: object, remedy: str) -> None:
    if value is not None:
        raise ConfigError(name, type(value).__name__, "it cannot be honoured", f"Leave it out; {remedy}")


def _compression(value: Any) -> object:
    """Give a compression as text; the stock enums of the HTTP and gRPC exporters are understood."""
    if value is None or isinstance(value, str):
        return value
    inner = getattr(value, "value", value)
    if isinstance(inner, str):
        return inner
    name = str(getattr(value, "name", value)).lower()
    return {"nocompression": "none", "no_compression": "none"}.get(name, name)


def _settings(given: Mapping[str, object], max_request_size: int | None, settings: Settings | None) -> Settings:
    from fapilog_otel.settings import load_settings  # noqa: PLC0415 - pydantic, and only at construction

    arguments = {name: value for name, value in given.items() if value is not None}
    if max_request_size is not None:
        arguments["max_request_size"] = max_request_size if max_request_size > 0 else None
    if settings is not None:
        arguments["settings"] = settings
    return load_settings(arguments)


def _destination(settings: Settings, endpoint: str | None, channel_options: Any) -> dict[str, object]:
    grpc = settings.protocol == "grpc"
    config: dict[str, object] = {
        "type": "otlp_grpc" if grpc else "otlp_http",
        "endpoint": endpoint or settings.endpoint_for(settings.protocol),
    }
    if not grpc:
        config["protocol"] = settings.protocol
    for name in (
        "headers", "headers_file", "timeout", "compression", "insecure", "certificate", "client_certificate", "client_key",
    ):
        value = getattr(settings, name)
        if value is not None:
            config[name] = value
    if channel_options is not None:
        if not grpc:
            raise ConfigError("channel_options", channel_options, "they are gRPC's", "Set protocol='grpc' or leave them out")
        config["channel_options"] = channel_options
    return config
