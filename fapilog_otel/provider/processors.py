"""SDK processors attached to our provider: each gets an SDK ``ReadWriteLogRecord``, and its changes count."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from fapilog_otel.compat import api
from fapilog_otel.encode.values import merge_attributes, redacted_cut, select_attributes
from fapilog_otel.model.anyvalue import Budget, normalise, normalise_key
from fapilog_otel.provider.foreign import ForeignCalls
from fapilog_otel.provider.sdk_records import ScopeCache, sdk_fields
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fapilog_otel.encode.plan import EncodePlan, Redaction
    from fapilog_otel.model.anyvalue import AnyValue
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
        self._shown_limits: Any = None
        self._scopes = ScopeCache()
        self._lock = threading.Lock()
        self.unsubmitted = 0
        """Records that only the processors saw, because the pipeline has no destination."""

    def __len__(self) -> int:
        return len(self._items)

    def delegate(self, multi: Any) -> None:
        """Use an SDK multi-processor as the holder."""
        self._delegate = multi
        self._items = (multi,)

    def add(self, processor: Any) -> None:
        """Append a processor; records written from now on reach it."""
        with self._lock:
            if self._delegate is not None:
                self._delegate.add_log_record_processor(processor)
            else:
                self._items = (*self._items, processor)  # a new tuple: a call under way goes on over the old one

    def forget_scopes(self, redaction: Redaction | None) -> None:
        """Make our forms of scopes and resources that processors put into records anew, with this redaction."""
        self._scopes = ScopeCache(redaction)

    def enabled(self, logger: Any, context: Any, severity_number: Any, event_name: str | None) -> bool:
        """Tell whether a processor would want such a record."""
        scope = logger.instrumentation_scope if self._items else None
        return any(self._wants(one, scope, context, severity_number, event_name) for one in self._items)

    def _wants(self, processor: Any, scope: Any, context: Any, severity_number: Any, event_name: str | None) -> bool:
        ask = getattr(processor, "enabled", None)
        if not callable(ask):
            return True
        try:
            return bool(
                ask(
                    context=context, instrumentation_scope=scope, severity_number=severity_number, event_name=event_name
                )
            )
        except Exception as error:  # noqa: BLE001 - user code; one that cannot tell could want the record
            _report(processor, "enabled", error)
            return True

    # -- a record ------------------------------------------------------------------------------------------------------

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
        """Show a record to every processor, then submit what they made of it; never raises an `Exception`."""
        engine = self._provider.engine
        if engine is None:
            return
        if engine.closed:
            self._count_late(engine, logger, severity)
            return
        try:
            plan = engine.core.plan
            own, dropped = _limited(merge_attributes(plan, attributes, logger.bound), plan)
            now = time.time_ns()
            api_record = api.LogRecord(
                timestamp=(now if timestamp < 0 else timestamp) or None,
                observed_timestamp=observed if observed > 0 else now,
                context=context,
                severity_text=text or None,
                severity_number=api.SeverityNumber(severity) if severity else None,
                body=_own(body),
                attributes=own,
                event_name=event_name or None,
            )
            if ids is not None:
                api_record.trace_id, api_record.span_id = ids[0], ids[1]
                api_record.trace_flags = api.TraceFlags(ids[2])
            record = self._writable(logger, api_record, dropped)
        except Exception as error:  # noqa: BLE001 - a context or value that the SDK's types refuse; ours take it
            _report(logger, "emit", error)
            engine.core.submit(
                self._scope(logger),
                timestamp,
                observed,
                severity,
                text,
                body,
                attributes,
                logger.bound,
                ids,
                None,
                event_name,
            )
            return
        self._show(record)
        self._submit(engine, logger, record)

    def _count_late(self, engine: Any, logger: Any, severity: int) -> None:
        if engine.branches:  # the core refuses it, and counts that
            engine.core.submit(self._scope(logger), 0, 0, severity, "", None, None, None, (0, 0, 0), None, "")

    def _scope(self, logger: Any) -> Any:
        return self._provider.port.resolve.scope(logger.scope_key)

    def _writable(self, logger: Any, api_record: Any, dropped: int) -> Any:
        from fapilog_otel.compat.sdk import ReadWriteLogRecord  # noqa: PLC0415 - only with processors

        record = ReadWriteLogRecord(
            log_record=api_record,
            resource=self._provider.resource,
            instrumentation_scope=logger.instrumentation_scope,
            limits=self._record_limits(),
        )
        if dropped:
            record.log_record.attributes.dropped += dropped  # type: ignore[union-attr]
        return record

    def _show(self, record: Any) -> None:
        for processor in self._items:
            try:
                processor.on_emit(record)
            except Exception as error:  # noqa: BLE001 - user code must not reach the caller
                _report(processor, "on_emit", error)

    def _submit(self, engine: Any, logger: Any, record: Any) -> None:
        if not engine.branches:
            self.unsubmitted += 1
            return
        try:
            fields = sdk_fields(record)
            scope = self._scope(logger)
            if (
                record.resource is not self._provider.resource
                or record.instrumentation_scope is not logger.instrumentation_scope
            ):
                scope = self._scopes.of(record)
            engine.core.submit_fields(scope, *fields)
        except Exception as error:  # noqa: BLE001 - a processor may have left anything in the record
            _report(logger, "emit", error)

    def _record_limits(self) -> Any:
        """Give the SDK limits of the records shown: they count attributes and cut nothing.

        The SDK would cut what a processor adds before anything has been redacted; our own limits hold after that.
        """
        if self._shown_limits is None:
            from fapilog_otel.compat.sdk import LogRecordLimits  # noqa: PLC0415 - only with processors

            settings, unset = self._provider.settings, LogRecordLimits.UNSET
            count = unset if settings is None else settings.limits.attributes
            # All four given: what is left out it reads from the environment, and a bad value there raises.
            self._shown_limits = LogRecordLimits(count, unset, count, unset)
        return self._shown_limits

    # -- flush and shutdown --------------------------------------------------------------------------------------------

    def begin_flush(self, seconds: float) -> ForeignCalls:
        """Start flushing every processor, each with this time."""
        return ForeignCalls(self._call(one, "force_flush", max(int(seconds * 1000), 1)) for one in self._items)

    def begin_shutdown(self) -> ForeignCalls:
        """Start shutting every processor down."""
        return ForeignCalls(self._call(one, "shutdown") for one in self._items)

    def _call(self, processor: Any, method: str, *arguments: Any) -> Callable[[], bool]:
        def call() -> bool:
            try:
                return getattr(processor, method)(*arguments) is not False
            except Exception as error:  # noqa: BLE001 - user code; one that fails must not stop the others
                _report(processor, method, error)
                return False

        return call


def _limited(merged: Mapping[Any, object], plan: EncodePlan) -> tuple[dict[str, AnyValue], int]:
    """Give attributes that the SDK's own mapping will neither drop, cut nor warn about, and how many were dropped.

    Left to itself it drops the oldest, ``exception.*`` before all others, cuts no bytes and warns for each.
    """
    limits = plan.limits
    budget = Budget(limits.nodes, limits.depth)
    own = {normalise_key(key): normalise(value, budget) for key, value in merged.items()}
    own.pop("", None)
    if limits.value_length is not None and not plan.redacts_later:
        own = {key: redacted_cut(value, key, plan) for key, value in own.items()}
    if len(own) >= limits.attributes:
        chosen = select_attributes(own, limits.attributes)
        # Last in line, so that what a processor adds does not push the exception out.
        own = {key: own[key] for key in sorted(chosen, key=lambda key: key.startswith("exception."))}
    return own, len(merged) - len(own)


def _own(body: Any) -> Any:
    """Give a body that processors may change without changing the caller's."""
    return normalise(body) if isinstance(body, (dict, list, set, bytearray)) else body


def _report(culprit: Any, method: str, error: Exception) -> None:
    name = type(culprit).__name__
    get_diagnostics().report(f"processor.{name}.{method}", f"{name}.{method}() raised", cause=repr(error))
