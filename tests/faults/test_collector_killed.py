"""A Collector that dies and comes back: what is lost is counted to the record, and with a spool nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.collector_killed import kill_often
from tests.receivers import BuildError
from tests.receivers.build import COLLECTOR, build

pytestmark = [pytest.mark.receiver, pytest.mark.timeout(180)]

KILLS = 3
SPOOLS = (False, True)
"""Whether the application has a spool: `(False, True)` where there is one."""


@pytest.fixture(autouse=True)
def collector_built() -> None:
    try:
        build(COLLECTOR)
    except BuildError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.mark.parametrize("spooled", SPOOLS)
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_what_is_lost_is_what_is_counted(protocol: str, spooled: bool, tmp_path: Path) -> None:
    spool = tmp_path / "spool" if spooled else None
    figures = kill_often(protocol, KILLS, up=1.0, down=1.5, queue_bytes=256 * 1024, spool=spool)
    assert figures.flushed
    assert figures.lost == figures.counted
    assert figures.delivered == figures.written - figures.counted
    assert figures.strangers == 0
    if spooled:
        assert figures.lost == 0
    else:
        assert set(figures.reasons) == {"queue_full"}, "nothing was lost: the load was too light to show anything"
