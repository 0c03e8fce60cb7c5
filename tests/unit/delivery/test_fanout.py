from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.contracts.encoded_logs import Segment
from fapilog_otel.delivery.claims import Ticket
from fapilog_otel.delivery.fanout import SHUTDOWN
from fapilog_otel.delivery.split import Part
from fapilog_otel.encode._native import Chunk as NativeChunk
from fapilog_otel.encode._wire import delimited
from fapilog_otel.encode.plan import EncodePlan
from fapilog_otel.encode.values import record_payload
from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel.model.chunk import Chunk as PythonChunk
from fapilog_otel.model.record import Record
from fapilog_otel.telemetry.accounting import UNKNOWN_LANE
from tests.unit.delivery.branches import SCOPE, Host, account, branch_of, chunk_of, drained, held, waiting


class TestTicket:
    def test_charges_the_takers_and_tells_those_who_missed(self) -> None:
        taker, misser = branch_of(), branch_of()
        chunk = chunk_of(9, 17)
        ticket = Ticket(chunk, [taker], [misser])
        assert (taker.charged, misser.charged) == (chunk.allocated, 0)
        assert (list(ticket.holds), ticket.missed, ticket.held()) == ([taker], (misser,), True)
        assert misser.missed().lanes[9] == misser.missed().lanes[17] == 1
        assert taker.missed().total() == 0

    def test_counts_what_is_still_written_into_an_open_chunk(self) -> None:
        branch, misser = branch_of(), branch_of()
        chunk = chunk_of()
        chunk.owner = Ticket(chunk, [branch], [misser])
        assert branch.in_flight().total() == misser.missed().total() == 0
        chunk.append(b"\x12\x00", 9, SCOPE)
        assert branch.in_flight().total() == misser.missed().total() == 1


class TestRoom:
    def test_is_what_the_bound_leaves(self) -> None:
        branch = branch_of(max_bytes=100_000)
        held(branch, 9, size=60_000)
        left = 100_000 - branch.charged
        assert branch.has_room(left)
        assert not branch.has_room(left + 1)

    async def test_is_less_by_what_the_transport_holds_besides(self) -> None:
        branch = branch_of(max_bytes=16 << 16, copies=2)
        held(branch, 9)
        room = (16 << 16) - branch.charged
        assert branch.has_room(room)
        branch.sender.gate.clear()
        branch.pump()
        await asyncio.sleep(0)
        copied = 2 * branch.sender.requests[0].size
        assert branch.has_room(room - copied)
        assert not branch.has_room(room - copied + 1)
        branch.sender.gate.set()
        await drained(branch)
        assert branch.has_room(16 << 16)

    async def test_of_a_small_queue_is_half_at_least_while_one_request_is_under_way(self) -> None:
        branch = branch_of(max_bytes=2 << 16, copies=9)
        held(branch, 9)
        branch.sender.gate.clear()
        branch.pump()
        await asyncio.sleep(0)
        assert branch.has_room((1 << 16) - branch.charged)
        branch.sender.gate.set()
        await drained(branch)

    def test_follows_a_chunk_that_was_moved(self) -> None:
        branch = branch_of()
        chunk = held(branch, 9)
        before = chunk.allocated
        chunk.compact()
        branch.recharge(before, chunk.allocated)
        assert branch.charged == chunk.allocated < before

    def test_comes_back_when_the_last_record_is_settled(self) -> None:
        host = Host()
        branch = branch_of(host)
        chunk = held(branch, 9, 9, 9)
        branch.settle(Segment(chunk, 0, 2), lost=False)
        assert (branch.charged, list(host.released)) == (chunk.allocated, [])
        branch.settle(Segment(chunk, 2, 3), lost=False)
        assert (branch.charged, list(host.released), host.settled) == (0, [chunk], 2)
        assert branch.settled_records == 3


class TestLevels:
    def test_a_chunk_above_the_level_is_taken_whole(self) -> None:
        branch = branch_of(level=13)
        chunk = held(branch, 13, 17, 0)
        assert waiting(branch) == [(chunk, 0, 3)]

    def test_what_is_below_is_filtered_at_once(self) -> None:
        branch = branch_of(level=13)
        chunk = held(branch, 9, 13, 14, 5, 0, 9, 17)
        assert waiting(branch) == [(chunk, 1, 3), (chunk, 4, 5), (chunk, 6, 7)]
        assert account(branch)["filtered"] == {5: 1, 9: 2}
        assert account(branch)["in_flight"] == {0: 1, 13: 1, 14: 1, 17: 1}

    def test_a_chunk_of_nothing_else_is_released(self) -> None:
        host = Host()
        branch = branch_of(host, level=17)
        chunk = held(branch, 9, 13)
        assert (waiting(branch), list(host.released), branch.charged) == ([], [chunk], 0)

    def test_filtered_records_are_not_lost(self) -> None:
        branch = branch_of(level=17)
        chunk = chunk_of(9)
        chunk.owner = ticket = Ticket(chunk, [branch], [])
        branch.offer(chunk)
        assert (ticket.holds[branch].done(), ticket.holds[branch].lost_total()) == (True, 0)


class TestEviction:
    def test_takes_the_lowest_band_then_the_oldest(self) -> None:
        branch = branch_of()
        chunks = [held(branch, *severities) for severities in ([13], [9], [5], [17], [5], [9])]
        order = []
        while branch.evict(3):
            left = [segment.chunk for segment in branch.waiting]
            order.append(next(n for n, chunk in enumerate(chunks) if chunk not in left and n not in order))
        assert order == [2, 4, 1, 5, 0, 3]
        assert account(branch)["dropped"] == {"queue_full": {5: 2, 9: 2, 13: 1, 17: 1}}
        assert branch.charged == 0

    def test_never_takes_a_band_above_the_asking_one(self) -> None:
        branch = branch_of()
        held(branch, 17)
        held(branch, 13)
        assert not branch.evict(1)
        assert branch.evict(2)
        assert not branch.evict(2)
        assert len(branch.waiting) == 1

    def test_takes_only_what_waits(self) -> None:
        branch = branch_of(max_request_size=1)
        chunk = held(branch, 9, 9, 9)
        request = branch._next_request()
        assert branch.evict(3)
        assert not branch.evict(3)
        assert account(branch)["dropped"] == {"queue_full": {9: 2}}
        assert branch.in_flight().total() == request.count == 1
        assert branch.charged == chunk.allocated

    def test_of_nothing_tells_so(self) -> None:
        assert not branch_of().evict(3)


class TestRequests:
    async def test_are_filled_up_to_their_size(self) -> None:
        branch = branch_of(max_request_size=100)
        per_request = 100 // held(branch, *[9] * 20).offset(1)
        await drained(branch)
        assert [len(bodies) for bodies in branch.sender.bodies] == [per_request] * (20 // per_request)
        assert [body for bodies in branch.sender.bodies for body in bodies] == list(range(20))
        assert account(branch)["delivered"] == {9: 20}

    async def test_join_several_chunks(self) -> None:
        branch = branch_of()
        for severities in ([9, 9], [17], [5]):
            held(branch, *severities)
        await drained(branch)
        assert branch.sender.bodies == [[0, 1, 0, 0]]

    async def test_are_bounded_by_their_number_of_records(self) -> None:
        branch = branch_of(max_batch=3)
        held(branch, *[9] * 4)
        held(branch, *[9] * 4)
        await drained(branch)
        assert [len(bodies) for bodies in branch.sender.bodies] == [3, 3, 2]

    async def test_a_record_that_is_too_large_goes_alone(self) -> None:
        branch = branch_of(max_request_size=30)
        held(branch, 9)
        chunk = chunk_of()
        for body in ("a", "x" * 100, "b"):
            payload = record_payload(Record(body=body, severity_number=9), EncodePlan())
            chunk.append(delimited(b"\x12", payload), 9, SCOPE)
        chunk.owner = Ticket(chunk, [branch], [])
        branch.offer(chunk)
        await drained(branch)
        assert branch.sender.bodies == [[0, "a"], ["x" * 100], ["b"]]

    async def test_never_take_more_than_half_of_the_queue(self) -> None:
        """What is in a request, or waits for another attempt, cannot be given up for what is more severe."""
        branch = branch_of(max_batch=1, max_in_flight=9, max_bytes=8 << 16)
        branch.sender.gate.clear()
        for _ in range(7):
            held(branch, 5)
        branch.pump()
        await asyncio.sleep(0)
        assert len(branch.sender.requests) == 4
        assert len(branch.waiting) == 3
        branch.sender.gate.set()
        await drained(branch)
        assert len(branch.sender.requests) == 7

    async def test_take_the_less_of_it_the_more_copies_the_transport_makes(self) -> None:
        branch = branch_of(max_batch=2000, max_in_flight=9, max_bytes=12 << 16, copies=2)
        branch.sender.gate.clear()
        for _ in range(7):
            held(branch, *[5] * 2000)
        branch.pump()
        await asyncio.sleep(0)
        assert len(branch.sender.requests) == 2
        branch.sender.gate.set()
        await drained(branch)
        assert len(branch.sender.requests) == 7

    async def test_count_a_chunk_once_however_many_pieces_of_it_they_take(self) -> None:
        branch = branch_of(max_in_flight=9, max_bytes=8 << 16, level=9)
        branch.sender.gate.clear()
        held(branch, *[5, 9] * 50)
        held(branch, 9)
        branch.pump()
        await asyncio.sleep(0)
        assert len(branch.sender.requests[0].segments) > 8
        held(branch, 9)
        branch.pump()
        await asyncio.sleep(0)
        assert len(branch.sender.requests) == 2
        branch.sender.gate.set()
        await drained(branch)

    async def test_a_single_one_is_sent_whatever_its_size(self) -> None:
        branch = branch_of(max_in_flight=9, max_bytes=1 << 16)
        held(branch, 5)
        await drained(branch)
        assert len(branch.sender.requests) == 1

    async def test_as_many_are_under_way_as_may_be(self) -> None:
        branch = branch_of(max_batch=1, max_in_flight=3)
        held(branch, *[9] * 5)
        branch.sender.gate.clear()
        branch.pump()
        await asyncio.sleep(0)
        assert (len(branch.sender.requests), branch.busy, branch.in_flight().total()) == (3, True, 5)
        branch.sender.gate.set()
        await drained(branch)
        assert (len(branch.sender.requests), branch.busy, branch.in_flight().total()) == (5, False, 0)

    @pytest.mark.parametrize(("ready", "paused"), [(False, False), (True, True), (False, True)])
    async def test_none_starts_before_the_exporter_has_or_in_a_pause(self, ready: bool, paused: bool) -> None:
        branch = branch_of()
        held(branch, 9)
        branch.ready, branch.paused = ready, paused
        await drained(branch)
        assert branch.sender.requests == []
        branch.ready, branch.paused = True, False
        await drained(branch)
        assert branch.sender.bodies == [[0]]


class TestOutcomes:
    async def outcome(self, answer: Callable[[EncodedLogs], list[Part]], **settings: Any) -> tuple[dict[str, Any], int]:
        """Deliver three records; give the accounts and how many count as lost."""
        branch = branch_of(**settings)
        chunk = chunk_of(9, 9, 17)
        chunk.owner = ticket = Ticket(chunk, [branch], [])
        branch.offer(chunk)
        branch.sender.answer = answer
        await drained(branch)
        assert ticket.holds[branch].done()
        assert (branch.charged, branch.settled_records) == (0, 3)
        found = account(branch)
        assert found.pop("in_flight") == {}
        return {name: value for name, value in found.items() if value}, ticket.holds[branch].lost_total()

    async def test_success(self) -> None:
        assert await self.outcome(lambda request: [Part(request, ExportResult(), None)]) == (
            {"delivered": {9: 2, 17: 1}}, 0,
        )  # fmt: skip

    async def test_success_with_a_warning(self) -> None:
        found = await self.outcome(lambda request: [Part(request, ExportResult(0, "slow down"), None)])
        assert found == ({"delivered": {9: 2, 17: 1}}, 0)

    async def test_partial_success_has_no_severity(self) -> None:
        found = await self.outcome(lambda request: [Part(request, ExportResult(1, "bad"), None)])
        assert found == ({"delivered": {UNKNOWN_LANE: 2}, "failed": {"rejected": {UNKNOWN_LANE: 1}}}, 3)

    @pytest.mark.parametrize(("rejected", "failed"), [(3, 3), (4, 3), (1 << 62, 3)])
    async def test_absurd_counts_are_clamped(self, rejected: int, failed: int) -> None:
        found, lost = await self.outcome(lambda request: [Part(request, ExportResult(rejected), None)])
        assert found == {"failed": {"rejected": {UNKNOWN_LANE: failed}}}
        assert lost == 3

    async def test_a_negative_count_is_full_success(self) -> None:
        found = await self.outcome(lambda request: [Part(request, ExportResult(-5), None)])
        assert found == ({"delivered": {9: 2, 17: 1}}, 0)

    @pytest.mark.parametrize(
        "error", [PermanentError("no", reason="http_400"), RetryableError("no", reason="http_400")]
    )
    async def test_failure_counts_by_its_reason(self, error: Any) -> None:
        found = await self.outcome(lambda request: [Part(request, None, error)])
        assert found == ({"failed": {"http_400": {9: 2, 17: 1}}}, 3)

    async def test_what_shutdown_gave_up_counts_as_dropped(self) -> None:
        found = await self.outcome(lambda request: [Part(request, None, RetryableError("late", reason=SHUTDOWN))])
        assert found == ({"dropped": {"shutdown": {9: 2, 17: 1}}}, 3)

    async def test_each_part_counts_for_itself(self) -> None:
        def halves(request: EncodedLogs) -> list[Part]:
            left, right = request.split()
            return [Part(left, ExportResult(), None), Part(right, None, PermanentError("no", reason="too_large"))]

        found = await self.outcome(halves)
        assert found == ({"delivered": {9: 1}, "failed": {"too_large": {9: 1, 17: 1}}}, 2)

    async def test_a_branch_that_fails_holds_back_no_other(self) -> None:
        chunk = chunk_of(9, 17)
        good, bad = branch_of(), branch_of()
        bad.sender.gate.clear()
        chunk.owner = ticket = Ticket(chunk, [good, bad], [])
        for branch in (good, bad):
            branch.offer(chunk)
            branch.pump()
        await asyncio.wait_for(good.idle(), 5)
        assert (good.charged, bad.charged) == (0, chunk.allocated)
        assert (ticket.holds[good].done(), ticket.holds[bad].done(), ticket.held()) == (True, False, True)
        await bad.cancel(1.0)


class TestHold:
    def test_is_done_only_when_what_stages_made_of_it_is(self) -> None:
        branch = branch_of()
        first, second = held(branch, 9), held(branch, 9, 9)
        before, after = first.owner.holds[branch], second.owner.holds[branch]
        before.successors.append(after)
        branch.release(before)
        assert not before.done()
        branch.drop(Segment(second, 0, 2), "queue_full")
        assert before.done()
        assert before.lost_total() == 2


class TestMemory:
    @pytest.mark.parametrize("kind", [NativeChunk, PythonChunk], ids=["native", "python"])
    @pytest.mark.parametrize("branches", [1, 2])
    async def test_a_delivered_chunk_is_freed_without_the_garbage_collector(self, kind: Any, branches: int) -> None:
        gc.collect()
        gc.disable()
        try:
            targets = [branch_of(Host(remember=False)) for _ in range(branches)]
            chunk = chunk_of(9, 17, kind=kind)
            alive = weakref.ref(chunk)
            chunk.owner = Ticket(chunk, targets, [])
            for branch in targets:
                branch.offer(chunk)
            del chunk
            for branch in targets:
                assert alive() is not None
                await drained(branch)
                branch.sender.requests.clear()
            await asyncio.sleep(0)
            assert alive() is None
        finally:
            gc.enable()


class TestEnding:
    async def under_way(self, *severities: int) -> Any:
        """Give a branch with two requests of one record under way, and the rest waiting."""
        branch = branch_of(max_in_flight=2, max_batch=1)
        held(branch, *severities)
        branch.sender.gate.clear()
        branch.pump()
        await asyncio.sleep(0)
        branch.ready = False
        return branch

    async def test_cancelled_requests_count_as_dropped_by_shutdown(self) -> None:
        branch = await self.under_way(9, 17, 5)
        await branch.cancel(1.0)
        assert account(branch)["dropped"] == {"shutdown": {9: 1, 17: 1}}
        assert account(branch)["in_flight"] == {5: 1}
        branch.give_up_waiting("shutdown")
        assert account(branch)["dropped"] == {"shutdown": {5: 1, 9: 1, 17: 1}}
        assert (branch.charged, branch.busy, waiting(branch)) == (0, False, [])

    async def test_a_request_cancelled_before_its_first_step_is_not_forgotten(self) -> None:
        for paused in (True, False):
            branch = branch_of()
            held(branch, 9, 9)
            branch.pump()
            branch.paused, branch.ready = paused, False
            await branch.cancel(1.0)
            await asyncio.sleep(0)
            assert branch.sender.requests == []
            assert len(waiting(branch)) == (1 if paused else 0)
            assert account(branch)["dropped"] == ({} if paused else {"shutdown": {9: 2}})

    async def test_requests_cancelled_in_a_pause_wait_again_in_front(self) -> None:
        branch = await self.under_way(9, 17, 5)
        branch.paused = True
        await branch.cancel(1.0)
        assert account(branch) == {
            "delivered": {}, "filtered": {}, "dropped": {}, "failed": {}, "in_flight": {5: 1, 9: 1, 17: 1},
        }  # fmt: skip
        branch.paused, branch.ready = False, True
        branch.sender.requests.clear()
        branch.sender.gate.set()
        await drained(branch)
        assert sorted(body for bodies in branch.sender.bodies for body in bodies) == [0, 1, 2]
        assert account(branch)["delivered"] == {5: 1, 9: 1, 17: 1}

    async def test_abandoned_records_count_as_dropped_by_shutdown_and_never_again(self) -> None:
        branch = await self.under_way(9, 17, 5)
        (hold,) = branch.holds
        branch.abandon()
        expected = {"shutdown": {5: 1, 9: 1, 17: 1}}
        assert (account(branch)["dropped"], account(branch)["in_flight"]) == (expected, {})
        assert (branch.charged, waiting(branch), hold.lost_total(), hold.done()) == (0, [], 3, True)
        branch.sender.gate.set()
        await asyncio.wait_for(branch.idle(), 5)
        assert (account(branch)["dropped"], account(branch)["delivered"]) == (expected, {})

    async def test_abandoned_requests_may_be_cancelled(self) -> None:
        branch = await self.under_way(9, 17)
        branch.abandon()
        await branch.cancel(1.0)
        assert account(branch)["dropped"] == {"shutdown": {9: 1, 17: 1}}

    async def test_what_was_settled_before_is_not_abandoned(self) -> None:
        branch = branch_of(max_batch=1)
        chunk = held(branch, 9, 17)
        branch.drop(Segment(chunk, 0, 1), "queue_full")
        branch.abandon()
        assert account(branch)["dropped"] == {"queue_full": {9: 1}, "shutdown": {17: 1}}
