"""The logger provider: our engine behind OpenTelemetry's ``LoggerProvider``, SDK processors before it.

Logger ─► Port ─► EmitCore                                 no processor: no SDK object is ever made
            └──► processors (SDK ReadWriteLogRecord) ─► EmitCore
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, cast

from fapilog_otel.assembly import (
    LevelGate,
    child_resource,
    detect_resource,
    detected_instance_id,
    engine_spec,
    resource_from_sdk,
)
from fapilog_otel.buffer import exit as process_exit
from fapilog_otel.buffer.engine import Engine
from fapilog_otel.buffer.losses import tell_shutdown_losses
from fapilog_otel.compat import api
from fapilog_otel.encode.log_methods import severity_value
from fapilog_otel.encode.select import Port
from fapilog_otel.encode.values import safe_mapping
from fapilog_otel.errors import ConfigError
from fapilog_otel.model.anyvalue import normalise_key
from fapilog_otel.model.scope import Resource
from fapilog_otel.model.severity import INFO
from fapilog_otel.model.trace_context import TraceContext
from fapilog_otel.provider.exporter_metrics import ExporterMetrics
from fapilog_otel.provider.logger import Logger
from fapilog_otel.provider.metrics import observe_provider
from fapilog_otel.provider.processors import ProcessorList
from fapilog_otel.provider.resolver import Resolver
from fapilog_otel.telemetry.accounting import Stats
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fapilog_otel.encode.plan import Redaction
    from fapilog_otel.settings import Settings

_LOGGERS_KEPT = 10_000
_NO_LIMIT = (1 << 31) - 1


class LoggerProvider(api.LoggerProvider):
    """OpenTelemetry log provider whose records pass fapilog's pipeline and leave over OTLP.

    The parameters up to ``log_record_limits`` are the stock SDK provider's; settings come from the environment where
    ``settings`` is not given. A provider made directly has no level gate unless the settings name one.

    Args:
        resource: SDK resource; None: detected by the SDK's detectors. ``.resource`` is this very object.
        shutdown_on_exit: Shut down when the process ends.
        multi_log_record_processor: Holder of attached processors, as the SDK's; None: our own.
        meter_provider: For metrics about itself, under ``OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED=true`` as in the
            SDK; None: the global one.
        log_record_limits: SDK ``LogRecordLimits``; None: ``OTEL_[LOGRECORD_]ATTRIBUTE_*`` and the settings.
        settings: ``fapilog_otel.Settings``; None: from the environment.

    Raises:
        ConfigError: A setting cannot be used.
    """

    _tells_losses = True

    def __init__(
        self,
        resource: Any = None,
        shutdown_on_exit: bool = True,
        multi_log_record_processor: Any = None,
        *,
        meter_provider: Any = None,
        log_record_limits: Any = None,
        settings: Settings | None = None,
        _logger_configurator: Callable[[Any], Any] | None = None,
    ) -> None:
        self._prepare(meter_provider, _logger_configurator)
        if multi_log_record_processor is not None:
            self.processors.delegate(multi_log_record_processor)
        self.attach(_settings(settings, log_record_limits), resource)
        if shutdown_on_exit:
            process_exit.watch(self)

    def _prepare(self, meter_provider: Any = None, configurator: Callable[[Any], Any] | None = None) -> None:
        """Begin without a backend: loggers do nothing until `attach`."""
        self.engine: Engine | None = None
        self.settings: Settings | None = None
        self.redaction: Redaction | None = None
        self.wire_resource = Resource()
        self.gate = LevelGate()
        self.disabled = False
        self.processors = ProcessorList(self)
        self._resolver = Resolver(self)
        self.port = Port(self._resolver)
        self._meter_provider = meter_provider
        self._observed = False
        self._exporters = ExporterMetrics()
        self._configurator = configurator
        self._resource: Any = None
        self._instance_id = ""
        self._own_gate = LevelGate(INFO)
        self._loggers: dict[tuple[str, str, str], Logger] = {}
        self._lock = threading.RLock()
        self._shut_down = False

    # -- backend -------------------------------------------------------------------------------------------------------

    def attach(self, settings: Settings, resource: Any = None) -> None:
        """Put a backend behind the provider, replacing one that has been shut down.

        Args:
            settings: Resolved settings.
            resource: SDK resource; None: detected.

        Raises:
            ConfigError: A destination or stage cannot be built; then all stays as it was.
        """
        spec = None if settings.disabled else engine_spec(settings, on_operation=self._exporters.record)
        self._resource = resource if resource is not None else detect_resource(settings.resource, settings.service_name)
        self._instance_id = detected_instance_id()
        self.settings, self.disabled = settings, settings.disabled
        if self._shut_down:
            self.processors = ProcessorList(self)  # the earlier ones have been shut down with the earlier backend
            self._shut_down = False
        self.redaction = None if spec is None else spec.chain.redaction
        self.processors.forget_scopes(self.redaction)
        self.wire_resource = resource_from_sdk(self._resource, self.redaction)
        level = settings.level_number
        self.gate = LevelGate(level or 0, settings.level_numbers)
        self._own_gate = LevelGate(INFO if level is None else level, settings.level_numbers)
        self._resolver.forget()
        self._exporters.describe(spec)
        self.engine = None if spec is None else Engine(spec, start=bool(spec.destinations))
        if self.engine is not None:
            self.engine.on_child = self._in_child
        self._point_port()
        if not self._observed and not self.disabled:
            self._observed = observe_provider(self, self._meter_provider, self._exporters)
        for warning in settings.warnings:
            get_diagnostics().report(f"settings.{warning[:40]}", warning)

    def _point_port(self) -> None:
        """Lead the loggers where records can go: nowhere, to the engine, past processors."""
        engine = self.engine
        wanted = engine is not None and (engine.branches or len(self.processors))
        self.port.processed = self.processors.process if len(self.processors) else None
        self.port.core = engine.core if engine is not None and wanted else None

    def _in_child(self) -> None:
        self._lock = threading.RLock()
        self._resource = child_resource(self._resource, self._instance_id)
        self._instance_id = detected_instance_id()
        self.wire_resource = resource_from_sdk(self._resource, self.redaction)
        self._resolver.forget()
        self._point_port()

    def gate_of(self, logger: Any) -> int:
        """Give the lowest severity number that a logger lets through."""
        return (self._own_gate if logger.own else self.gate).of(logger.name)

    def _configured_on(self, logger: Any) -> bool:
        try:
            config = cast("Callable[[Any], Any]", self._configurator)(logger.instrumentation_scope)
            return bool(config.is_enabled)
        except Exception as error:  # noqa: BLE001 - user code; a broken configurator leaves loggers on
            get_diagnostics().report("configurator", "the logger configurator failed", cause=repr(error))
            return True

    def wanted(self, logger: Any, context: Any, severity_number: Any, event_name: str | None) -> bool:
        """Tell whether the pipeline's filters, or an attached processor, would want a record."""
        engine = self.engine
        if engine is None or engine.closed:
            return False
        try:
            trace = TraceContext(*api.span_context_ids(context))
        except Exception as error:  # noqa: BLE001 - whatever the caller gave as a context; nothing is known of it
            get_diagnostics().report("enabled.context", "enabled() was given no context", cause=repr(error))
            trace = TraceContext()
        number = severity_value(severity_number)
        if engine.branches and engine.spec.chain.filters_enabled(number, logger.name, trace):
            return True
        return self.processors.enabled(logger, context, severity_number, event_name)

    async def await_room(self) -> None:
        """Wait for room under the ``block`` policy, at most ``block_timeout``, without blocking the loop."""
        engine = self.engine
        if engine is not None and not engine.closed:
            await engine.queue.await_room()

    # -- the API -------------------------------------------------------------------------------------------------------

    @property
    def resource(self) -> Any:
        """The SDK resource of this provider's records."""
        return self._resource

    def get_logger(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> api.Logger:
        """Give a logger for a scope (Logs API, "Get a Logger"); after shutdown, or disabled, one that does nothing."""
        if self.disabled or self._shut_down:
            return api.NoOpLogger(name, version=version, schema_url=schema_url, attributes=attributes)
        logger = self.make_logger(name, version, schema_url, attributes)
        if self._configurator is not None and not self._configured_on(logger):
            return api.NoOpLogger(name, version=version, schema_url=schema_url, attributes=attributes)
        return logger

    def make_logger(
        self,
        name: Any,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
        *,
        own: bool = False,
    ) -> Logger:
        """Give a real logger of ours, also before there is a backend.

        Args:
            name: Scope name.
            version: Scope version.
            schema_url: Schema URL of the records.
            attributes: Scope attributes.
            own: Whether it is this package's own kind, whose default level is INFO.
        """
        key = (normalise_key(name or ""), normalise_key(version or ""), normalise_key(schema_url or ""))
        if attributes or own:
            kept: Any = safe_mapping(attributes) if attributes else None
            return Logger(self.port, *key, kept, own=own)
        with self._lock:
            logger = self._loggers.get(key)
            if logger is None:
                if len(self._loggers) >= _LOGGERS_KEPT:
                    self._loggers.clear()
                logger = self._loggers[key] = Logger(self.port, *key)
        return logger

    def add_log_record_processor(self, log_record_processor: Any) -> None:
        """Have an SDK or duck-typed processor called with each record before our pipeline encodes it.

        Raises:
            ConfigError: It has no ``on_emit``.
        """
        if not callable(getattr(log_record_processor, "on_emit", None)):
            raise ConfigError(
                "log_record_processor", log_record_processor, "it has no on_emit()", "Pass an SDK LogRecordProcessor"
            )
        self.processors.add(log_record_processor)
        self._point_port()

    def force_flush(self, timeout_millis: float | None = None) -> bool:
        """Deliver everything pending, through attached processors and our pipeline.

        Args:
            timeout_millis: ms for all of it; None: the settings' ``flush_timeout``.

        Returns:
            True if every part succeeded in time; False after shutdown.
        """
        if self._shut_down:
            return False
        seconds = self._seconds(timeout_millis, 30.0 if self.settings is None else self.settings.flush_timeout)
        deadline = time.monotonic() + seconds
        foreign = self.processors.begin_flush(seconds)
        flushed = self.engine is None or self.engine.flush(seconds)
        return foreign.wait(deadline) and flushed

    def shutdown(self, timeout_millis: float | None = None) -> bool:
        """Deliver what is pending and stop, once; a second call does nothing and gives True.

        Args:
            timeout_millis: ms for all of it; None: the settings' ``shutdown_timeout``.

        Returns:
            True if all that was pending was delivered, and no processor failed.
        """
        process_exit.unwatch(self)
        with self._lock:
            if self._shut_down:
                return True
            self._shut_down = True
        seconds = self._seconds(timeout_millis, 5.0 if self.settings is None else self.settings.shutdown_timeout)
        deadline = time.monotonic() + seconds
        foreign = self.processors.begin_shutdown()
        clean = self.engine is None or self.engine.shutdown(seconds)
        if self.engine is not None and self._tells_losses:
            tell_shutdown_losses(self.engine, f"give shutdown() more than {seconds:g} s")
        return foreign.wait(deadline) and clean

    @staticmethod
    def _seconds(millis: float | None, default: float) -> float:
        return default if millis is None else max(millis, 0.0) / 1000

    def stats(self) -> Stats:
        """Count everything at one instant."""
        return Stats() if self.engine is None else self.engine.stats()


def _settings(settings: Settings | None, limits: Any) -> Settings:
    from fapilog_otel.settings import load_settings  # noqa: PLC0415 - pydantic, and only at construction

    given: dict[str, object] = {}
    if limits is not None:
        given["limits"] = sdk_limits(limits)
    if settings is not None:
        given["settings"] = settings
    return load_settings(given)


def sdk_limits(limits: Any) -> Mapping[str, object]:
    """Give SDK ``LogRecordLimits`` as our limit settings.

    Raises:
        ConfigError: They are none.
    """
    try:
        count, length = limits.max_log_record_attributes, limits.max_log_record_attribute_length
    except AttributeError as error:
        remedy = "Pass an opentelemetry.sdk LogRecordLimits"
        raise ConfigError("log_record_limits", type(limits).__name__, "it has no limits", remedy) from error
    return {"attributes": _NO_LIMIT if count is None else count, "value_length": length}
