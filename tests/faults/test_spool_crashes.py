"""The spool against SIGKILL, loss of power and damage; the long forms are commands of the modules that do it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import spool_damage, spool_kills, spool_power

SEED = 20_240_607


class TestKills:
    def test_lose_nothing_that_was_acknowledged(self, tmp_path: Path) -> None:
        outcome = spool_kills.run(tmp_path / "spool", 40, SEED)
        assert outcome.acknowledged > 40
        assert outcome.lost == 0


class TestLossOfPower:
    @pytest.mark.system
    def test_loses_nothing_that_was_acknowledged_and_every_image_opens(self) -> None:
        outcome = spool_power.run(150, 80, SEED)
        assert outcome.acknowledged > 150
        assert (outcome.lost, outcome.put_aside) == (0, 0)


class TestDamage:
    @pytest.mark.parametrize("kind", ["torn", "flipped", "flipped in the database"])
    def test_never_gives_out_a_wrong_payload_and_never_stops_a_start(self, kind: str) -> None:
        outcome = spool_damage.run(kind, 60, SEED)  # raises for a wrong payload
        assert outcome.cases == 60
        assert outcome.given_out > 60
        assert outcome.unchanged < 60
