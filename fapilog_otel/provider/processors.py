"""SDK processors attached to our provider: each gets an SDK ``ReadWriteLogRecord``, and its changes count."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fapilog_otel.compat import api
from fapilog_otel.encode.log_methods import record_fields
from fapilog_otel.encode.values import merge_attributes, safe_mapping
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from fapilog_otel.provider.provider import LoggerProvider


class ProcessorList:
    """The processors of a provider, called synchronously and in order; may grow while in use.

    Args:
        provider: Whose records they see.
    """

    def __init__(self, provider: LoggerProvider) -> None:
        self._provider = provider
        self._items: tuple[Any, ...] = ()
        self._delegate: Any = None
        self._limits: Any = None

    def delegate(self, multi: Any) -> None:
        """Use an SDK multi-processor as the holder."""
        self._delegate = multi
        self._items = (multi,)
        self._provider.port.processed = self.process

    def add(self, processor: Any) -> None:
        """Append a processor; records written from now on reach it."""
        if self._delegate is not None:
            self._delegate.add_log_record_processor(processor)
        else:
            self._items = (*self._items, processor)  # a new tuple: a call under way goes on over the old one
        self._provider.port.processed = self.process

    def __len__(self) -> int:
        return len(self._items)

    def enabled(self, logger: Any, context: Any, severity_number: Any, event_name: str | None) -> bool:
        """Tell whether a processor would want such a record."""
        if not self._items:
            return False
        from fapilog_otel.compat.sdk import InstrumentationScope  # noqa: PLC0415 - only with processors

        name, version, schema_url, attributes = logger.scope_key
        scope = InstrumentationScope(name, version, schema_url, attributes)
        for processor in self._items:
            ask = getattr(processor, "enabled", None)
            if ask is None:
                return True
            try:
                if ask(
                    context=context,
                    instrumentation_scope=scope,
                    severity_number=severity_number,
                    event_name=event_name,
                ):
                    return True
            except Exception as error:  # noqa: BLE001 - user code must not reach the caller
                _report(processor, "enabled", error)
        return False

    def process(
        self,
        logger: Any,
        timestamp: int,
        observed: int,
        severity: int,
        text: str,
        body: Any,
        attributes: Any,
        ids: tuple[int, int, int] | None,
        context: Any,
        event_name: str,
    ) -> None:
        """Show a record to every processor, then submit what they made of it."""
        provider = self._provider
        core = provider.port.core
        if core is None:
            return
        try:
            record = self._sdk_record(
                logger, timestamp, observed, severity, text, body, attributes, ids, context, event_name
            )
        except Exception as error:  # noqa: BLE001 - odd values that the SDK's types do not take; ours do
            _report(logger, "record", error)
            scope, _ = provider.port.resolve(logger)
            core.submit(
                scope, timestamp, observed, severity, text, body, attributes, logger.bound, ids, context, event_name
            )
            return
        for processor in self._items:
            try:
                processor.on_emit(record)
            except Exception as error:  # noqa: BLE001 - user code must not reach the caller
                _report(processor, "on_emit", error)
        self._submit(logger, core, record)

    def _submit(self, logger: Any, core: Any, record: Any) -> None:
        scope, _ = self._provider.port.resolve(logger)
        fields = record_fields(record.log_record)
        core.submit_fields(scope, *fields[:7], fields[8], record.dropped_attributes)

    def _sdk_record(
        self,
        logger: Any,
        timestamp: int,
        observed: int,
        severity: int,
        text: str,
        body: Any,
        attributes: Any,
        ids: tuple[int, int, int] | None,
        context: Any,
        event_name: str,
    ) -> Any:
        from fapilog_otel.compat.sdk import InstrumentationScope, ReadWriteLogRecord  # noqa: PLC0415

        provider = self._provider
        now = time.time_ns()
        merged = merge_attributes(core_plan(provider), attributes, logger.bound)
        record = api.LogRecord(
            timestamp=(now if timestamp < 0 else timestamp) or None,
            observed_timestamp=observed if observed > 0 else now,
            context=context,
            severity_text=text or None,
            severity_number=api.SeverityNumber(severity) if severity else None,
            body=body,
            attributes=safe_mapping(merged),  # type: ignore[arg-type]
            event_name=event_name or None,
        )
        if ids is not None:
            record.trace_id, record.span_id = ids[0], ids[1]
            record.trace_flags = api.TraceFlags(ids[2])
        name, version, schema_url, scope_attributes = logger.scope_key
        return ReadWriteLogRecord(
            log_record=record,
            resource=provider.resource,
            instrumentation_scope=InstrumentationScope(name, version, schema_url, scope_attributes),
            limits=self._record_limits(),
        )

    def _record_limits(self) -> Any:
        if self._limits is None:
            from fapilog_otel.compat.sdk import LogRecordLimits  # noqa: PLC0415

            settings = self._provider.settings
            limits = None if settings is None else settings.limits
            self._limits = LogRecordLimits(
                max_log_record_attributes=None if limits is None else limits.attributes,
                max_log_record_attribute_length=None if limits is None else limits.value_length,
            )
        return self._limits

    def force_flush(self, deadline: float) -> bool:
        """Flush every processor before a deadline (monotonic s); True if each succeeded."""
        flushed = True
        for processor in self._items:
            left = int((deadline - time.monotonic()) * 1000)
            if left <= 0:
                return False
            try:
                flushed = processor.force_flush(left) is not False and flushed
            except Exception as error:  # noqa: BLE001 - user code; one failing flush must not stop the others
                _report(processor, "force_flush", error)
                flushed = False
        return flushed

    def shutdown(self, deadline: float) -> bool:
        """Shut every processor down; True if none failed."""
        clean = True
        for processor in self._items:
            try:
                clean = processor.shutdown() is not False and clean
            except Exception as error:  # noqa: BLE001 - user code; one failing shutdown must not stop the others
                _report(processor, "shutdown", error)
                clean = False
        return clean


def core_plan(provider: LoggerProvider) -> Any:
    """Give the compiled plan of a provider's present engine."""
    return provider.port.core.plan if provider.port.core is not None else None


def _report(processor: Any, method: str, error: Exception) -> None:
    name = type(processor).__name__
    get_diagnostics().report(f"processor.{name}.{method}", f"{name}.{method}() raised", cause=repr(error))
