"""The processor face: our pipeline under a stock SDK ``LoggerProvider``."""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Any

from fapilog_otel.assembly import LevelGate, destination_for, engine_spec
from fapilog_otel.buffer import exit as process_exit
from fapilog_otel.buffer.engine import Engine
from fapilog_otel.buffer.losses import tell_shutdown_losses
from fapilog_otel.compat import api
from fapilog_otel.compat.sdk import LogRecordExporter, LogRecordProcessor
from fapilog_otel.contracts import Exporter
from fapilog_otel.encode.log_methods import severity_value
from fapilog_otel.encode.values import merge_attributes
from fapilog_otel.errors import ConfigError
from fapilog_otel.provider.exporter_metrics import ExporterMetrics
from fapilog_otel.provider.metrics import observe_processor
from fapilog_otel.provider.sdk_records import ScopeCache, report_unreadable, sdk_fields
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel.telemetry.origin import EXPORTING, OUR_THREADS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fapilog_otel.buffer.spec import Destination
    from fapilog_otel.model.scope import Scope
    from fapilog_otel.pipeline import Chain
    from fapilog_otel.provider.provider import LoggerProvider
    from fapilog_otel.settings import Settings
    from fapilog_otel.telemetry.accounting import Stats


class RecordFeed:
    """Hands SDK records to an engine, with a scope of ours for each of the SDK's."""

    def __init__(self) -> None:
        self._scopes = ScopeCache()
        self._chain: Chain | None = None  # whose redaction the scopes were made with
        self._last: tuple[Any, Any, LevelGate | None, Any, int] = (None, None, None, None, 0)

    def feed(self, engine: Engine, log_record: Any, gate: LevelGate) -> None:
        """Submit an SDK record that passes the gate; it is only read; never raises an `Exception`."""
        if get_ident() in OUR_THREADS or EXPORTING.get():
            return
        core = engine.core
        try:
            sdk_scope, sdk_resource, known_gate, scope, floor = self._last
            if (
                log_record.instrumentation_scope is not sdk_scope
                or log_record.resource is not sdk_resource
                or gate is not known_gate
            ):
                scope, floor = self._read_scope(engine, log_record, gate)
            if core.submit_sdk(scope, floor, log_record):
                return
            fields = sdk_fields(log_record)
        except Exception as error:  # noqa: BLE001 - an object of any kind must not reach the application as an error
            report_unreadable(error)
            return
        if 0 < fields.severity < floor:
            return
        attributes = api.plain_attributes(fields.attributes)
        if fields.dropped:
            # The running context's attributes are added here; the record's own win.
            merged = merge_attributes(core.plan, attributes, None)
            core.submit_fields(scope, *fields._replace(attributes=merged))
        else:
            core.submit(scope, *fields[:5], attributes, None, fields.ids, None, fields.event_name)

    def _read_scope(self, engine: Engine, log_record: Any, gate: LevelGate) -> tuple[Scope, int]:
        if engine.spec.chain is not self._chain:
            self._chain = engine.spec.chain
            self._scopes = ScopeCache(self._chain.redaction)
        scope = self._scopes.of(log_record)
        floor = gate.of(scope.name)
        # One assignment: a thread sees the whole of one record's or of another's.
        self._last = (log_record.instrumentation_scope, log_record.resource, gate, scope, floor)
        return scope, floor


class FapilogLogRecordProcessor(LogRecordProcessor):
    """Puts fapilog's pipeline under a stock SDK provider; parameters as ``BatchLogRecordProcessor``, ours by keyword.

    Args:
        exporter: Ours or any SDK ``LogRecordExporter``; None: the destinations of the settings.
        schedule_delay_millis: ms after which waiting records are sent.
        max_export_batch_size: Records a request; None: only bytes count.
        export_timeout_millis: Default ms of `force_flush`.
        max_queue_size: Records that may wait; None: only ``max_queue_bytes`` counts.
        meter_provider: For metrics about itself, under ``OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED=true`` as in the
            SDK; None: the global one.
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
        _check_positive(
            schedule_delay_millis=schedule_delay_millis,
            max_export_batch_size=max_export_batch_size,
            export_timeout_millis=export_timeout_millis,
            max_queue_size=max_queue_size,
        )
        given = {
            "schedule_delay": _seconds(schedule_delay_millis),
            "max_export_batch_size": max_export_batch_size,
            "flush_timeout": _seconds(export_timeout_millis),
            "max_queue_size": max_queue_size,
        }
        self._settings = resolved_settings(given, settings)
        self._gate = LevelGate(self._settings.level_number or 0, self._settings.level_numbers)
        self._feed = RecordFeed()
        exporters = ExporterMetrics()
        spec = engine_spec(
            self._settings, destinations=_destinations(exporter, self._settings), on_operation=exporters.record
        )
        exporters.describe(spec)
        self._engine = Engine(spec)
        observe_processor(self, self._engine, meter_provider, exporters)
        process_exit.watch(self)

    def on_emit(self, log_record: Any) -> None:
        """Take a record (SDK ``ReadWriteLogRecord``); it is encoded at once and not kept."""
        self._feed.feed(self._engine, log_record, self._gate)

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
        if self._engine.closed:
            return False
        number = severity_value(severity_number)
        name = getattr(instrumentation_scope, "name", "") or ""
        if 0 < number < self._gate.of(name):
            return False
        return self._engine.spec.chain.filters_enabled(number, name)

    def shutdown(self, timeout_millis: float | None = None) -> None:
        """Deliver what is pending and stop, once.

        Args:
            timeout_millis: ms for all of it; None: the settings' ``shutdown_timeout``.
        """
        process_exit.unwatch(self)
        seconds = self._settings.shutdown_timeout if timeout_millis is None else max(timeout_millis, 0.0) / 1000
        if self._engine.closed:
            return
        self._engine.shutdown(seconds)
        tell_shutdown_losses(self._engine, f"give shutdown() more than {seconds:g} s")

    def force_flush(self, timeout_millis: float | None = None) -> bool:
        """Deliver what is pending.

        Args:
            timeout_millis: ms; None: ``export_timeout_millis``, else ``OTEL_BLRP_EXPORT_TIMEOUT``, else 30 s.

        Returns:
            True if all of it was delivered in time; False after shutdown.
        """
        if self._engine.closed:
            return False
        seconds = self._settings.flush_timeout if timeout_millis is None else max(timeout_millis, 0.0) / 1000
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
        self._feed = RecordFeed()

    def on_emit(self, log_record: Any) -> None:
        """Take a record."""
        engine = self._provider.engine
        if engine is not None and engine.branches:
            self._feed.feed(engine, log_record, self._provider.gate)

    def shutdown(self) -> None:
        """Leave our provider alone: its own handle shuts it down."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Deliver what is pending; see ``LoggerProvider.force_flush``."""
        engine = self._provider.engine
        return True if engine is None or engine.closed else engine.flush(timeout_millis / 1000)


def resolved_settings(given: Mapping[str, object], settings: Settings | None) -> Settings:
    """Give the settings that a face's own arguments make over those it was given, and tell what is wrong with the rest.

    Args:
        given: Arguments by the settings' names; None: not given.
        settings: The face's ``settings`` argument; None: from the environment.

    Raises:
        ConfigError: A value cannot be used.
    """
    from fapilog_otel.settings import load_settings  # noqa: PLC0415 - pydantic, and only at construction

    named = {name: value for name, value in given.items() if value is not None}
    resolved = load_settings({**named, **({} if settings is None else {"settings": settings})})
    for warning in resolved.warnings:
        get_diagnostics().report(f"settings.{warning[:40]}", warning)
    return resolved


def _check_positive(**arguments: object) -> None:
    for name, value in arguments.items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise ConfigError(name, value, "it is not a positive number", "Give a positive number, or leave it out")
    batch, queue = arguments["max_export_batch_size"], arguments["max_queue_size"]
    if isinstance(batch, (int, float)) and isinstance(queue, (int, float)) and batch > queue:
        problem = f"it is greater than max_queue_size={queue}"
        raise ConfigError("max_export_batch_size", batch, problem, "Make it at most max_queue_size")


def _seconds(millis: float | None) -> float | None:
    return None if millis is None else millis / 1000


def _destinations(exporter: Any, settings: Settings) -> Sequence[Destination] | None:
    if exporter is None:
        return None
    if isinstance(exporter, Exporter) and not hasattr(exporter, "force_flush"):
        return [destination_for("exporter", exporter, settings)]
    if isinstance(exporter, type) or not callable(getattr(exporter, "export", None)):
        remedy = "Pass an exporter of ours or an SDK LogRecordExporter"
        raise ConfigError("exporter", exporter, "it has no export()", remedy)
    return [destination_for("exporter", {"type": "sdk_adapter", "exporter": exporter}, settings)]
