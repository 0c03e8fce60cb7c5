"""The exporter face: our delivery under a stock batch processor, or ``OTEL_LOGS_EXPORTER=fapilog_otlp``.

export(batch) ─► values ─► inline stages ─► requests ─► DirectSender ─► SUCCESS | FAILURE
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fapilog_otel.assembly import LevelGate, chain_from, configured_exporter, retry_policy
from fapilog_otel.buffer.direct import DirectSender
from fapilog_otel.compat.sdk import LogRecordExporter, LogRecordExportResult
from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.contracts.encoded_logs import Segment
from fapilog_otel.encode.writer import chunks_from_records
from fapilog_otel.errors import ConfigError
from fapilog_otel.provider.exporter_metrics import component, operation_attributes, server
from fapilog_otel.provider.exporter_options import ExporterOptions, read_options, refuse
from fapilog_otel.provider.metrics import observe_exporter
from fapilog_otel.provider.sdk_records import ScopeCache, record_value
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel.telemetry.origin import exporting
from fapilog_otel.telemetry.reasons import explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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
        headers: Request headers: a mapping, pairs, a callable, or ``k=v,k2=v2``.
        timeout: Seconds for a whole `export`, retries included.
        compression: ``"none"``, ``"gzip"``, ``"deflate"``, or the stock enums.
        session: Not honoured: our transport has no ``requests`` session.
        max_request_size: Bytes of a request before compression: a larger batch is sent as several requests, a single
            record above it is not sent. 0: no bound. None: the settings'.
        meter_provider: For metrics about itself, under ``OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED=true`` as in the
            SDK; None: the global one.
        protocol: ``"http/protobuf"``, ``"http/json"`` or ``"grpc"``.
        insecure: Plaintext gRPC where the endpoint has no scheme.
        credentials: Not honoured: give certificates by file.
        channel_options: gRPC channel options.
        retryable_error_codes: Not honoured: the OTLP specification says which they are.
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
        retryable_error_codes: Any = None,
        settings: Settings | None = None,
    ) -> None:
        refuse("use headers=, certificate_file= and the proxy variables instead", session=session)
        refuse("use certificate_file=, client_certificate_file= and client_key_file= instead", credentials=credentials)
        refuse("what OTLP calls retryable is retried", retryable_error_codes=retryable_error_codes)
        given = {
            "endpoint": endpoint,
            "certificate": certificate_file,
            "client_key": client_key_file,
            "client_certificate": client_certificate_file,
            "headers": headers,
            "timeout": timeout,
            "compression": compression,
            "protocol": protocol,
            "insecure": insecure,
        }
        self._options = read_options(given, max_request_size, channel_options, settings)
        self._build(self._options, meter_provider)

    def _build(self, options: ExporterOptions, meter_provider: Any) -> None:
        resolved = options.settings
        self._chain = chain_from(resolved)
        if self._chain.deferred:
            names = [stage.name for stage in self._chain.deferred]
            remedy = "Make them inline, or use FapilogLogRecordProcessor or LoggerProvider"
            raise ConfigError("stages", names, "deferred stages cannot run in an exporter", remedy)
        self._gate = LevelGate(resolved.level_number or 0, resolved.level_numbers)
        self._scopes = ScopeCache(self._chain.redaction)
        self._sender = DirectSender(
            configured_exporter("exporter", options.destination, resolved),
            resolved.timeout,
            retry_policy(resolved),
            get_diagnostics(),
        )
        self.outcomes: Counter[str] = Counter()
        """Records by outcome: the reason of a failure, empty for success."""
        self.in_flight = 0
        self._counting = threading.Lock()
        endpoint = str(options.destination["endpoint"])
        self._attributes: Mapping[str, Any] = {**component(options.component_type), **server(endpoint)}
        self._duration = observe_exporter(self, meter_provider, self._attributes)

    def export(self, batch: Sequence[Any]) -> LogRecordExportResult:
        """Send a batch and wait for the outcome, retries included, at most ``timeout`` seconds.

        Args:
            batch: SDK ``ReadableLogRecord`` objects; they are read, never changed or kept.

        Returns:
            SUCCESS if the receiver took all of it; FAILURE otherwise, and after `shutdown`.
        """
        outcome: Counter[str] = Counter()
        with self._operation(len(batch), outcome), exporting():
            if self._sender.closed:
                outcome["already_shutdown"] += len(batch)
                _lost("already_shutdown", "an exporter was given records after its shutdown")
            else:
                self._send(batch, outcome)
        failed = self._sender.closed or any(number for reason, number in outcome.items() if reason)
        return LogRecordExportResult.FAILURE if failed else LogRecordExportResult.SUCCESS

    @contextmanager
    def _operation(self, count: int, outcome: Counter[str]) -> Iterator[None]:
        started = time.monotonic()
        with self._counting:
            self.in_flight += count
        try:
            yield
        finally:
            with self._counting:
                self.in_flight -= count
                self.outcomes.update(outcome)
            if self._duration is not None:
                reason = next((reason for reason, number in outcome.items() if reason and number), "")
                self._duration.record(time.monotonic() - started, operation_attributes(self._attributes, reason))

    def _send(self, batch: Sequence[Any], outcome: Counter[str]) -> None:
        try:
            deadline = time.monotonic() + self._options.settings.timeout  # over all requests of the batch
            for request in self._requests(self._kept(batch, outcome)):
                self._send_one(request, deadline, outcome)
        except Exception as error:  # noqa: BLE001 - stages, values and transports are others' code; the caller gets FAILURE
            outcome["error"] += max(len(batch) - sum(outcome.values()), 1)
            _lost("error", "a batch could not be sent", cause=repr(error))

    def _kept(self, batch: Sequence[Any], outcome: Counter[str]) -> Iterator[Record]:
        for one in batch:
            record = record_value(one, self._scopes)
            if record is None:
                outcome["unreadable"] += 1
                continue
            if 0 < record.severity_number < self._gate.of(record.scope.name):
                continue
            staged = self._inline(self._with_static(record))
            if staged is not None:
                yield staged

    def _with_static(self, record: Record) -> Record:
        static = self._chain.plan.static_attributes
        return record.replace(attributes={**static, **record.attributes}) if static else record

    def _inline(self, record: Record | None) -> Record | None:
        for stage in self._chain.plan.stages:
            if record is None:
                return None
            record = stage(record)
        return record

    def _requests(self, records: Iterable[Record]) -> Iterator[EncodedLogs]:
        limit = self._options.max_request_size
        for chunk in chunks_from_records(records, self._chain.plan, limit):
            lo = 0
            while lo < chunk.count:
                hi = chunk.cut(lo, limit, _MANY)
                yield EncodedLogs([Segment(chunk, lo, hi)])
                lo = hi

    def _send_one(self, request: EncodedLogs, deadline: float, outcome: Counter[str]) -> None:
        if self._options.strict_size and sum(map(len, request.body())) > self._options.max_request_size:
            if request.count > 1:
                for half in request.split():
                    self._send_one(half, deadline, outcome)
                return
            outcome["RequestPayloadTooLargeError"] += 1  # the stock exporters' word
            text = "a record is larger than max_request_size; it was not sent"
            _lost("RequestPayloadTooLargeError", text, size=request.size)
            return
        parts = self._sender.send(request, deadline)
        if parts is None:
            reason = "shutdown" if self._sender.closed else "timeout"
            outcome[reason] += request.count
            _lost(reason, "a request was given up: no time was left for it", records=request.count)
            return
        for part in parts:
            count = part.request.count
            rejected = 0 if part.result is None else min(max(part.result.rejected, 0), count)
            if part.error is not None:
                outcome[part.error.reason or "error"] += count
                continue
            if rejected:
                outcome["rejected"] += rejected
            if rejected < count:
                outcome[""] += count - rejected

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing is buffered here: `export` has returned only when a batch was done with."""
        del timeout_millis
        return True

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """End a back-off under way at once, close the connection; later exports fail. A second call does nothing."""
        del timeout_millis
        self._sender.shutdown()


def _lost(reason: str, event: str, **fields: object) -> None:
    known = explain(reason)
    facts = {"reason": reason, "cause": known.cause, "remedy": known.remedy, **fields}
    get_diagnostics().report(f"exporter.{reason}", event, level="warning", **facts)
