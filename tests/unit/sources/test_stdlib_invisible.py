"""An application's own logging is the same with our source and without, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import logging_scenarios
import pytest

import fapilog_otel

SCRIPT = Path(logging_scenarios.__file__)
MODES = ("default", "DEBUG", "ERROR")
NOTSET, INFO, WARNING = 0, 20, 30


def run(scenario: str, mode: str) -> tuple[dict[str, Any], str]:
    source_root = str(Path(fapilog_otel.__file__).parent.parent)
    finished = subprocess.run(
        [sys.executable, str(SCRIPT), scenario, mode],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": source_root, "PYTHONIOENCODING": "utf-8"},
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout), finished.stderr


def expected_capture(case: dict[str, Any], mode: str, logger: str, level: int) -> bool:
    """What the rules say, written once more and as plainly as they are told to users."""
    own = case["own_level"] if logger.startswith("app") else NOTSET
    gate = {"default": None, "DEBUG": 10, "ERROR": 40}[mode]
    if own:
        return level >= own and level >= (gate or 0)
    if gate is not None:
        return level >= gate
    root = case["root_level"]
    return level >= (INFO if root == WARNING else root)


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    return run("matrix", "plain")[0]


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def hooked(mode: str) -> dict[str, Any]:
    return run("matrix", mode)[0]


class TestScenarios:
    @pytest.mark.parametrize("scenario", sorted(logging_scenarios.SCENARIOS))
    def test_write_and_answer_the_same(self, scenario: str) -> None:
        plain, plain_stderr = run(scenario, "plain")
        assert plain["captured"] == []
        for mode in MODES:
            hooked, stderr = run(scenario, mode)
            assert stderr == plain_stderr, mode
            assert hooked["answer"] == plain["answer"], mode
            assert hooked["captured"] or mode == "ERROR", mode


class TestMatrix:
    """Root level x logger level x propagation x handlers x handler level x order."""

    def test_writes_and_answers_the_same(self, plain: dict[str, Any], hooked: dict[str, Any]) -> None:
        assert len(hooked) == len(plain) == 512
        for name, result in hooked.items():
            assert result["stderr"] == plain[name]["stderr"], name
            assert result["answer"] == plain[name]["answer"], name

    def test_captures_what_the_rules_say(self, mode: str, hooked: dict[str, Any]) -> None:
        for name, case in logging_scenarios.matrix().items():
            captured = [entry for entry in hooked[name]["captured"] if "says" in entry[1]]
            assert captured == [
                [logger, f"{logger} says {level}"]
                for logger in ("app", "app.child", "other")
                for level in logging_scenarios.LEVELS
                if expected_capture(case, mode, logger, level)
            ], name
