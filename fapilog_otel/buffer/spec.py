"""What an engine is built from, and rebuilt from in a forked child."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fapilog_otel.contracts import Exporter
    from fapilog_otel.delivery import BreakerPolicy, RetryPolicy
    from fapilog_otel.delivery.claims import BranchSettings
    from fapilog_otel.delivery.spool import SpoolPolicy
    from fapilog_otel.pipeline.chain import Chain
    from fapilog_otel.telemetry.diagnostics import Diagnostics
    from fapilog_otel.telemetry.operations import Operation


@dataclass(frozen=True, slots=True)
class Destination:
    """One destination: how it is fed, and by which transport.

    Args:
        settings: How it is fed.
        exporter: Its transport.
        timeout: Seconds an attempt; None: the engine's.
    """

    settings: BranchSettings
    exporter: Exporter
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Everything that an engine needs.

    Args:
        chain: Compiled stages.
        destinations: At least one.
        diagnostics: Where the engine reports.
        retry: Waits between attempts.
        timeout: Seconds an attempt.
        schedule_delay: Seconds after which open chunks are sealed.
        chunk_size: Bytes of records a chunk, before a small bound makes it smaller.
        block_timeout: Seconds that a log call may wait for room; 0: never.
        max_queue_size: Records that may be pending; None: only bytes count.
        max_batch: Records after which a chunk is sealed; None: only bytes count.
        breaker: Circuit breaker; None: none.
        spool: Where requests are kept on disk; None: in memory alone.
        spill: Whether only what memory has no room for goes there; otherwise every request, before it is sent.
        on_operation: Told of each delivery that has ended, on the pipeline thread; must not raise.
    """

    chain: Chain
    destinations: Sequence[Destination]
    diagnostics: Diagnostics
    retry: RetryPolicy
    timeout: float = 10.0
    schedule_delay: float = 1.0
    chunk_size: int = 262_144
    block_timeout: float = 0.0
    max_queue_size: int | None = None
    max_batch: int | None = None
    breaker: BreakerPolicy | None = None
    spool: SpoolPolicy | None = None
    spill: bool = False
    on_operation: Callable[[Operation], None] | None = None
