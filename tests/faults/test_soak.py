"""After a minute of random faults everything arrives soon, and the next record too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.soak import DRAIN, Protocol, soak


@pytest.mark.timeout(180)
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_all_arrives_once_the_faults_are_over(protocol: Protocol, tmp_path: Path) -> None:
    figures = soak(30.0, 20261127, protocol, tmp_path / "spool")
    assert figures.connection_faults > 5
    assert figures.reply_faults > 0
    assert figures.lost == 0
    assert figures.drained <= DRAIN
    assert figures.fresh
    assert (figures.balanced, figures.in_flight) == (True, 0)
