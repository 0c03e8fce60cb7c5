"""A wall clock that jumps by a day stalls nothing, and no deadline notices."""

from __future__ import annotations

import pytest

from tests.faults.clock_jumps import DAY, FLUSH, INTERVAL, JUMPS, SHUTDOWN, jump

pytestmark = pytest.mark.system

GRACE = 1.5
"""Seconds. Half a second is promised, and tested in `test_exit_without_receiver`; under libfaketime, which reads a file
at each look at the clock, a busy machine takes longer. A deadline that noticed a jump would end at once, or last a day.
"""


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_no_stall_beyond_one_interval_and_deadlines_hold(protocol: str) -> None:
    figures = jump(protocol)
    # Read in another process, whose answer a busy machine delays.
    assert figures.seen == pytest.approx(list(JUMPS), abs=20), "the clock did not jump"
    assert max(figures.seen) - min(figures.seen) == pytest.approx(2 * DAY, abs=20)
    # One interval from request to request, and at most one more; the rest is what a busy machine takes.
    assert figures.longest_gap <= 2 * INTERVAL + GRACE
    for seconds in figures.flush:
        assert 0.9 * FLUSH <= seconds <= FLUSH + GRACE
    assert figures.shutdown <= SHUTDOWN + GRACE
    assert figures.missing == 0
    assert figures.balanced
