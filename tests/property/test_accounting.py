"""submitted = delivered + filtered + dropped + failed + in_flight, exactly and at every instant."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fapilog_otel.buffer.engine import Engine
from fapilog_otel.buffer.spec import Destination, EngineSpec
from fapilog_otel.contracts import EncodedLogs, ExporterTraits, ExportResult
from fapilog_otel.delivery import RetryPolicy
from fapilog_otel.delivery.claims import BranchSettings
from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.pipeline import build_chain
from fapilog_otel.telemetry.accounting import Stats
from fapilog_otel.telemetry.diagnostics import Diagnostics

SCOPE = Scope("machine")
SEVERITIES = st.sampled_from([0, 5, 9, 13, 17, 22])


class Gate:
    """An exporter that does what it is told, and remembers what it took."""

    def __init__(self, in_flight: int) -> None:
        self.traits = ExporterTraits(max_in_flight=in_flight)
        self.mood = "ok"
        self.taken = 0
        self.refused = 0
        self._lock = threading.Lock()

    def validate(self) -> None:
        pass

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def export(self, request: EncodedLogs) -> ExportResult:
        await asyncio.sleep(0)
        mood = self.mood
        if mood == "permanent":
            with self._lock:
                self.refused += request.count
            raise PermanentError("no", reason="http_400")
        if mood == "retryable":
            raise RetryableError("later", reason="http_503")
        if mood == "bug":
            with self._lock:
                self.refused += request.count
            raise KeyError("a bug in the exporter")
        if mood == "too_large" and request.count > 3:
            raise PermanentError("too large", reason="http_413", too_large=True)
        rejected = 1 if mood == "partial" else 0
        with self._lock:
            self.taken += request.count - rejected
            self.refused += rejected
        return ExportResult(rejected)


class Faulty:
    """A stage that filters or raises on demand."""

    name = "faulty"
    phase = "filter"

    def __init__(self, inline: bool) -> None:
        self.inline = inline
        self.mood = "ok"

    def __call__(self, record: Record) -> Record | None:
        if self.mood == "raise":
            raise ValueError("a bug in the stage")
        return None if self.mood == "filter" and record.severity_number < 17 else record


class Accounts(RuleBasedStateMachine):
    """Emits, flushes, breaks and mends in any order; the equation must hold in between, whatever the threads do."""

    engine: Engine

    @initialize(
        inline=st.booleans(),
        staged=st.booleans(),
        bound=st.sampled_from([65_536, 1 << 20]),
        count=st.sampled_from([None, 40]),
        in_flight=st.sampled_from([1, 4]),
        levels=st.sampled_from([(0, 0), (0, 13)]),
    )
    def build(
        self, inline: bool, staged: bool, bound: int, count: int | None, in_flight: int, levels: tuple[int, int]
    ) -> None:
        self.stage = Faulty(inline)
        self.gates = {name: Gate(in_flight) for name in ("first", "second")}
        spec = EngineSpec(
            chain=build_chain(stages=[self.stage] if staged else []),
            destinations=[
                Destination(
                    BranchSettings(name, bound, 8192, max_in_flight=in_flight, optional=name == "second", level=level),
                    gate,
                )
                for (name, gate), level in zip(self.gates.items(), levels, strict=True)
            ],
            diagnostics=Diagnostics(stream=lambda: None),
            retry=RetryPolicy(initial=0.001, maximum=0.002),
            schedule_delay=0.002,
            chunk_size=8192,
            max_queue_size=count,
        )
        self.engine = Engine(spec)
        self.emitted = 0

    @rule(number=st.integers(1, 60), severity=SEVERITIES, size=st.sampled_from([1, 300, 9000]))
    def emit(self, number: int, severity: int, size: int) -> None:
        for index in range(number):
            self.engine.core.submit(SCOPE, -1, 0, severity, "", "x" * size, {"index": index}, None, (0, 0, 0), None, "")
        self.emitted += number

    @rule(number=st.integers(1, 200), severity=SEVERITIES)
    def emit_from_threads(self, number: int, severity: int) -> None:
        def work() -> None:
            for index in range(number):
                self.engine.core.submit(
                    SCOPE, -1, 0, severity, "INFO", "threaded", {"index": index}, None, None, None, ""
                )

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        self.check_balance()
        for thread in threads:
            thread.join()
        self.emitted += 3 * number

    @rule(
        name=st.sampled_from(["first", "second"]),
        mood=st.sampled_from(["ok", "permanent", "retryable", "bug", "too_large", "partial"]),
    )
    def change_exporter(self, name: str, mood: str) -> None:
        self.gates[name].mood = mood

    @rule(mood=st.sampled_from(["ok", "raise", "filter"]))
    def change_stage(self, mood: str) -> None:
        self.stage.mood = mood

    @rule()
    def flush(self) -> None:
        if self.engine.flush(0.05):
            assert self.stats().destinations["first"].in_flight == 0

    @rule()
    def mend_and_drain(self) -> None:
        for gate in self.gates.values():
            gate.mood = "ok"
        deadline = time.monotonic() + 5
        while self.engine.stats().destinations["second"].in_flight or self.engine.stats().in_flight:
            assert time.monotonic() < deadline, self.engine.stats()
            self.engine.flush(0.2)
        for name, gate in self.gates.items():
            account = self.stats().destinations[name]
            assert account.delivered == gate.taken
            assert account.failed == gate.refused

    @invariant()
    def check_balance(self) -> None:
        if hasattr(self, "engine"):
            self.stats()

    def stats(self) -> Stats:
        stats = self.engine.stats()
        assert stats.balanced, stats
        return stats

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        self.engine.shutdown(0.5)
        self.engine.core.submit(SCOPE, -1, 0, 9, "", "late", None, None, None, None, "")
        stats = self.stats()
        assert stats.submitted == self.emitted + 1
        assert stats.in_flight == 0
        for name, gate in self.gates.items():
            account: Any = stats.destinations[name]
            assert account.in_flight == 0
            # A request cut off at the deadline may have been taken all the same: it counts as dropped.
            assert gate.taken - account.dropped <= account.delivered <= gate.taken, name
            assert account.dropped_by_reason.get("shutdown", 0) >= 1


TestAccounts = Accounts.TestCase
TestAccounts.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
