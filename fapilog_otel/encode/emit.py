"""The emit path in plain Python; ``_native`` holds its twin with the same methods and the same bytes.

    LoggerBase.info ─► EmitCore.submit ─► trace bytes ─► record stages? ─► encode ─► open chunk of the severity's band
                                                                                     │ full
                                                        acquire() a new chunk ◄──────┴──────► sealed, wake()

One `EmitCore` serves all loggers of a provider. Its lock is re-entrant and never held across user code; a call that
re-enters on the same thread (a signal handler, ``__del__``) leaves its record for the outer call to store. A signal
handler runs, and raises, only where something is called: so a chunk changes hands without a call in between.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from fapilog_otel.encode import _wire
from fapilog_otel.encode.record_path import encode_fields, run_stages
from fapilog_otel.encode.trace import TraceCache
from fapilog_otel.encode.values import build_payload, merge_attributes
from fapilog_otel.model.severity import MAX_SEVERITY, severity_band

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.context import Context

    from fapilog_otel.encode.plan import EncodePlan
    from fapilog_otel.model.chunk import Chunk
    from fapilog_otel.model.scope import Scope

LANES = MAX_SEVERITY + 2  # severity numbers 0-24, and one lane for what has no severity (a partial success)
_MAX_STAMP = (1 << 64) - 1


class EmitHost(Protocol):
    """What an emit core needs of the buffer."""

    def acquire(self, band: int, need: int, may_wait: bool) -> Chunk | None:
        """Give an empty chunk for records of ``band`` with room for ``need`` bytes; None: drop the record."""

    def release(self, chunk: Chunk) -> None:
        """Take back an acquired chunk that is not needed after all."""

    def await_count(self, band: int) -> bool:
        """Under a bound on records: wait for room as the policy says, or make some; False: drop the record."""
        ...

    def wake(self) -> None:
        """Learn that a chunk was sealed."""


class EmitCore:
    """Encodes records into open chunks, one a severity band, and counts them.

    Args:
        plan: Compiled stages, redaction and limits.
        host: Where chunks come from and whom to wake.
        lock: The re-entrant lock of the buffer's accounts.
    """

    def __init__(self, plan: EncodePlan, host: EmitHost, lock: AbstractContextManager[object]) -> None:
        self.plan = plan
        self.sealed: deque[Chunk] = deque()
        self.closed = False
        self.count_limit = 0
        self.seal_count = 0
        self.settled_total = 0
        self.ops = 0
        self._host = host
        self._lock = lock
        self._busy = False
        self._late: deque[tuple[bytes | None, int, Scope | None, str]] = deque()
        self._open: list[Chunk | None] = [None] * 4
        self._trace = TraceCache()
        self._submitted = [0] * LANES
        self._filtered = [0] * LANES
        self._dropped: dict[str, list[int]] = {}
        self._stored = 0

    # -- counters ------------------------------------------------------------------------------------------------------

    def submitted_counts(self) -> list[int]:
        """Records submitted so far, by severity lane."""
        return list(self._submitted)

    def filtered_counts(self) -> list[int]:
        """Records that an inline stage filtered out, by severity lane."""
        return list(self._filtered)

    def dropped_counts(self) -> dict[str, list[int]]:
        """Records dropped before any chunk took them, by reason and severity lane."""
        return {reason: list(lanes) for reason, lanes in self._dropped.items()}

    # -- submitting ----------------------------------------------------------------------------------------------------

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
            self._account(None, severity, None, "shutdown")
            return
        try:
            trace = self._trace_bytes(ids, context)
            now = time.time_ns()
            stamp = now if timestamp < 0 else timestamp if timestamp <= _MAX_STAMP else 0
            seen = observed if 0 < observed <= _MAX_STAMP else now
            merged = merge_attributes(self.plan, attributes, bound)
            if self.plan.stages:
                self._submit_staged(scope, stamp, seen, severity, text, body, merged, trace, event_name)
                return
            payload = build_payload(self.plan, stamp, seen, severity, text, body, merged, 0, trace, event_name)
            self._store(_wire.delimited(b"\x12", payload), severity, scope)
        except Exception:  # noqa: BLE001 - the promise of a log call: counted, never raised
            self._account(None, severity, None, "encode_error")

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
            self._account(None, severity, None, "shutdown")
            return
        try:
            result = encode_fields(
                self.plan, scope, timestamp, observed, severity, text, body, attributes, ids, event_name, dropped
            )
            if result is None:
                self._account(None, severity, None, "")
            else:
                self._store(_wire.delimited(b"\x12", result[0]), result[1], result[2])
        except Exception:  # noqa: BLE001 - the promise of a log call: counted, never raised
            self._account(None, severity, None, "encode_error")

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

    def _submit_staged(
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
    ) -> None:
        result = run_stages(self.plan, scope, timestamp, observed, severity, text, body, attributes, trace, event_name)
        if result is None:
            self._account(None, severity, None, "")
        else:
            payload, severity, scope = result
            self._store(_wire.delimited(b"\x12", payload), severity, scope)

    # -- storing -------------------------------------------------------------------------------------------------------

    def _store(self, record: bytes, severity: int, scope: Scope) -> None:
        band = severity_band(severity)
        need = len(record)
        for _ in range(4):
            if self._has_room(band, need):
                self._account(record, severity, scope, "")
                return
            if self._count_full():
                if not self._host.await_count(band):
                    break
                continue
            chunk = self._host.acquire(band, need, True)
            if chunk is None:
                break
            self._install(band, chunk, need)
        self._account(None, severity, None, "queue_full")

    def _count_full(self) -> bool:
        return self.count_limit > 0 and self._stored - self.settled_total >= self.count_limit

    def _has_room(self, band: int, need: int) -> bool:
        if self._count_full():
            return False
        chunk = self._open[band]
        return chunk is not None and chunk.fits(need) and not (self.seal_count and chunk.count >= self.seal_count)

    def _install(self, band: int, chunk: Chunk, need: int) -> None:
        with self._lock:
            if self._has_room(band, need):
                self._host.release(chunk)
                return
            old = self._open[band]
            self._open[band] = chunk
            self.ops += 1
            if old is None:
                return
            if old.offsets:
                self.sealed.append(old)
            else:  # too small for this record, and nobody has written to it yet
                self._host.release(old)
        self._host.wake()

    def _account(self, record: bytes | None, severity: int, scope: Scope | None, reason: str) -> None:
        self._late.append((record, severity, scope, reason))
        with self._lock:
            if self._busy:
                return
            try:
                self._busy = True  # inside, so that an exception out of a signal handler cannot leave it standing
                while self._late:
                    self._place(*self._late.popleft())
            finally:
                self._busy = False

    def _place(self, record: bytes | None, severity: int, scope: Scope | None, reason: str) -> None:
        band = severity_band(severity)
        chunk = None
        if record is not None:
            chunk = self._open[band] or self._reopened(band, len(record))
            reason = reason if chunk is not None else "queue_full"
        if record is None or scope is None or chunk is None:
            lanes = self._dropped.setdefault(reason, [0] * LANES) if reason else self._filtered
            lanes[severity] += 1
            self._submitted[severity] += 1
            self.ops += 1
            return
        before = chunk.count
        try:
            chunk.append(record, severity, scope)
        finally:
            if chunk.count > before:
                self._stored += 1
                self._submitted[severity] += 1
                self.ops += 1
        if self.seal_count and chunk.count >= self.seal_count and self._open[band] is chunk:
            self._open[band] = None
            self.sealed.append(chunk)
            self._host.wake()

    def _reopened(self, band: int, need: int) -> Chunk | None:
        """Give an open chunk in place of the one that the timer has sealed since the caller looked."""
        fresh = self._host.acquire(band, need, False)
        chunk = self._open[band]
        if chunk is None:
            self._open[band] = fresh
            return fresh
        if fresh is not None:  # a finaliser or signal handler has logged meanwhile, and opened one
            self._host.release(fresh)
        return chunk

    def seal_open(self) -> None:
        """Seal every open chunk that holds a record (flush, timer, shutdown), and let go of the cached context."""
        with self._lock:
            self._trace.clear()
            for band in range(4):
                chunk = self._open[band]
                if chunk is not None and chunk.offsets:
                    self._open[band] = None
                    self.sealed.append(chunk)
                    self.ops += 1

    def stored_total(self) -> int:
        """Records written into chunks so far."""
        return self._stored

    def open_records(self) -> int:
        """Records in open chunks."""
        return sum(chunk.count for chunk in self._open if chunk is not None)

    def drop_open(self) -> list[Chunk]:
        """Give up the open chunks, empty ones included (shutdown, a forked child)."""
        with self._lock:
            chunks = self._open
            self._open = [None] * 4
            self.ops += 1
        return [chunk for chunk in chunks if chunk is not None]


def _lane(severity: int) -> int:
    return severity if 0 <= severity <= MAX_SEVERITY else 0
