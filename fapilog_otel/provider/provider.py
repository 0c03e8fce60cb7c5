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
    engine_spec,
    resource_from_sdk,
)
from fapilog_otel.assembly.gates import CLOSED
from fapilog_otel.buffer import exit as process_exit
from fapilog_otel.buffer.engine import Engine
from fapilog_otel.compat import api
from fapilog_otel.encode.select import Port
from fapilog_otel.errors import ConfigError
from fapilog_otel.model.anyvalue import normalise, normalise_key
from fapilog_otel.model.scope import Resource, Scope
from fapilog_otel.model.severity import INFO
from fapilog_otel.model.trace_context import TraceContext
from fapilog_otel.provider.logger import Logger
from fapilog_otel.provider.processors import ProcessorList
from fapilog_otel.telemetry.accounting import Stats
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fapilog_otel.settings import Settings

_LOGGERS_KEPT = 10_000


class Resolver:
    """Tells loggers their scope and level under a provider's present engine."""

    def __init__(self, provider: LoggerProvider) -> None:
        self._provider = provider
        self._scopes: dict[tuple[Any, ...], Scope] = {}

    def __call__(self, logger: Any) -> tuple[Scope, int]:
        """Give a logger's scope and the lowest severity it lets through."""
        provider = self._provider
        return self.scope(logger.scope_key), provider.gate_of(logger)

    def scope(self, key: tuple[Any, ...]) -> Scope:
        """Give the one scope object of a name, version, schema URL and attributes."""
        name, version, schema_url, attributes = key
        if attributes:
            wire = {normalise_key(k): normalise(v) for k, v in dict(attributes).items()}
            return Scope(name, version, schema_url, wire, resource=self._provider.wire_resource)
        found = self._scopes.get(key[:3])
        if found is None:
            if len(self._scopes) >= _LOGGERS_KEPT:
                self._scopes.clear()
            found = self._scopes[key[:3]] = Scope(name, version, schema_url, resource=self._provider.wire_resource)
        return found

    def forget(self) -> None:
        """Drop the scopes, which name the resource (a forked child has another)."""
        self._scopes.clear()

    def enabled(self, logger: Any, context: Any, severity_number: Any, event_name: str | None) -> bool:
        """Tell whether the pipeline's filters, or an attached processor, would want a record."""
        return self._provider.wanted(logger, context, severity_number, event_name)

    async def await_room(self) -> None:
        """Wait for room under the ``block`` policy, without blocking the loop."""
        await self._provider.await_room()


class LoggerProvider(api.LoggerProvider):
    """OpenTelemetry log provider whose records pass fapilog's pipeline and leave over OTLP.

    The parameters up to ``log_record_limits`` are the stock SDK provider's; settings come from the environment where
    ``settings`` is not given. A provider made directly has no level gate unless the settings name one.

    Args:
        resource: SDK resource; None: detected by the SDK's detectors. ``.resource`` is this very object.
        shutdown_on_exit: Shut down when the process ends.
        multi_log_record_processor: Holder of attached processors, as the SDK's; None: our own.
        meter_provider: For ``otel.sdk.log.created``; None: the global one.
        log_record_limits: SDK ``LogRecordLimits``; None: ``OTEL_[LOGRECORD_]ATTRIBUTE_*`` and the settings.
        settings: ``fapilog_otel.Settings``; None: from the environment.

    Raises:
        ConfigError: A setting cannot be used.
    """

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
        self._prepare()
        self._configurator = _logger_configurator
        self.meter_provider = meter_provider
        if multi_log_record_processor is not None:
            self.processors.delegate(multi_log_record_processor)
        self.attach(_settings(settings, log_record_limits), resource)
        if shutdown_on_exit:
            process_exit.watch(self)

    @classmethod
    def unconfigured(cls) -> LoggerProvider:
        """Give a provider without a backend yet: its loggers do nothing until `attach`."""
        provider = cls.__new__(cls)
        provider._prepare()
        return provider

    def _prepare(self) -> None:
        self.engine: Engine | None = None
        self.settings: Settings | None = None
        self.meter_provider: Any = None
        self._configurator: Callable[[Any], Any] | None = None
        self._resource: Any = None
        self.wire_resource = Resource()
        self._resolver = Resolver(self)
        self.port = Port(self._resolver)
        self.gate = LevelGate()
        self._own_gate = LevelGate(INFO)
        self._loggers: dict[tuple[str, str, str], Logger] = {}
        self._lock = threading.RLock()
        self._shut_down = False
        self.disabled = False
        self.processors = ProcessorList(self)

    # -- backend -------------------------------------------------------------------------------------------------------

    def attach(self, settings: Settings, resource: Any = None) -> None:
        """Put a backend behind the provider, replacing one that has been shut down.

        Args:
            settings: Resolved settings.
            resource: SDK resource; None: detected.
        """
        self.settings = settings
        self.disabled = settings.disabled
        if self.disabled:
            self._resource = resource
            return
        spec = engine_spec(settings)
        self._resource = resource if resource is not None else detect_resource(settings.resource, settings.service_name)
        self.wire_resource = resource_from_sdk(self._resource)
        level = settings.level_number
        self.gate = LevelGate(level or 0, settings.level_numbers)
        self._own_gate = LevelGate(INFO if level is None else level, settings.level_numbers)
        self._resolver.forget()
        engine = Engine(spec)
        engine.on_child = self._in_child
        self.engine = engine
        self._shut_down = False
        self.port.core = engine.core
        for warning in settings.warnings:
            spec.diagnostics.report(f"settings.{warning[:40]}", warning)

    def _in_child(self) -> None:
        engine = self.engine
        if engine is None:
            return
        self._lock = threading.RLock()
        self._resource = child_resource(self._resource)
        self.wire_resource = resource_from_sdk(self._resource)
        self._resolver.forget()
        self.port.core = engine.core

    def gate_of(self, logger: Any) -> int:
        """Give the lowest severity number that a logger lets through."""
        name = logger.scope_key[0]
        if self._configurator is not None and not self._configured_on(logger):
            return CLOSED
        own = getattr(logger, "own", False)
        return self._own_gate.of(name) if own else self.gate.of(name)

    def _configured_on(self, logger: Any) -> bool:
        from fapilog_otel.compat.sdk import InstrumentationScope  # noqa: PLC0415 - only with an SDK configurator

        name, version, schema_url, attributes = logger.scope_key
        try:
            config = cast("Callable[[Any], Any]", self._configurator)(
                InstrumentationScope(name, version, schema_url, attributes)
            )
            return bool(config.is_enabled)
        except Exception as error:  # noqa: BLE001 - user code; a broken configurator leaves loggers on
            get_diagnostics().report("configurator", "the logger configurator failed", cause=repr(error))
            return True

    def wanted(self, logger: Any, context: Any, severity_number: Any, event_name: str | None) -> bool:
        """Tell whether the pipeline's filters, or an attached processor, would want a record."""
        engine = self.engine
        if engine is None or engine.closed:
            return False
        number = 0 if severity_number is None else int(getattr(severity_number, "value", severity_number))
        name = logger.scope_key[0]
        trace = TraceContext(*api.span_context_ids(context))
        wanted = bool(engine.branches) and engine.spec.chain.filters_enabled(number, name, trace)
        return wanted or self.processors.enabled(logger, context, severity_number, event_name)

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
        """Give a logger for a scope (Logs API, "Get a Logger"); after shutdown or where disabled one that does nothing."""
        if self.disabled or self._shut_down:
            return api.NoOpLogger(name, version=version, schema_url=schema_url, attributes=attributes)
        return self.make_logger(name, version, schema_url, attributes)

    def make_logger(
        self, name: Any, version: str | None = None, schema_url: str | None = None, attributes: Any = None, *, own: bool = False
    ) -> Logger:
        """Give a real logger of ours, also before there is a backend."""
        key = (normalise_key(name or ""), version or "", schema_url or "")
        if attributes or own:
            return Logger(self.port, *key, dict(attributes) if attributes else None, own=own)
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

    def force_flush(self, timeout_millis: float | None = None) -> bool:
        """Deliver everything pending, through attached processors and our pipeline.

        Args:
            timeout_millis: ms for all of it; None: the settings' ``flush_timeout``.

        Returns:
            True if every part succeeded in time.
        """
        engine, settings = self.engine, self.settings
        if engine is None or settings is None:
            return True
        timeout = settings.flush_timeout if timeout_millis is None else timeout_millis / 1000
        deadline = time.monotonic() + timeout
        flushed = self.processors.force_flush(deadline)
        return engine.flush(max(deadline - time.monotonic(), 0.0)) and flushed

    def shutdown(self, timeout_millis: float | None = None) -> bool:
        """Deliver what is pending and stop, once; a second call does nothing and gives True.

        Args:
            timeout_millis: ms for all of it; None: the settings' ``shutdown_timeout``.

        Returns:
            True if all that was pending was delivered.
        """
        process_exit.unwatch(self)
        with self._lock:
            if self._shut_down:
                return True
            self._shut_down = True
        engine, settings = self.engine, self.settings
        timeout = 5.0 if settings is None else settings.shutdown_timeout
        if timeout_millis is not None:
            timeout = timeout_millis / 1000
        deadline = time.monotonic() + timeout
        clean = self.processors.shutdown(deadline)
        if engine is not None:
            clean = engine.shutdown(max(deadline - time.monotonic(), 0.1)) and clean
        return clean

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
    """Give SDK ``LogRecordLimits`` as our limit settings."""
    found: dict[str, object] = {}
    if limits.max_log_record_attributes is not None:
        found["attributes"] = limits.max_log_record_attributes
    if limits.max_log_record_attribute_length is not None:
        found["value_length"] = limits.max_log_record_attribute_length
    return found
