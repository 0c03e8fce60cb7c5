"""A branch with a spool: what goes to disk and when, what is sent from there, and the accounts of both."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pytest

from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.delivery.claims import BranchSettings
from fapilog_otel.delivery.observe import Health
from fapilog_otel.delivery.split import Part
from fapilog_otel.delivery.spooling import MAX_PUTS, SpooledBranch
from fapilog_otel.encode.decode import decode_request
from fapilog_otel.errors import DeliveryError, PermanentError, RetryableError
from tests.unit.delivery.branches import ALL, Host, Sender, account, drained, held, waiting

SHUT = RetryableError("given up", reason="shutdown")
REFUSED = DeliveryError("no space left", reason="disk_full")


@dataclass
class Row:
    payload: bytes
    lanes: dict[int, int]
    taken: bool = True
    deleted: bool = False

    @property
    def records(self) -> int:
        return sum(self.lanes.values())


@dataclass
class MemoryStore:
    """A spool without a disk, which can refuse and be slow."""

    rows: list[Row] = field(default_factory=list)
    refuse: Exception | None = None
    slow: list[Any] | None = None
    takes: list[int] = field(default_factory=list)

    def put(self, destination: str, body: tuple[Any, ...], lanes: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def finish() -> None:
            if self.refuse is not None:
                future.set_exception(self.refuse)
                return
            row = Row(b"".join(body), dict(lanes))
            self.rows.append(row)
            future.set_result(row)

        if self.slow is None:
            finish()
        else:
            self.slow.append(finish)
        return future

    def take(self, destination: str, limit: int, max_bytes: float) -> Future[list[tuple[Row, bytes]]]:
        self.takes.append(limit)
        found = [row for row in self.rows if not row.taken and not row.deleted][:limit]
        while len(found) > 1 and sum(len(row.payload) for row in found) > max_bytes:
            found.pop()
        for row in found:
            row.taken = True
        future: Future[list[tuple[Row, bytes]]] = Future()
        future.set_result([(row, row.payload) for row in found])
        return future

    def give_back(self, row: Row) -> None:
        row.taken = False

    def delete(self, row: Row) -> None:
        row.deleted = True

    def depth(self, destination: str) -> tuple[int, int]:
        live = self.live
        return len(live), sum(len(row.payload) for row in live)

    @property
    def live(self) -> list[Row]:
        return [row for row in self.rows if not row.deleted]

    @property
    def bodies(self) -> list[list[Any]]:
        return [[record.body for record in decode_request(row.payload)] for row in self.live]


class HealthySender(Sender):
    health = Health()


def read(payload: bytes, lanes: Mapping[int, int]) -> EncodedLogs:
    request = EncodedLogs.from_records(decode_request(payload))
    assert request.severity_counts() == dict(lanes)
    return request


def spooled(store: MemoryStore, *, write_ahead: bool = True, ready: bool = True, **settings: Any) -> Any:
    made: Any = SpooledBranch(
        BranchSettings("d", **{"max_bytes": ALL, **settings}),
        object(),
        HealthySender(),
        threading.RLock(),
        Host(),
        store=store,
        write_ahead=write_ahead,
        read=read,
    )
    made.ready = ready
    return made


async def quiet(branch: Any) -> None:
    """Let everything happen that can."""
    branch.pump()
    for _ in range(50):
        await asyncio.sleep(0)


def failing_with(error: Any) -> Any:
    return lambda request: [Part(request, None, error)]


class TestWriteAhead:
    @pytest.mark.asyncio
    async def test_a_request_is_on_disk_before_it_is_sent_and_gone_after(self) -> None:
        store = MemoryStore()
        branch = spooled(store)
        branch.sender.gate.clear()
        held(branch, 9, 9)
        await quiet(branch)
        assert (store.bodies, branch.sender.bodies) == ([[0, 1]], [[0, 1]])
        assert not branch.holds, "what is durable takes no memory"
        assert account(branch)["in_flight"] == {9: 2}
        branch.sender.gate.set()
        await drained(branch)
        assert store.bodies == []
        assert account(branch)["delivered"] == {9: 2}
        assert account(branch)["in_flight"] == {}

    @pytest.mark.asyncio
    async def test_what_has_no_free_slot_is_sent_from_its_row_later_and_in_order(self) -> None:
        store = MemoryStore()
        branch = spooled(store, max_in_flight=1)
        branch.sender.gate.clear()
        for _ in range(4):
            held(branch, 9)
            await quiet(branch)
        assert len(branch.sender.requests) == 1
        assert len(store.live) == 4
        branch.sender.gate.set()
        await quiet(branch)
        assert [request.count for request in branch.sender.requests] == [1, 3], "small rows go together"
        assert account(branch)["delivered"] == {9: 4}
        assert store.live == []

    @pytest.mark.asyncio
    @pytest.mark.parametrize(("bounds", "counts"), [({"max_request_size": 80}, [2, 2, 1]), ({"max_batch": 3}, [3, 2])])
    async def test_rows_go_together_within_the_bounds_of_a_request(self, bounds: Any, counts: list[int]) -> None:
        store = MemoryStore()
        branch = spooled(store, ready=False, **bounds)
        for _ in range(5):
            held(branch, 9)
            await quiet(branch)
        assert len(store.live) == 5
        branch.ready = True
        await quiet(branch)
        assert [request.count for request in branch.sender.requests] == counts
        assert account(branch)["delivered"] == {9: 5}
        assert store.live == []

    @pytest.mark.asyncio
    async def test_a_destination_that_has_not_started_has_its_records_on_disk(self) -> None:
        store = MemoryStore()
        branch = spooled(store, ready=False)
        held(branch, 9, 9, 9)
        await quiet(branch)
        assert (store.bodies, branch.sender.requests) == ([[0, 1, 2]], [])
        branch.ready = True
        await quiet(branch)
        assert account(branch)["delivered"] == {9: 3}

    @pytest.mark.asyncio
    async def test_a_row_holds_one_severity_band_only(self) -> None:
        store = MemoryStore()
        branch = spooled(store, ready=False)
        held(branch, 5)
        held(branch, 17, 17)
        held(branch, 5, 5)
        await quiet(branch)
        assert sorted(sorted(row.lanes.items()) for row in store.live) == [[(5, 3)], [(17, 2)]]

    @pytest.mark.asyncio
    async def test_refused_for_good_counts_as_failed_and_leaves_the_disk(self) -> None:
        store = MemoryStore()
        branch = spooled(store)
        branch.sender.answer = failing_with(PermanentError("no", reason="http_400"))
        held(branch, 9, 17, band=3)
        await quiet(branch)
        assert account(branch)["failed"] == {"http_400": {9: 1, 17: 1}}
        assert account(branch)["in_flight"] == {}
        assert store.live == []

    @pytest.mark.asyncio
    async def test_a_partial_success_is_counted_and_not_kept(self) -> None:
        store = MemoryStore()
        branch = spooled(store)
        branch.sender.answer = lambda request: [Part(request, ExportResult(rejected=1), None)]
        held(branch, 9, 9, 9)
        await quiet(branch)
        assert branch.ledger.delivered.total() == 2
        assert branch.ledger.failed["rejected"].total() == 1
        assert (branch.stored.total(), store.live) == (0, [])

    @pytest.mark.asyncio
    async def test_no_more_writes_are_under_way_than_a_commit_can_use(self) -> None:
        store = MemoryStore(slow=[])
        branch = spooled(store, max_batch=1)
        held(branch, *[9] * 20)
        await quiet(branch)
        assert store.slow is not None
        assert len(store.slow) == MAX_PUTS
        assert account(branch)["in_flight"] == {9: 20}
        for _ in range(20):
            while store.slow:
                store.slow.pop()()
            await quiet(branch)
        assert account(branch)["delivered"] == {9: 20}

    @pytest.mark.asyncio
    async def test_what_an_earlier_process_left_is_sent_and_counted_as_recovered(self) -> None:
        store = MemoryStore()
        other = spooled(store, ready=False)
        held(other, 9, 17, band=3)
        await quiet(other)
        for row in store.rows:
            row.taken = False
        branch = spooled(store)
        branch.adopt({9: 1, 17: 1})
        branch.available()
        assert account(branch)["in_flight"] == {9: 1, 17: 1}
        await quiet(branch)
        assert branch.recovered.total() == 2
        assert account(branch)["delivered"] == {9: 1, 17: 1}
        assert store.live == []

    @pytest.mark.asyncio
    async def test_what_the_spool_gives_up_is_counted_with_its_reason(self) -> None:
        branch = spooled(MemoryStore(), ready=False)
        held(branch, 9, 9)
        await quiet(branch)
        branch.lose({9: 2}, "spool_full")
        assert account(branch)["dropped"] == {"spool_full": {9: 2}}
        assert account(branch)["in_flight"] == {}


class TestADiskThatCannotWrite:
    @pytest.mark.asyncio
    async def test_requests_are_sent_from_memory(self) -> None:
        store = MemoryStore(refuse=REFUSED)
        branch = spooled(store)
        held(branch, 9, 9)
        await quiet(branch)
        assert account(branch)["delivered"] == {9: 2}
        assert store.rows == []

    @pytest.mark.asyncio
    async def test_they_wait_in_memory_while_the_destination_is_away(self) -> None:
        store = MemoryStore(refuse=REFUSED)
        branch = spooled(store, ready=False)
        held(branch, 9, 9)
        await quiet(branch)
        assert [tuple(segment)[1:] for segment in waiting(branch)] == [(0, 2)]
        assert branch.evict(3)
        assert account(branch)["dropped"] == {"queue_full": {9: 2}}

    @pytest.mark.asyncio
    async def test_a_healed_one_is_used_again_at_once(self) -> None:
        store = MemoryStore(refuse=REFUSED)
        branch = spooled(store, ready=False)
        held(branch, 9)
        await quiet(branch)
        store.refuse = None
        await quiet(branch)
        assert store.rows == [], "a refusal is believed for a while"
        branch.healed()
        await quiet(branch)
        assert store.bodies == [[0]]


class TestSpill:
    @pytest.mark.asyncio
    async def test_nothing_touches_the_disk_while_there_is_room(self) -> None:
        store = MemoryStore()
        branch = spooled(store, write_ahead=False)
        held(branch, 9, 9)
        await drained(branch)
        assert store.rows == []
        assert account(branch)["delivered"] == {9: 2}

    @pytest.mark.asyncio
    async def test_above_half_the_bound_what_waits_goes_to_disk(self) -> None:
        store = MemoryStore()
        branch = spooled(store, write_ahead=False, max_bytes=4 << 16, max_batch=1, ready=False)
        for _ in range(4):
            held(branch, 9, size=1 << 16)
        await quiet(branch)
        assert len(branch.holds) == 2
        assert sum(row.lanes[9] for row in store.live) == 2
        assert account(branch)["in_flight"] == {9: 4}
        branch.ready = True
        await quiet(branch)
        assert account(branch)["delivered"] == {9: 4}
        assert store.live == []

    @pytest.mark.asyncio
    async def test_persist_makes_requests_under_way_durable_too(self) -> None:
        store = MemoryStore()
        branch = spooled(store, write_ahead=False, max_in_flight=1, max_batch=1)
        branch.sender.gate.clear()
        held(branch, 9, 9, 9)
        await quiet(branch)
        branch.persist()
        await quiet(branch)
        assert not branch.holds
        assert sorted(store.bodies) == [[0], [1], [2]]
        branch.sender.gate.set()
        await quiet(branch)
        assert account(branch)["delivered"] == {9: 3}
        assert sorted(body for bodies in branch.sender.bodies for body in bodies) == [0, 1, 2]
        assert store.live == []

    @pytest.mark.asyncio
    async def test_a_request_that_ends_while_it_is_written_is_forgotten_on_disk(self) -> None:
        store = MemoryStore(slow=[])
        branch = spooled(store, write_ahead=False)
        branch.sender.gate.clear()
        held(branch, 9)
        await quiet(branch)
        branch.persist()
        await quiet(branch)
        branch.sender.gate.set()
        await quiet(branch)
        assert account(branch)["delivered"] == {9: 1}
        assert store.slow
        store.slow.pop()()
        await quiet(branch)
        assert (store.live, account(branch)["in_flight"]) == ([], {})


class TestShutdown:
    @pytest.mark.asyncio
    @pytest.mark.parametrize("write_ahead", [True, False])
    async def test_what_cannot_be_sent_stays_on_disk_and_in_flight(self, write_ahead: bool) -> None:
        store = MemoryStore()
        branch = spooled(store, write_ahead=write_ahead, max_in_flight=1, max_batch=2)
        branch.sender.answer = failing_with(SHUT)
        held(branch, 9, 9, 9, 9)
        await quiet(branch)
        assert account(branch) == {
            "delivered": {}, "filtered": {}, "dropped": {}, "failed": {}, "in_flight": {9: 4},
        }  # fmt: skip
        assert sorted(body for bodies in store.bodies for body in bodies) == [0, 1, 2, 3]
        assert branch.given_up
        assert len(branch.sender.requests) == 1, "nothing more is tried"

    @pytest.mark.asyncio
    async def test_without_a_working_disk_it_is_dropped_and_counted(self) -> None:
        store = MemoryStore(refuse=REFUSED)
        branch = spooled(store)
        branch.sender.answer = failing_with(SHUT)
        held(branch, 9, 9)
        await quiet(branch)
        assert account(branch)["dropped"] == {"shutdown": {9: 2}}
        assert account(branch)["in_flight"] == {}

    @pytest.mark.asyncio
    async def test_a_cancelled_request_keeps_its_row(self) -> None:
        store = MemoryStore()
        branch = spooled(store)
        branch.sender.gate.clear()
        held(branch, 9, 9)
        await quiet(branch)
        branch.ready = False
        await branch.cancel(1)
        assert account(branch)["in_flight"] == {9: 2}
        assert [row.taken for row in store.live] == [False]

    @pytest.mark.asyncio
    async def test_a_fork_has_rows_sent_again_and_none_lost(self) -> None:
        store = MemoryStore()
        branch = spooled(store)
        branch.sender.gate.clear()
        held(branch, 9, 9)
        await quiet(branch)
        branch.paused, branch.ready = True, False
        await branch.cancel(1)
        branch.sender.gate.set()
        branch.paused, branch.ready = False, True
        await quiet(branch)
        assert account(branch)["delivered"] == {9: 2}
        assert store.live == []

    @pytest.mark.asyncio
    async def test_a_row_whose_sending_never_began_is_taken_again(self) -> None:
        store = MemoryStore()
        branch = spooled(store, ready=False)
        held(branch, 9)
        await quiet(branch)
        branch.ready = True
        branch.pump()
        for _ in range(50):
            if branch.requests_under_way:
                break
            await asyncio.sleep(0)
        assert branch.requests_under_way == 1
        branch.paused = True
        await branch.cancel(1)
        assert branch.sender.requests == []
        branch.paused = False
        await quiet(branch)
        assert account(branch)["delivered"] == {9: 1}
