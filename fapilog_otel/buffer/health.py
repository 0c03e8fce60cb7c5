"""The engine's health: what each destination's branch and sender know, read at one instant."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from fapilog_otel.pipeline import default_redaction
from fapilog_otel.telemetry.diagnostics import clean_server_text
from fapilog_otel.telemetry.health import DestinationHealth, HealthReport

if TYPE_CHECKING:
    from fapilog_otel.buffer.engine import Engine
    from fapilog_otel.delivery import Health
    from fapilog_otel.delivery.fanout import Branch
    from fapilog_otel.encode.plan import Redaction
    from fapilog_otel.telemetry.health import State

_LONGEST: Final = 4096  # characters of an error that are looked at


def health_of(engine: Engine) -> HealthReport:
    """Give how an engine's destinations are doing; from any thread, without waiting for any I/O."""
    ended = engine.thread is not None and not engine.thread.is_alive() and not engine.closed
    with engine.lock:
        found = [_destination(engine, branch, ended) for branch in engine.branches]
    masked = [replace(one, last_error=_masked(one.last_error)) if one.last_error else one for one in found]
    return HealthReport(engine.closed, {one.name: one for one in masked})


def _destination(engine: Engine, branch: Branch, ended: bool) -> DestinationHealth:
    health = branch.sender.health
    opening = branch.opening_error
    error, error_at = (health.last_error, health.last_error_at) if opening is None else (opening[1], opening[0])
    spooled = branch.spool_depth()
    return DestinationHealth(
        name=branch.name,
        state=_state(engine, branch, health, ended),
        optional=branch.settings.optional,
        attempts=health.attempts,
        consecutive_failures=health.consecutive_failures,
        last_success=health.last_success,
        last_error=error[:_LONGEST],
        last_error_at=error_at,
        queue_records=branch.queued(),
        queue_bytes=branch.charged,
        queue_capacity_bytes=branch.settings.max_bytes,
        queue_capacity_records=engine.spec.max_queue_size,
        requests_under_way=branch.requests_under_way,
        records_under_way=branch.records_under_way,
        circuit=branch.sender.circuit,
        spool_records=None if spooled is None else spooled[0],
        spool_bytes=None if spooled is None else spooled[1],
    )


def _state(engine: Engine, branch: Branch, health: Health, ended: bool) -> State:
    if branch.sender.circuit in ("open", "probing"):
        return "circuit_open"
    if health.consecutive_failures:
        return "failing"
    if ended or branch.opening_error is not None or not branch.has_room(engine.queue.chunk_cost):
        return "degraded"
    return "ok" if branch.ready else "starting"


@lru_cache(maxsize=32)
def _masked(text: str) -> str:
    """Give an error's text without what looks like a credential; exporters have masked their own in it already."""
    scrub = _redaction().scrub
    return clean_server_text(text if scrub is None else scrub(text))


@cache
def _redaction() -> Redaction:
    return default_redaction()
