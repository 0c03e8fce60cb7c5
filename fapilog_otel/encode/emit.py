"""The emit path in plain Python; ``_native`` holds its twin with the same methods and the same bytes.

    LoggerBase.info ─► EmitCore.take ──► trace bytes ─► record stages? ─► RecordWriter ─► open chunk of the band
    Logger.emit ─────► EmitCore.submit ─┘                                                  │ full
                                                         acquire() a new chunk ◄───────────┴─► sealed, wake()

One `EmitCore` serves all loggers of a provider, without a lock: ``encode/intake.py`` says how.
"""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING, Any

from fapilog_otel.encode import _wire
from fapilog_otel.encode.context import BOUND
from fapilog_otel.encode.intake import BANDS, LANES, ChunkIntake, EmitHost
from fapilog_otel.encode.record_path import encode_fields, run_stages
from fapilog_otel.encode.record_writer import RecordWriter, tagged
from fapilog_otel.encode.trace import TraceCache
from fapilog_otel.encode.values import build_payload, merge_attributes
from fapilog_otel.model.severity import MAX_SEVERITY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.context import Context

    from fapilog_otel.encode.intake import Entry
    from fapilog_otel.encode.plan import EncodePlan
    from fapilog_otel.model.scope import Scope

__all__ = ["LANES", "EmitCore", "EmitHost"]

_MAX_STAMP = (1 << 64) - 1


class EmitCore(ChunkIntake):
    """Encodes records into open chunks, one a severity band, and counts them.

    Args:
        plan: Compiled stages, redaction and limits.
        host: Where chunks come from and whom to wake.
        lock: The lock of the buffer's accounts, which this core does without.
    """

    def __init__(self, plan: EncodePlan, host: EmitHost, lock: AbstractContextManager[object]) -> None:
        del lock
        super().__init__(host)
        self.plan = plan
        self.closed = False
        self._stages = bool(plan.stages)
        self._adds = bool(plan.static_attributes)
        self._context_vars = plan.context_vars
        self._trace = TraceCache()
        self._writer = RecordWriter(plan)

    def seal_open(self) -> None:
        """Seal every open chunk that holds a record (flush, timer, shutdown); let go of cached context and texts."""
        super().seal_open()
        self._trace.clear()
        self._writer.forget_texts()

    def submit(
        self,
        scope: Scope,
        timestamp: int,
        observed: int,
        severity: int,
        text: str,
        body: object,
        attributes: Mapping[str, object] | None,
        bound: Mapping[str, object] | None,
        ids: tuple[int, int, int] | None,
        context: Context | None,
        event_name: str,
    ) -> None:
        """Encode one record into its band's open chunk; never raises an `Exception`.

        Args:
            scope: Scope and resource.
            timestamp: ns since the epoch; negative: now; 0, or more than fixed64 holds: unknown.
            observed: ns since the epoch; not positive, or more than fixed64 holds: now.
            severity: 0-24; anything else counts as 0.
            text: Severity text.
            body: Any value; None: absent.
            attributes: The call's attributes; they win over all others.
            bound: The logger's bound attributes.
            ids: Explicit trace id, span id and flags; None: those of ``context``.
            context: None: the current one.
            event_name: Empty: absent.
        """
        severity = _lane(severity)
        if self.closed:
            self._count_dropped(severity, "shutdown")
            return
        try:
            trace = self._trace_bytes(ids, context)
            now = time_ns()
            stamp = now if timestamp < 0 else timestamp if timestamp <= _MAX_STAMP else 0
            seen = observed if 0 < observed <= _MAX_STAMP else now
            merged = merge_attributes(self.plan, attributes, bound)
            if self._stages:
                entry = self._staged(scope, stamp, seen, severity, text, body, merged, trace, event_name)
            else:
                own = dict(merged)  # whoever gave it may change it meanwhile
                try:
                    record = self._writer.write(stamp, seen, severity, text, body, own, trace, event_name)
                except Exception:  # noqa: BLE001 - done again on the long way, which contains, counts and fails closed
                    record = self._contained(stamp, seen, severity, text, body, own, trace, event_name)
                entry = (record, severity, scope)
        except Exception:  # noqa: BLE001 - the promise of a log call: counted, never raised
            self._count_dropped(severity, "encode_error")
            return
        if entry is None:
            self._count_filtered(severity)
        else:
            self._admit(entry)

    def take(
        self,
        scope: Scope,
        severity: int,
        text: str,
        body: object,
        attributes: dict[str, Any],
        bound: Mapping[str, object] | None,
    ) -> None:
        """Submit what a level method was called with: the time is now, the context the current one.

        Args:
            scope: Scope and resource.
            severity: 0-24.
            text: Severity text.
            body: Any value; None: absent.
            attributes: The call's own dict of attributes.
            bound: The logger's bound attributes.
        """
        if self.closed:
            self._count_dropped(severity, "shutdown")
            return
        try:
            cache = self._trace
            known, trace = cache.cached
            if cache.get(None) is not known:
                trace = cache.current()
            now = time_ns()
            if bound or self._adds or (self._context_vars and BOUND.get()):
                attributes = merge_attributes(self.plan, attributes, bound)  # type: ignore[assignment]  # a new dict
            if self._stages:
                entry = self._staged(scope, now, now, severity, text, body, attributes, trace, "")
                if entry is None:
                    self._count_filtered(severity)
                    return
                record, severity, _ = entry
            else:
                try:
                    record = self._writer.write(now, now, severity, text, body, attributes, trace, "")
                except Exception:  # noqa: BLE001 - done again on the long way, which contains, counts and fails closed
                    record = self._contained(now, now, severity, text, body, attributes, trace, "")
                entry = (record, severity, scope)
        except Exception:  # noqa: BLE001 - the promise of a log call: counted, never raised
            self._count_dropped(severity, "encode_error")
            return
        need = len(record)
        counts = self._submitted
        chunk = self._open[BANDS[severity]]
        # As `_admit` does, in line; the same rules hold.
        if chunk is not None and need <= chunk.room and not self.count_limit and not self.seal_count:
            chunk.entries += entry
            chunk.room -= need
            counts[severity] += 1
            self._stored += 1
        else:
            self._admit(entry)

    def submit_fields(
        self,
        scope: Scope,
        timestamp: int,
        observed: int,
        severity: int,
        text: str,
        body: object,
        attributes: Mapping[str, object] | None,
        ids: tuple[int, int, int],
        event_name: str,
        dropped: int,
    ) -> None:
        """Encode a record whose attributes are complete (SDK processors have seen it); never raises an `Exception`.

        Args:
            scope: Scope and resource.
            timestamp: ns since the epoch; 0: unknown.
            observed: ns since the epoch.
            severity: 0-24; anything else counts as 0.
            text: Severity text.
            body: Any value.
            attributes: All attributes.
            ids: Trace id, span id and flags.
            event_name: Empty: absent.
            dropped: Attributes that limits have removed before.
        """
        severity = _lane(severity)
        if self.closed:
            self._count_dropped(severity, "shutdown")
            return
        try:
            entry = encode_fields(
                self.plan, scope, timestamp, observed, severity, text, body, attributes, ids, event_name, dropped
            )
            if entry is not None:
                entry = (tagged(entry[0]), entry[1], entry[2])
        except Exception:  # noqa: BLE001 - the promise of a log call: counted, never raised
            self._count_dropped(severity, "encode_error")
            return
        if entry is None:
            self._count_filtered(severity)
        else:
            self._admit(entry)

    def _contained(
        self,
        timestamp: int,
        observed: int,
        severity: int,
        text: str,
        body: object,
        attributes: Any,
        trace: bytes,
        event_name: str,
    ) -> bytes:
        """Give the record, tag and length included, of fields of which something raised."""
        return tagged(
            build_payload(self.plan, timestamp, observed, severity, text, body, attributes, 0, trace, event_name)
        )

    def submit_sdk(self, scope: Scope, floor: int, sdk_record: Any) -> bool:  # noqa: ARG002 - the native twin's
        """Encode an SDK ``ReadWriteLogRecord`` that is simple enough to be read at a glance.

        Args:
            scope: Scope and resource.
            floor: Nothing below this severity number is taken.
            sdk_record: Read, never changed or kept.

        Returns:
            Whether that was all; False: nothing was done, the caller submits its fields. Always in this encoder.
        """
        return False

    def _trace_bytes(self, ids: tuple[int, int, int] | None, context: Context | None) -> bytes:
        if ids is not None:
            return _wire.trace_fields(*ids)
        return self._trace.current() if context is None else self._trace.of(context)

    def _staged(
        self,
        scope: Scope,
        timestamp: int,
        observed: int,
        severity: int,
        text: str,
        body: object,
        attributes: Mapping[str, object],
        trace: bytes,
        event_name: str,
    ) -> Entry | None:
        entry = run_stages(self.plan, scope, timestamp, observed, severity, text, body, attributes, trace, event_name)
        return None if entry is None else (tagged(entry[0]), entry[1], entry[2])


def _lane(severity: int) -> int:
    return severity if 0 <= severity <= MAX_SEVERITY else 0
