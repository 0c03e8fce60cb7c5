"""submitted = delivered + filtered + dropped + failed + in_flight, exactly and at every instant."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import warnings
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
        levels=st.sampled_from([(0, 0), (0, 13), (9, 17)]),
        waits=st.sampled_from([0.0, 0.0, 0.005]),
        batch=st.sampled_from([None, 7]),
    )
    def build(
        self,
        inline: bool,
        staged: bool,
        bound: int,
        count: int | None,
        in_flight: int,
        levels: tuple[int, int],
        waits: float,
        batch: int | None,
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
            block_timeout=waits,
            max_batch=batch,
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

    @rule(number=st.integers(1, 40), severity=SEVERITIES)
    def emit_on_an_event_loop(self, number: int, severity: int) -> None:
        async def work() -> None:
            for index in range(number):
                self.engine.core.submit(SCOPE, -1, 0, severity, "", "x" * 300, {"i": index}, None, None, None, "")
                await asyncio.sleep(0)

        asyncio.run(work())
        self.emitted += number

    @rule()
    def emit_what_no_encoder_likes(self) -> None:
        circle: list[Any] = []
        circle.append(circle)
        for body in (circle, "\ud800", 1 << 70, {1: {2}}, "x" * 400_000):
            self.engine.core.submit(SCOPE, -1, 0, 9, "", body, {"bad": body}, None, None, None, "")
        self.emitted += 5

    @rule(number=st.integers(0, 5))
    def fork_a_child(self, number: int) -> None:
        """A child begins at zero and balances by itself; its parent's account is not touched."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # from 3.12 on, of forks in processes with threads
            pid = os.fork()
        if pid == 0:
            self._as_child(number)
        assert os.waitpid(pid, 0)[1] == 0

    def _as_child(self, number: int) -> None:
        code = 1
        try:
            begins = self.engine.stats()
            for index in range(number):
                self.engine.core.submit(SCOPE, -1, 0, 9, "", "in the child", {"i": index}, None, None, None, "")
            ends = self.engine.stats()
            zero = begins.submitted == begins.delivered == begins.in_flight == begins.dropped == begins.failed == 0
            code = 0 if zero and begins.balanced and ends.balanced and ends.submitted == number else 2
        finally:
            os._exit(code)

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
        for account in (stats, *stats.destinations.values()):
            for column in ("submitted", "delivered", "filtered", "dropped", "failed", "in_flight"):
                by_lane = sum(getattr(lane, column) for lane in account.lanes.values())
                assert by_lane == getattr(account, column), (column, stats)
            known = [lane for name, lane in account.lanes.items() if name != "unknown"]
            if "unknown" not in account.lanes:  # a partial success does not say which records it rejects
                assert all(
                    lane.submitted == lane.delivered + lane.filtered + lane.dropped + lane.failed + lane.in_flight
                    for lane in known
                ), stats
            assert sum(account.dropped_by_reason.values()) == account.dropped
            assert sum(account.failed_by_reason.values()) == account.failed
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
