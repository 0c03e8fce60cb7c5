"""The processor face: our pipeline under a stock SDK ``LoggerProvider``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapilog_otel.assembly import destination_for, engine_spec
from fapilog_otel.buffer import exit as process_exit
from fapilog_otel.buffer.engine import Engine
from fapilog_otel.compat.sdk import LogRecordExporter, LogRecordProcessor
from fapilog_otel.contracts import Exporter
from fapilog_otel.encode.log_methods import record_fields
from fapilog_otel.encode.values import merge_attributes
from fapilog_otel.errors import ConfigError
from fapilog_otel.model.scope import Resource
from fapilog_otel.provider.sdk_records import ScopeCache
from fapilog_otel.telemetry.accounting import Stats
from fapilog_otel.telemetry.origin import is_internal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fapilog_otel.buffer.spec import Destination
    from fapilog_otel.provider.provider import LoggerProvider
    from fapilog_otel.settings import Settings


class _RecordFeed:
    """Hands SDK records to an engine, with a scope of ours for each of the SDK's."""

    def __init__(self) -> None:
        self._scopes = ScopeCache()

    def feed(self, engine: Engine, log_record: Any) -> None:
        """Submit an SDK record; the record itself, which other processors share, is only read."""
        if is_internal():
            return
        resource = log_record.resource if log_record.resource is not None else _NO_RESOURCE
        scope = self._scopes.get(log_record.instrumentation_scope, resource)
        fields = record_fields(log_record)
        dropped = log_record.dropped_attributes
        if dropped:
            attributes = merge_attributes(engine.core.plan, fields[5], None)
            engine.core.submit_fields(scope, *fields[:5], attributes, fields[6], fields[8], dropped)
        else:
            engine.core.submit(scope, *fields[:6], None, *fields[6:])


_NO_RESOURCE = Resource()


class FapilogLogRecordProcessor(LogRecordProcessor):
    """Puts fapilog's pipeline under a stock SDK provider; parameters as ``BatchLogRecordProcessor``, ours by keyword.

    Args:
        exporter: Ours or any SDK ``LogRecordExporter``; None: the destinations of the settings.
        schedule_delay_millis: ms after which waiting records are sent.
        max_export_batch_size: Records a request; None: only bytes count.
        export_timeout_millis: Default ms of `force_flush`.
        max_queue_size: Records that may wait; None: only ``max_queue_bytes`` counts.
        meter_provider: For the processor's own metrics; None: the global one.
        settings: ``fapilog_otel.Settings``; None: from the environment.

    Raises:
        ConfigError: An argument or a setting cannot be used.
    """

    def __init__(
        self,
        exporter: Exporter | LogRecordExporter | None = None,
        schedule_delay_millis: float | None = None,
        max_export_batch_size: int | None = None,
        export_timeout_millis: float | None = None,
        max_queue_size: int | None = None,
        *,
        meter_provider: Any = None,
        settings: Settings | None = None,
    ) -> None:
        given = _checked(schedule_delay_millis, max_export_batch_size, export_timeout_millis, max_queue_size)
        self._settings = _settings(given, settings)
        self.meter_provider = meter_provider
        self._feed = _RecordFeed()
        self._engine = Engine(engine_spec(self._settings, destinations=_destinations(exporter, self._settings)))
        process_exit.watch(self)

    def on_emit(self, log_record: Any) -> None:
        """Take a record (SDK ``ReadWriteLogRecord``); it is encoded at once and not kept."""
        self._feed.feed(self._engine, log_record)

    def enabled(
        self,
        *,
        context: Any = None,
        instrumentation_scope: Any = None,
        severity_number: Any = None,
        event_name: str | None = None,
    ) -> bool:
        """Tell whether the pipeline's filters would let such a record pass."""
        del context, event_name
        number = 0 if severity_number is None else int(getattr(severity_number, "value", severity_number))
        name = getattr(instrumentation_scope, "name", "") or ""
        return not self._engine.closed and self._engine.spec.chain.filters_enabled(number, name)

    def shutdown(self) -> None:
        """Deliver what is pending within ``shutdown_timeout`` and stop, once."""
        process_exit.unwatch(self)
        self._engine.shutdown(self._settings.shutdown_timeout)

    def force_flush(self, timeout_millis: float | None = None) -> bool:
        """Deliver what is pending.

        Args:
            timeout_millis: ms; None: ``export_timeout_millis``, else ``OTEL_BLRP_EXPORT_TIMEOUT``, else 30 s.

        Returns:
            True if all of it was delivered in time; False after shutdown.
        """
        if self._engine.closed:
            return False
        seconds = self._settings.flush_timeout if timeout_millis is None else timeout_millis / 1000
        return self._engine.flush(seconds)

    def stats(self) -> Stats:
        """Count everything at one instant."""
        return self._engine.stats()


class EngineProcessor(LogRecordProcessor):
    """Feeds a foreign SDK provider's records to the engine of our configured provider.

    Args:
        provider: Ours; its engine may be replaced meanwhile.
    """

    def __init__(self, provider: LoggerProvider) -> None:
        self._provider = provider
        self._feed = _RecordFeed()

    def on_emit(self, log_record: Any) -> None:
        """Take a record."""
        engine = self._provider.engine
        if engine is not None:
            self._feed.feed(engine, log_record)

    def shutdown(self) -> None:
        """Leave our provider alone: its own handle shuts it down."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Deliver what is pending; see ``LoggerProvider.force_flush``."""
        engine = self._provider.engine
        return True if engine is None else engine.flush(timeout_millis / 1000)


def _checked(
    delay: float | None, batch: int | None, timeout: float | None, queue: int | None
) -> dict[str, object]:
    for name, value in (
        ("schedule_delay_millis", delay),
        ("max_export_batch_size", batch),
        ("export_timeout_millis", timeout),
        ("max_queue_size", queue),
    ):
        if value is not None and value <= 0:
            raise ConfigError(name, value, "it must be positive", "Give a positive number, or leave it out")
    if batch is not None and queue is not None and batch > queue:
        raise ConfigError(
            "max_export_batch_size", batch, f"it is greater than max_queue_size={queue}", "Make it at most max_queue_size"
        )
    return {
        "schedule_delay": None if delay is None else delay / 1000,
        "max_export_batch_size": batch,
        "flush_timeout": None if timeout is None else timeout / 1000,
        "max_queue_size": queue,
    }


def _settings(given: dict[str, object], settings: Settings | None) -> Settings:
    from fapilog_otel.settings import load_settings  # noqa: PLC0415 - pydantic, and only at construction

    named = {name: value for name, value in given.items() if value is not None}
    return load_settings({**named, **({} if settings is None else {"settings": settings})})


def _destinations(exporter: Any, settings: Settings) -> Sequence[Destination] | None:
    if exporter is None:
        return None
    if isinstance(exporter, Exporter) and not hasattr(exporter, "force_flush"):
        return [destination_for("exporter", exporter, settings)]
    if not callable(getattr(exporter, "export", None)):
        raise ConfigError("exporter", exporter, "it has no export()", "Pass an exporter of ours or an SDK LogRecordExporter")
    config = {"type": "sdk_adapter", "exporter": exporter}
    return [destination_for("exporter", config, settings)]
