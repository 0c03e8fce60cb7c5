from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fapilog_otel.telemetry.accounting import (
    LANE_COUNT,
    UNKNOWN_LANE,
    DestinationStats,
    Intake,
    Lanes,
    Ledger,
    Stats,
    destination_stats,
    global_stats,
)


def lanes(**counts: int) -> list[int]:
    """Give lanes by severity number: ``s9=2`` is two records of severity 9."""
    made = [0] * LANE_COUNT
    for name, number in counts.items():
        made[int(name[1:])] = number
    return made


NOTHING = Intake(lanes(), lanes(), {})


def destination(name: str, delivered: int, *, optional: bool = False, submitted: int = 10) -> DestinationStats:
    return DestinationStats(name, submitted, delivered, 0, 0, 0, submitted - delivered, optional)


class TestLanes:
    def test_are_empty_at_first(self) -> None:
        assert (Lanes().total(), Lanes().lanes) == (0, [0] * LANE_COUNT)

    def test_copy_what_they_are_given(self) -> None:
        given = lanes(s9=1)
        made = Lanes(given)
        made.add({9: 1})
        assert (given[9], made.lanes[9]) == (1, 2)

    def test_add_up(self) -> None:
        made = Lanes(lanes(s9=1))
        made.add({9: 2, 17: 1})
        made.add_lanes(lanes(s17=-1, s0=4))
        assert (made.lanes[9], made.lanes[17], made.lanes[0], made.total()) == (3, 0, 4, 7)

    def test_sort_into_bands(self) -> None:
        made = Lanes([1] * UNKNOWN_LANE + [0])
        assert made.by_band() == {"debug": 8, "info": 5, "warn": 4, "error": 8}

    def test_name_the_unknown_only_where_there_are_some(self) -> None:
        made = Lanes()
        made.add({UNKNOWN_LANE: 3})
        assert made.by_band() == {"debug": 0, "info": 0, "warn": 0, "error": 0, "unknown": 3}
        assert made.total() == 3


class TestLedger:
    def test_counts_by_reason(self) -> None:
        ledger = Ledger("d")
        ledger.drop("queue_full", {9: 1})
        ledger.drop("queue_full", {9: 1, 17: 2})
        ledger.fail("http_400", {9: 5})
        assert {reason: counts.total() for reason, counts in ledger.dropped.items()} == {"queue_full": 4}
        assert ledger.failed["http_400"].lanes[9] == 5
        assert not ledger.optional


class TestDestinationStats:
    def test_put_intake_and_ledger_together(self) -> None:
        intake = Intake(lanes(s9=20, s17=5), lanes(s9=2), {"queue_full": lanes(s9=1), "shutdown": lanes(s17=1)})
        ledger = Ledger("d", optional=True)
        ledger.delivered.add({9: 8, 17: 2})
        ledger.filtered.add({9: 1})
        ledger.drop("queue_full", {9: 2})
        ledger.fail("http_400", {9: 1})
        stats = destination_stats(intake, ledger, Lanes(lanes(s9=4, s17=2)), Lanes(lanes(s9=1)))
        assert (stats.name, stats.optional) == ("d", True)
        assert (stats.submitted, stats.delivered, stats.filtered, stats.dropped, stats.failed, stats.in_flight) == (
            25, 10, 3, 5, 1, 6,
        )  # fmt: skip
        assert stats.dropped_by_reason == {"queue_full": 4, "shutdown": 1}
        assert stats.failed_by_reason == {"http_400": 1}
        assert stats.balanced
        assert dataclasses.astuple(stats.lanes["info"]) == (20, 8, 3, 4, 1, 4)
        assert dataclasses.astuple(stats.lanes["error"]) == (5, 2, 0, 1, 0, 2)

    def test_change_neither_intake_nor_ledger(self) -> None:
        intake = Intake(lanes(s9=2), lanes(), {"queue_full": lanes(s9=1)})
        ledger = Ledger("d")
        ledger.drop("queue_full", {9: 1})
        for _ in range(3):
            destination_stats(intake, ledger, Lanes(), Lanes())
        assert intake.dropped["queue_full"][9] == 1
        assert ledger.dropped["queue_full"].total() == 1

    def test_leave_out_reasons_without_records(self) -> None:
        ledger = Ledger("d")
        ledger.drop("queue_full", {})
        ledger.fail("http_400", {9: 0})
        stats = destination_stats(NOTHING, ledger, Lanes(), Lanes())
        assert (stats.dropped_by_reason, stats.failed_by_reason) == ({}, {})

    def test_of_a_partial_success_have_an_unknown_lane(self) -> None:
        ledger = Ledger("d")
        ledger.fail("rejected", {UNKNOWN_LANE: 2})
        ledger.delivered.add({UNKNOWN_LANE: 3})
        stats = destination_stats(Intake(lanes(s9=5), lanes(), {}), ledger, Lanes(), Lanes())
        assert stats.balanced
        assert (stats.lanes["unknown"].delivered, stats.lanes["unknown"].failed) == (3, 2)

    @pytest.mark.parametrize("field", ["submitted", "delivered", "filtered", "dropped", "failed", "in_flight"])
    def test_can_be_out_of_balance(self, field: str) -> None:
        stats = DestinationStats("d", 10, 2, 2, 2, 2, 2)
        assert stats.balanced
        assert not dataclasses.replace(stats, **{field: 11}).balanced

    def test_cannot_be_changed(self) -> None:
        stats: Any = destination("d", 1)
        with pytest.raises(dataclasses.FrozenInstanceError):
            stats.delivered = 2


class TestGlobalStats:
    def test_are_those_of_the_destination_with_the_fewest_delivered(self) -> None:
        stats = global_stats([destination("a", 5), destination("b", 3), destination("c", 9)])
        assert (stats.delivered, stats.in_flight, list(stats.destinations)) == (3, 7, ["a", "b", "c"])

    def test_ties_go_to_the_first(self) -> None:
        first, second = destination("a", 3), dataclasses.replace(destination("b", 3), in_flight=6, dropped=1)
        assert global_stats([first, second]).dropped == 0
        assert global_stats([second, first]).dropped == 1

    def test_pass_over_optional_ones(self) -> None:
        stats = global_stats([destination("a", 0, optional=True), destination("b", 3)])
        assert (stats.delivered, list(stats.destinations)) == (3, ["a", "b"])

    def test_count_optional_ones_where_all_are(self) -> None:
        stats = global_stats([destination("a", 4, optional=True), destination("b", 3, optional=True)])
        assert stats.delivered == 3

    def test_of_nothing_are_empty(self) -> None:
        stats = global_stats([])
        assert (stats.submitted, stats.destinations, stats.balanced) == (0, {}, True)

    def test_carry_what_was_recovered(self) -> None:
        behind = dataclasses.replace(destination("a", 1), recovered=4)
        ahead = dataclasses.replace(destination("b", 2), recovered=8)
        assert global_stats([ahead, behind]).recovered == 4

    def test_what_was_recovered_counts_as_submitted(self) -> None:
        ledger = Ledger("d")
        ledger.delivered.add({9: 3})
        intake, on_its_way, recovered = Intake(lanes(s9=1), lanes(), {}), Lanes(lanes(s9=1)), Lanes(lanes(s9=3))
        stats = destination_stats(intake, ledger, on_its_way, Lanes(), recovered)
        assert (stats.submitted, stats.recovered, stats.balanced) == (4, 3, True)

    def test_are_balanced_only_if_every_destination_is(self) -> None:
        good, bad = destination("a", 3), dataclasses.replace(destination("b", 4), in_flight=5)
        assert global_stats([good]).balanced
        assert not global_stats([good, bad]).balanced
        assert not dataclasses.replace(Stats(), submitted=1).balanced
