"""The spool on disks that are full, fail, turn read-only or are taken away: nothing hangs, nothing false is said."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fapilog_otel.delivery.spool import SpoolError
from tests.faults.spool_disks import small_disk, under_strace
from tests.faults.spool_oracle import everything, number_of, request
from tests.unit.delivery.spool.spools import PATIENCE, Running, files, running, until

pytestmark = pytest.mark.system


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as where:
        yield where


def reasons(one: Running, numbers: range, size: int = 50_000) -> dict[int, str]:
    """Store requests; give what each was refused for, empty where it is stored."""
    rng = random.Random(3)
    told: dict[int, str] = {}
    for number in numbers:
        try:
            one.spool.give_back(one.spool.put("a", (request(number, size, rng),), {9: 1}).result(PATIENCE))
            told[number] = ""
        except SpoolError as error:
            told[number] = error.reason
    return told


def fill(path: Path) -> None:
    """Take all the room that there is."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


class TestFullDisk:
    def test_drains_within_5_s_of_room_and_has_raised_nothing(self, disk: Path) -> None:
        with running(disk / "spool", probe_interval=1.0) as one:
            told = reasons(one, range(10))
            assert set(told.values()) == {""}
            fill(disk / "other")
            refused = reasons(one, range(10, 20))
            assert set(refused.values()) == {"disk_full"}
            assert one.host.named("degraded") == [("disk_full",)]
            (disk / "other").unlink()
            freed = time.monotonic()
            until(lambda: one.host.named("healed"), 5.0)
            rows = one.take()
            for row, _ in rows:
                one.spool.delete(row)
            assert set(reasons(one, range(20, 22)).values()) == {""}
            rows += (more := one.take())
            for row, _ in more:
                one.spool.delete(row)
            until(lambda: one.spool._worker.keeper.files.active.rows == 0, 5.0)  # type: ignore[union-attr]
            assert time.monotonic() - freed < 5.0
            assert sorted(number_of(body) for _, body in rows) == [*range(10), 20, 21]

    def test_still_delivers_and_deletes_while_it_is_full(self, disk: Path) -> None:
        with running(disk / "spool", probe_interval=0.2) as one:
            reasons(one, range(10))
            fill(disk / "other")
            assert set(reasons(one, range(10, 12)).values()) == {"disk_full"}
            fill(disk / "another")  # what the ballast had left too
            rows = one.take()
            assert len(rows) == 10
            for row, _ in rows:
                one.spool.delete(row)
            until(lambda: not any(file.rows for file in one.spool._worker.keeper.files.owned.values()))  # type: ignore[union-attr]

    def test_filled_by_the_spool_itself_heals_when_it_is_drained(self, disk: Path) -> None:
        with running(disk / "spool", probe_interval=0.2) as one:
            told = reasons(one, range(60), 100_000)
            stored = [number for number, reason in told.items() if not reason]
            assert set(told.values()) == {"", "disk_full"}
            assert 5 <= len(stored) < 40
            rows = one.take()
            assert [number_of(body) for _, body in rows] == stored
            for row, _ in rows:
                one.spool.delete(row)
            until(lambda: one.host.named("healed"), 5.0)
            assert set(reasons(one, range(100, 105)).values()) == {""}

    def test_at_start_is_degraded_and_heals(self, disk: Path) -> None:
        (disk / "spool").mkdir(0o700)
        fill(disk / "other")
        with running(disk / "spool", probe_interval=0.2) as one:
            assert set(reasons(one, range(3)).values()) == {"disk_full"}
            (disk / "other").unlink()
            until(lambda: one.host.named("healed"), 5.0)
            assert set(reasons(one, range(3)).values()) == {""}
        assert one.host.named("degraded") == [("disk_full",)]

    def test_loses_nothing_that_was_acknowledged(self, disk: Path) -> None:
        with running(disk / "spool", probe_interval=0.1) as one:
            told = reasons(one, range(100), 30_000)
            for path in disk.iterdir():
                if path.is_file():
                    path.unlink()
        found, again = everything(disk / "spool")
        assert again.spool.stop(PATIENCE)
        assert found == [number for number, reason in told.items() if not reason]


class TestFailingSync:
    @pytest.mark.parametrize("when", ["18+", "23+"])
    def test_is_never_reported_as_durable_and_nothing_hangs(self, tmp_path: Path, when: str) -> None:
        report = under_strace(tmp_path / "spool", 30, 0.02, f"fsync,fdatasync:error=EIO:when={when}")
        stored = [number for number, _ in report["stored"]]  # type: ignore[attr-defined]
        refused = dict(report["refused"])  # type: ignore[call-overload]
        assert stored == list(range(1, len(stored) + 1))
        assert 1 < len(stored) < 25
        assert set(refused.values()) == {"io_error"}
        assert ["degraded", "io_error"] in report["host"]  # type: ignore[operator]
        assert report["stopped"]
        assert report["slowest"] < 5.0  # type: ignore[operator]
        found, one = everything(tmp_path / "spool")
        assert one.spool.stop(PATIENCE)
        assert set(stored) <= set(found)

    def test_that_passes_costs_a_file_and_no_request(self, tmp_path: Path) -> None:
        report = under_strace(tmp_path / "spool", 30, 0.02, "fdatasync:error=EIO:when=10")
        assert [number for number, _ in report["stored"]] == list(range(1, 31))  # type: ignore[attr-defined]
        assert len({file for _, file in report["stored"]}) >= 2  # type: ignore[attr-defined]
        assert report["stopped"]
        failed = [path.name for path in files(tmp_path / "spool", ".failed")]
        assert failed
        found, one = everything(tmp_path / "spool")
        assert one.spool.stop(PATIENCE)
        assert set(found) == set(range(1, 31))
        assert files(tmp_path / "spool", ".failed") == []

    def test_leaves_the_failed_file_as_it_is(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def failing() -> None:
            raise sqlite3.OperationalError("disk I/O error")

        with running(tmp_path / "spool") as one:
            kept = one.put(request(1, 1000, random.Random(1)))
            monkeypatch.setattr(one.spool._worker.keeper.files.active, "commit", failing)  # type: ignore[union-attr]
            (old,) = files(tmp_path / "spool")
            paths = [old, old.with_name(f"{old.name}-wal")]
            before = [path.read_bytes() for path in paths]
            # The first commit fails, and the request is stored in another file.
            assert one.put(request(2, 1000, random.Random(1))).file != kept.file
            one.spool.give_back(kept)
            assert [number_of(body) for _, body in one.take()] == [1]
            one.spool.give_back(kept)
            one.settle()
            assert [path.read_bytes() for path in paths] == before
            ((row, _),) = one.take()
            one.spool.delete(row)
            until(lambda: not old.exists())


class TestFailingWrite:
    @pytest.mark.parametrize("error", ["EDQUOT", "EROFS", "ENOSPC"])
    def test_is_never_reported_as_durable_and_nothing_hangs(self, tmp_path: Path, error: str) -> None:
        """A quota is used up, the kernel has turned a broken disk read-only under open files, a disk is full."""
        report = under_strace(tmp_path / "spool", 30, 0.02, f"pwrite64:error={error}:when=60+")
        stored = [number for number, _ in report["stored"]]  # type: ignore[attr-defined]
        reasons_given = {reason for _, reason in report["refused"]}  # type: ignore[attr-defined]
        assert stored == list(range(1, len(stored) + 1))
        assert 1 < len(stored) < 30
        assert reasons_given == {"disk_full" if error == "ENOSPC" else "io_error"}
        assert report["stopped"]
        assert report["slowest"] < 5.0  # type: ignore[operator]
        found, one = everything(tmp_path / "spool")
        assert one.spool.stop(PATIENCE)
        assert set(stored) <= set(found)


class TestVanishingDirectory:
    def test_that_was_removed_is_made_again_and_nothing_false_is_said(self, tmp_path: Path) -> None:
        with running(tmp_path / "spool") as one:
            first = one.put(request(1, 1000, random.Random(1)))
            shutil.rmtree(tmp_path / "spool")
            row = one.put(request(2, 1000, random.Random(2)))
            assert row.file != first.file
            assert (tmp_path / "spool" / f"{row.file}.db").exists()
            one.spool.give_back(first)
            assert [number_of(body) for _, body in one.take()] == [1]  # still in the open file
            assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
        found, again = everything(tmp_path / "spool")
        assert again.spool.stop(PATIENCE)
        assert found == [2]

    def test_that_is_out_of_reach_is_degraded_until_it_is_not(self, disk: Path) -> None:
        with running(disk / "spool", probe_interval=0.1) as one:
            reasons(one, range(3), 1000)
            shutil.move(disk / "spool", disk / "moved")
            (disk / "spool").write_text("in the way")
            assert set(reasons(one, range(3, 6), 1000).values()) <= {"io_error", "read_only"}
            assert len(one.host.named("degraded")) == 1
            (disk / "spool").unlink()
            until(lambda: one.host.named("healed"), 5.0)
            assert set(reasons(one, range(6, 8), 1000).values()) == {""}
