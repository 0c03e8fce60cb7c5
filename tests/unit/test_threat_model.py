"""The threat model names a test for each threat, and every one of them exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "threat-model.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| who |")
]
ATTACKERS = {"data that is logged", "the receiver", "the network", "a local user", "a plugin", "the supply chain"}


def test_every_attacker_is_there_and_every_threat_has_an_answer_and_a_test() -> None:
    assert {row[0] for row in ROWS} == ATTACKERS
    for _, threat, answer, tests in ROWS:
        assert threat
        assert answer
        assert re.fullmatch(r"(`tests/[a-z_/]+\.py` ?)+", tests), threat


def test_every_test_that_is_named_exists_and_tests_something() -> None:
    paths = {path for row in ROWS for path in re.findall(r"`([^`]+)`", row[3])}
    assert len(paths) > 20
    for path in paths:
        file = ROOT / path
        assert file.is_file(), path
        assert re.search(r"def test_|TestCase|TestOneInput|atheris", file.read_text()), path
