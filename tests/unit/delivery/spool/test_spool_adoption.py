"""What dead processes left, who may have it, and what is damaged, newer or not ours."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from fapilog_otel.delivery.spool.policy import PAGE
from tests.unit.delivery.spool.spools import (
    PATIENCE,
    files,
    in_child,
    leave_behind,
    request,
    running,
    started,
    until,
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


class TestOrphan:
    def test_is_adopted_at_start_with_its_counts(self, directory: Path) -> None:
        bodies = [request() for _ in range(5)]
        leave_behind(directory, bodies)
        with running(directory) as one:
            assert one.bodies() == bodies
            assert one.host.named("adopted") == [("a", {9: 5}, 5)]
            assert one.host.named("available") == [("a",)]

    def test_is_adopted_while_running(self, directory: Path) -> None:
        with running(directory) as one:
            assert one.bodies() == []
            body = request()
            leave_behind(directory, [body])
            until(lambda: one.host.named("adopted") == [("a", {9: 1}, 1)])
            assert one.bodies() == [body]

    def test_is_deleted_when_drained(self, directory: Path) -> None:
        leave_behind(directory, [request() for _ in range(3)])
        leave_behind(directory, [request(3_000_000)], segment_bytes=1 << 20)
        with running(directory) as one:
            until(lambda: sum(rows for _, _, rows in one.host.named("adopted")) == 4)
            for row, _ in one.take():
                one.spool.delete(row)
            until(lambda: len(files(directory)) == 1)

    def test_tells_how_many_processes_have_had_it(self, directory: Path) -> None:
        leave_behind(directory, [request()])
        for _ in range(2):
            in_child(lambda: started(directory).take() and None)  # type: ignore[func-returns-value]
        with running(directory) as one:
            ((row, _),) = one.take()
            assert row.attempts == 3

    def test_leaves_its_files_ballast_and_lock_to_be_swept(self, directory: Path) -> None:
        in_child(lambda: started(directory) and None)  # type: ignore[func-returns-value]
        assert {path.suffix for path in directory.iterdir()} >= {".db", ".lock", ".ballast"}
        with running(directory) as one:
            until(lambda: len(files(directory)) == len(files(directory, ".ballast")) == 1)
            assert one.host.named("adopted") == []
        assert list(directory.iterdir()) == []

    def test_that_many_short_lives_leave_is_one_file(self, directory: Path) -> None:
        bodies = [request() for _ in range(8)]
        for body in bodies:
            leave_behind(directory, [body])
        assert len(files(directory)) == 1
        with running(directory) as one:
            assert one.bodies() == bodies

    def test_of_a_destination_that_is_not_configured_stays_and_is_said_once(self, directory: Path) -> None:
        body = request()
        leave_behind(directory, [body], destination="gone")
        with running(directory) as one:
            assert one.bodies() == []
            assert one.host.calls == []
            assert one.said.getvalue().count("not configured") == 1
        with running(directory, ("gone",)) as one:
            assert one.bodies("gone") == [body]

    def test_beyond_the_bound_waits(self, directory: Path) -> None:
        bodies = [request(300_000) for _ in range(12)]
        leave_behind(directory, bodies, segment_bytes=1 << 20)
        kept = len(files(directory))
        assert kept >= 3
        with running(directory, max_bytes=2 << 20) as one:
            found: list[bytes] = []

            def drained() -> bool:
                for row, body in one.take():
                    found.append(body)
                    one.spool.delete(row)
                return len(found) == 12

            assert 1 <= len(one.host.named("adopted")) < kept
            until(drained)
            assert sorted(found) == sorted(bodies)


class TestLivingProcesses:
    def test_share_a_directory(self, directory: Path) -> None:
        with running(directory) as first, running(directory) as second:
            mine, theirs = request(), request()
            rows = [first.put(mine), second.put(theirs)]
            until(lambda: len(files(directory)) == 2)
            first.spool.give_back(rows[0])
            second.spool.give_back(rows[1])
            until(lambda: first.host.calls and second.host.calls)
            assert (first.bodies(), second.bodies()) == ([mine], [theirs])
            assert first.host.named("adopted") == second.host.named("adopted") == []

    def test_of_which_one_stops_hand_over(self, directory: Path) -> None:
        with running(directory) as first:
            second = started(directory)
            body = request()
            second.put(body)
            second.spool.stop(PATIENCE)
            until(lambda: first.host.named("adopted") == [("a", {9: 1}, 1)])
            assert first.bodies() == [body]


class TestNewerFile:
    def test_is_left_alone_and_said_once(self, directory: Path) -> None:
        leave_behind(directory, [request()])
        with sqlite3.connect(files(directory)[0]) as other:
            other.execute("PRAGMA user_version=2")
        other.close()
        before = files(directory)[0].read_bytes()
        with running(directory) as one:
            until(lambda: one.said.getvalue().count("a later version") == 1)
            one.put(request())
            assert one.bodies() == []
        assert before in [path.read_bytes() for path in files(directory)]


class TestDamagedFile:
    @pytest.mark.parametrize("damage", ["text", "header", "page", "empty", "foreign", "no tables"])
    def test_is_put_aside_and_start_goes_on(self, directory: Path, damage: str) -> None:
        leave_behind(directory, [request(5000) for _ in range(20)])
        (database,) = files(directory)
        with sqlite3.connect(database) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if damage == "foreign":
                other.execute("PRAGMA application_id=7")
            if damage == "no tables":
                other.execute("DROP TABLE request")
        other.close()
        content = bytearray(database.read_bytes())
        if damage == "text":
            content[:] = b"no database at all" * 1000
        elif damage == "header":
            content[16:100] = bytes(84)
        elif damage == "page":
            content[PAGE : PAGE + 104] = b"\xaa" * 104
        elif damage == "empty":
            content.clear()
        database.write_bytes(content)
        with running(directory) as one:
            until(lambda: [path.name.partition(".db.")[2] for path in directory.iterdir() if "corrupt" in path.name])
            assert one.put(request()).id
            assert one.bodies() == []
            assert "damaged" in one.said.getvalue()
        (aside,) = [path for path in directory.iterdir() if "corrupt" in path.name]
        assert aside.name == f"{database.name}.corrupt-1"
        assert aside.read_bytes() == content

    def test_that_shows_while_running_is_counted_as_lost(self, directory: Path) -> None:
        leave_behind(directory, [request(200_000) for _ in range(30)])
        with running(directory) as one:
            (database,) = files(directory)
            for path in (database, database.with_name(f"{database.name}-wal")):
                with path.open("r+b") as file:
                    size = path.stat().st_size
                    file.seek(0)
                    file.write(b"\xff" * size)
            got = one.take()
            assert 1 < len(got) < 30
            until(lambda: one.host.lost_records() == {("a", "spool_corrupt"): 30 - len(got)})
            one.spool.delete(got[0][0])
            one.spool.give_back(got[1][0])  # what is damaged cannot be taken again
            until(lambda: one.host.lost_records() == {("a", "spool_corrupt"): 31 - len(got)})
            assert one.put(request()).id

    def test_quarantine_is_capped(self, directory: Path) -> None:
        for index in range(5):
            leave_behind(directory, [request()])
            for path in files(directory):
                path.write_bytes(b"x" * 5000 * (index + 1))
                path.with_name(f"{path.name}-wal").unlink()
            with running(directory, quarantine_files=3, quarantine_bytes=45_000):
                until(lambda: not [path for path in files(directory) if path.read_bytes()[:1] == b"x"])
        sizes = sorted(path.stat().st_size for path in directory.iterdir() if "corrupt" in path.name)
        assert sizes == [20_000, 25_000]


class TestForeignFiles:
    def test_that_are_links_are_not_followed(self, directory: Path, tmp_path: Path) -> None:
        leave_behind(directory, [request()])
        (database,) = files(directory)
        elsewhere = tmp_path / "elsewhere.db"
        shutil.move(database, elsewhere)
        database.symlink_to(elsewhere)
        before = elsewhere.read_bytes()
        with running(directory) as one:
            until(lambda: "is left alone" in one.said.getvalue())
            assert one.host.named("adopted") == []
        assert elsewhere.read_bytes() == before

    def test_that_have_other_names_are_none_of_ours(self, directory: Path) -> None:
        directory.mkdir(0o700)
        for name in ("notes.txt", "app.db", "app.lock", ".hidden"):
            (directory / name).write_text("mine")
        with running(directory) as one:
            one.put(request())
        assert {path.name for path in directory.iterdir() if path.read_bytes() == b"mine"} == {
            "notes.txt",
            "app.db",
            "app.lock",
            ".hidden",
        }
