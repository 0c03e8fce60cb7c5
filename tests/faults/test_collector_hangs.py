"""A collector that takes connections and never answers costs memory up to the bound, and never a call's time."""

from __future__ import annotations

import pytest

from tests.faults.collector_hangs import hang

CAP = 32 * 1024 * 1024
SECONDS = 6.0
RATE = 3000
DETAIL = 2400
"""Bytes a record: the bound is reached in half the time."""


@pytest.mark.timeout(180)
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_memory_stays_within_the_bound_and_every_record_is_accounted_for(
    protocol: str, record_property: pytest.FixtureRequest
) -> None:
    figures = hang(protocol, SECONDS, 1.0, RATE, CAP, DETAIL)
    record_property("p99_ns", [figures.p99_before, figures.p99_hung, figures.p99_after])  # type: ignore[operator]
    assert figures.dropped > 0, "the bound was not reached"
    assert figures.rss_hung - figures.rss_before <= CAP * 1.1
    assert figures.flushed
    assert figures.lost == 0
