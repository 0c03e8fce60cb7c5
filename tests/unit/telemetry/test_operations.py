from __future__ import annotations

import pytest

from fapilog_otel.telemetry.operations import BOUNDS, OTHER, Operation, Operations


class TestOperations:
    def test_begins_empty(self) -> None:
        assert Operations("otlp").by_reason() == {}

    def test_counts_each_in_the_bucket_of_its_duration(self) -> None:
        operations = Operations("otlp")
        for seconds in (0.004, 0.005, 0.0051, 3.0, 60.0):
            operations.add(seconds)
        found = operations.by_reason()[""]
        by_bound = dict(zip((*BOUNDS, "more"), found.cumulative, strict=True))
        assert (by_bound[0.005], by_bound[0.01], by_bound[2.5], by_bound[5.0], by_bound[10.0]) == (2, 3, 3, 4, 4)
        assert (by_bound["more"], found.count) == (5, 5)
        assert found.seconds == pytest.approx(63.0141)

    def test_counts_by_how_they_ended(self) -> None:
        operations = Operations("otlp")
        operations.add(0.1)
        operations.add(0.1, "http_400")
        operations.add(0.2, "http_400")
        assert {reason: found.count for reason, found in operations.by_reason().items()} == {"": 1, "http_400": 2}

    def test_a_plugin_cannot_make_it_grow_without_bound(self) -> None:
        operations = Operations("otlp")
        for number in range(1000):
            operations.add(0.1, f"reason-{number}")
        found = operations.by_reason()
        assert len(found) <= 65
        assert sum(one.count for one in found.values()) == 1000
        assert found[OTHER].count > 900

    def test_tells_of_each_where_somebody_wants_to_know(self) -> None:
        told: list[Operation] = []
        Operations("otlp", told.append).add(0.25, "http_503", "http_503")
        assert told == [Operation("otlp", 0.25, "http_503", "http_503")]
