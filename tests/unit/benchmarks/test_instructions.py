"""The guard that counts instructions: it reads callgrind's files right, and sees growth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.instructions import baseline, cli
from benchmarks.instructions.callgrind import CountError, a_record, totals
from benchmarks.instructions.cases import CASES, LENGTHS, Case

SHORT, LONG = LENGTHS


def dump(length: int, total: int, thread: int = 1) -> str:
    """A file as callgrind writes it."""
    return (
        f"version: 1\nthread: {thread}\ndesc: Trigger: Client Request: {length}\n\nfn=(1)\n0 {total}\ntotals: {total}\n"
    )


class TestTotals:
    def test_are_those_of_the_thread_that_logs(self) -> None:
        dumps = [
            dump(SHORT, 5_000),
            dump(LONG, 12_000),
            dump(LONG, 7, thread=2),
            "desc: Trigger: Program termination\n",
        ]
        assert totals(dumps) == {SHORT: 5_000, LONG: 12_000}

    def test_leave_out_what_a_run_costs_by_itself(self) -> None:
        assert a_record({SHORT: 900 + 70 * SHORT, LONG: 900 + 70 * LONG}) == 70

    @pytest.mark.parametrize("counted", [{}, {SHORT: 1}, {SHORT: 1, LONG + 1: 2}])
    def test_that_are_missing_are_an_error(self, counted: dict[int, int]) -> None:
        with pytest.raises(CountError, match=str(LONG)):
            a_record(counted)


class TestLine:
    @pytest.mark.parametrize("counted", [500.0, 1_000.0, 1_049.0])
    def test_accepts_a_count_that_has_not_grown_beyond_the_limit(self, counted: float) -> None:
        assert baseline.Line("own", counted, 1_000).fault == ""

    def test_refuses_one_that_has(self) -> None:
        assert "+5.1%" in baseline.Line("own", 1_051.0, 1_000).fault

    def test_refuses_a_case_without_a_baseline(self) -> None:
        assert "--write" in baseline.Line("own", 1_000.0, None).fault

    def test_refuses_a_case_that_is_no_longer_counted(self) -> None:
        assert "can no longer be counted" in baseline.Line("own", None, 1_000).fault

    def test_accepts_a_case_that_this_version_never_had(self) -> None:
        assert baseline.Line("own", None, None).fault == ""


class TestWrite:
    def test_replaces_what_was_counted_and_keeps_the_rest(self, tmp_path: Path) -> None:
        path = tmp_path / "baseline.json"
        baseline.write("3.10", {"own": 10.0, "api": 20.0}, path)
        baseline.write("3.9", {"own": 5.0}, path)
        baseline.write("3.10", {"own": 11.4}, path)
        assert baseline.read("3.10", path) == {"own": 11, "api": 20}
        assert list(json.loads(path.read_text())) == ["3.9", "3.10"]
        assert baseline.read("3.11", path) == {}


class TestCommand:
    @pytest.fixture
    def counts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
        """What each case counts, in place of valgrind, with a baseline of 1 000 for each."""
        counts = dict.fromkeys(CASES, 1_000.0)

        def count(case: Case, library: Path, folder: Path) -> float:
            return counts[case.key]

        path = tmp_path / "baseline.json"
        baseline.write(baseline.minor(), counts, path)
        monkeypatch.setattr(cli, "build_marks", lambda folder: folder / "marks.so")
        monkeypatch.setattr(cli, "count", count)
        monkeypatch.setattr(Case, "missing", "")
        monkeypatch.setattr(baseline, "FILE", path)
        monkeypatch.setattr(baseline.read, "__defaults__", (path,))
        monkeypatch.setattr(baseline.write, "__defaults__", (path,))
        return counts

    def test_passes_while_nothing_has_grown(self, counts: dict[str, float]) -> None:
        assert cli.main([]) == 0

    def test_fails_when_one_case_has_grown(self, counts: dict[str, float], capsys: pytest.CaptureFixture[str]) -> None:
        counts["api"] = 1_100.0
        assert cli.main([]) == 1
        assert "FAULT api takes +10.0%" in capsys.readouterr().out

    def test_makes_the_counts_the_baseline_on_request(self, counts: dict[str, float]) -> None:
        counts["api"] = 1_100.0
        assert cli.main(["--write"]) == 0
        assert cli.main([]) == 0

    def test_fails_when_nothing_can_be_counted(self, counts: dict[str, float], monkeypatch, capsys) -> None:
        def refuse(folder: Path) -> Path:
            raise CountError("valgrind is not installed")

        monkeypatch.setattr(cli, "build_marks", refuse)
        assert cli.main([]) == 1
        assert "valgrind is not installed" in capsys.readouterr().err


class TestBaseline:
    def test_holds_cases_that_exist(self) -> None:
        everything = json.loads(baseline.FILE.read_text())
        assert everything
        assert {key for counts in everything.values() for key in counts} <= set(CASES)
