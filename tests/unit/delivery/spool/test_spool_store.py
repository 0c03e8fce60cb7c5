"""A spool in one process: what is put is there, what gives way, what is refused."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from fapilog_otel.delivery.spool import Row, Spool, SpoolError
from fapilog_otel.delivery.spool.policy import MIB
from fapilog_otel.telemetry.diagnostics import Diagnostics
from tests.unit.delivery.spool.spools import (
    PATIENCE,
    files,
    is_whole,
    quick,
    request,
    running,
    started,
    until,
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def reason(future: concurrent.futures.Future[Row]) -> str:
    error = future.exception(PATIENCE)
    assert isinstance(error, SpoolError)
    return error.reason


class TestPut:
    def test_gives_a_handle_of_what_was_stored(self, directory: Path) -> None:
        with running(directory) as one:
            row = one.spool.put("a", (b"he", memoryview(b"llo")), {9: 3, 17: 1}).result(PATIENCE)
            assert (row.destination, row.lanes, row.size, row.records, row.severity) == ("a", {9: 3, 17: 1}, 5, 4, 17)
            assert row.attempts == 0
            assert row.batch[6] >> 4 == 7

    def test_is_durable_when_its_future_is_done(self, directory: Path) -> None:
        body = request()
        with running(directory) as one:
            one.put(body)
            (database,) = files(directory)
            with sqlite3.connect(database) as other:
                assert other.execute("SELECT body FROM request").fetchall() == [(body,)]
                assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            other.close()

    def test_counts_as_taken(self, directory: Path) -> None:
        with running(directory) as one:
            one.put(request())
            assert one.take() == []

    def test_of_many_threads_loses_none(self, directory: Path) -> None:
        bodies = [request(200) for _ in range(400)]
        with running(directory) as one:
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                rows = list(pool.map(one.put, bodies))
            assert len({row.id for row in rows}) == 400
            for row in rows:
                one.spool.give_back(row)
            assert Counter(one.bodies()) == Counter(bodies)

    def test_many_at_once_share_a_commit(self, directory: Path) -> None:
        with running(directory) as one:
            file = one.spool._worker.keeper.files.active  # type: ignore[union-attr]
            commits: list[int] = []
            commit = file.commit
            file.commit = lambda: (commits.append(1), commit())  # type: ignore[method-assign, union-attr]
            with one.spool._gate:  # the thread cannot begin
                futures = [one.spool.put("a", (request(100),), {9: 1}) for _ in range(50)]
            concurrent.futures.wait(futures, PATIENCE)
            assert len({future.result().id for future in futures}) == 50
            assert 1 <= len(commits) <= 2

    def test_may_be_called_by_a_signal_handler_and_a_finaliser(self, directory: Path) -> None:
        with running(directory) as one:
            futures: list[concurrent.futures.Future[Row]] = []

            def put(*_: object) -> None:
                futures.append(one.spool.put("a", (request(10),), {9: 1}))

            class Finalised:
                def __del__(self) -> None:
                    put()

            before = signal.signal(signal.SIGALRM, put)
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0005)
            try:
                for _ in range(2000):
                    Finalised()
                until(lambda: len(futures) > 2050)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
            assert len({future.result(PATIENCE).id for future in futures}) == len(futures)

    def test_is_refused_before_start_and_after_stop(self, directory: Path) -> None:
        spool = Spool(quick(directory), Diagnostics())
        assert reason(spool.put("a", (b"x",), {9: 1})) == "closed"
        one = started(directory)
        assert one.spool.stop(PATIENCE)
        assert reason(one.spool.put("a", (b"x",), {9: 1})) == "closed"
        assert isinstance(one.spool.take("a", 1).exception(PATIENCE), SpoolError)

    def test_that_was_cancelled_is_not_stored(self, directory: Path) -> None:
        with running(directory) as one:
            with one.spool._gate:
                first = one.spool.put("a", (request(),), {9: 1})  # may be under way already
                second = one.spool.put("a", (request(),), {9: 1})
                until(lambda: first.running())
                cancelled = second.cancel()
            for future in (first,) if cancelled else (first, second):
                one.spool.give_back(future.result(PATIENCE))
            assert len(one.bodies()) == (1 if cancelled else 2)


class TestTake:
    def test_gives_the_oldest_first_and_only_of_its_destination(self, directory: Path) -> None:
        with running(directory, ("a", "b")) as one:
            bodies = [request(50) for _ in range(10)]
            rows = [one.put(body, destination="ab"[index % 2]) for index, body in enumerate(bodies)]
            for row in reversed(rows):
                one.spool.give_back(row)
            assert [body for _, body in one.take(3)] == bodies[0:6:2]
            assert [body for _, body in one.take(9)] == bodies[6::2]
            assert [body for _, body in one.take(9, "b")] == bodies[1::2]

    def test_skips_what_is_taken_however_much_it_is(self, directory: Path) -> None:
        with running(directory) as one:
            rows = [one.put(request(20)) for _ in range(200)]
            one.spool.give_back(rows[150])
            assert [row for row, _ in one.take()] == [rows[150]]
            one.spool.give_back(rows[3])
            one.spool.give_back(rows[199])
            assert [row for row, _ in one.take()] == [rows[3], rows[199]]

    def test_says_when_something_was_given_back(self, directory: Path) -> None:
        with running(directory) as one:
            row = one.put(request())
            assert one.host.named("available") == []
            one.spool.give_back(row)
            until(lambda: one.host.named("available") == [("a",)])
            assert one.host.threads == {"fapilog-otel-spool"}

    def test_of_damaged_bytes_gives_nothing_and_counts_the_loss(self, directory: Path) -> None:
        bodies = [request() for _ in range(3)]
        with running(directory) as one:
            rows = [one.put(body, records=7) for body in bodies]
            database = files(directory)[0]
            with sqlite3.connect(database) as other:
                flipped = bodies[1][:500] + bytes([bodies[1][500] ^ 4]) + bodies[1][501:]
                other.execute("UPDATE request SET body=? WHERE id=?", (flipped, rows[1].id))
            other.close()
            for row in rows:
                one.spool.give_back(row)
            assert one.bodies() == [bodies[0], bodies[2]]
            until(lambda: one.host.lost_records() == {("a", "spool_corrupt"): 7})

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("records", 2),
            ("lanes", b"\x09\0\0\0\x02\0\0\0"),
            ("lanes", 5),
            ("severity", 12),
            ("batch", b"0" * 16),
            ("created", 5),
            ("attempts", 1),
            ("version", 2),
            ("size", 3),
            ("crc", "text"),
            ("body", "text"),
            ("severity", 1 << 62),
        ],
    )
    def test_of_a_row_with_any_column_damaged_gives_nothing(self, directory: Path, column: str, value: object) -> None:
        with running(directory) as one:
            row = one.put(request())
            with sqlite3.connect(files(directory)[0]) as other:
                other.execute(f"UPDATE request SET {column}=?", (value,))
            other.close()
            one.spool.give_back(row)
            assert one.bodies() == []
            until(lambda: sum(one.host.lost_records().values()) in (1, 2))


class TestDelete:
    def test_takes_effect_without_another_commit(self, directory: Path) -> None:
        with running(directory) as one:
            row = one.put(request())
            one.spool.delete(row)
            with sqlite3.connect(files(directory)[0]) as other:
                until(lambda: other.execute("SELECT count(*) FROM request").fetchone() == (0,))
            other.close()

    def test_twice_or_after_giving_back_does_no_harm(self, directory: Path) -> None:
        with running(directory) as one:
            row, kept = one.put(request()), one.put(request())
            for _ in range(2):
                one.spool.delete(row)
            one.spool.give_back(row)
            one.spool.give_back(kept)
            assert [found for found, _ in one.take()] == [kept]


class TestStop:
    def test_commits_what_is_queued(self, directory: Path) -> None:
        bodies = [request(5000) for _ in range(30)]
        one = started(directory)
        futures = [one.spool.put("a", (body,), {9: 1}) for body in bodies]
        assert one.spool.stop(PATIENCE)
        assert all(future.done() and future.exception() is None for future in futures)
        with running(directory) as next_one:
            assert next_one.bodies() == bodies

    def test_leaves_nothing_behind_where_nothing_is_stored(self, directory: Path) -> None:
        one = started(directory)
        one.spool.delete(one.put(request()))
        assert one.spool.stop(PATIENCE)
        assert list(directory.iterdir()) == []

    def test_is_bounded_and_may_be_repeated(self, directory: Path) -> None:
        one = started(directory)
        with one.spool._gate:
            assert not one.spool.stop(0.05)
        assert one.spool.stop(PATIENCE)
        assert one.spool.stop(0.0)

    def test_leaves_what_is_taken_for_the_next_process(self, directory: Path) -> None:
        one = started(directory)
        body = request()
        one.put(body)
        one.spool.stop(PATIENCE)
        with running(directory) as next_one:
            assert next_one.host.named("adopted") == [("a", {9: 1}, 1)]
            ((row, found),) = next_one.take()
            assert (found, row.attempts) == (body, 1)

    @pytest.mark.parametrize("end", ["sys.exit()", "raise ValueError", "pass"])
    def test_works_while_the_interpreter_goes_down(self, directory: Path, end: str) -> None:
        script = f"""
import atexit, sys, threading
from tests.unit.delivery.spool.spools import started, request
from pathlib import Path
one = started(Path({str(directory)!r}))
def stop():
    future = one.spool.put("a", (request(),), {{9: 1}})
    assert one.spool.stop(10.0)
    print("stored", future.result(0).id)
atexit.register(stop)
{end}
"""
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
        assert done.stdout == "stored 1\n", done.stderr
        assert len(files(directory)) == 1


class TestBound:
    def test_is_kept_by_giving_up_the_lowest_severity_then_the_oldest(self, directory: Path) -> None:
        with running(directory, max_bytes=2 * MIB) as one:
            bodies: dict[int, list[bytes]] = {5: [], 9: [], 17: []}
            for _ in range(40):
                for severity in (9, 5, 17):
                    body = request(20_000)
                    future = one.spool.put("a", (body,), {severity: 1})
                    if severity == 5 and future.exception(PATIENCE):
                        continue  # nothing as low is left
                    bodies[severity].append(body)
                    one.spool.give_back(future.result(PATIENCE))
                    assert sum(path.stat().st_size for path in directory.iterdir()) <= 2 * MIB + 3 * 32768
            kept = one.bodies()
            assert all(map(is_whole, kept))
            of = {severity: [body for body in kept if body in set(bodies[severity])] for severity in bodies}
            assert of[17] == bodies[17]
            assert of[9] == bodies[9][40 - len(of[9]) :]
            assert len(of[5]) <= 1
            until(lambda: one.host.lost_records() == {("a", "spool_full"): sum(map(len, bodies.values())) - len(kept)})

    def test_refuses_what_would_displace_something_higher(self, directory: Path) -> None:
        with running(directory, max_bytes=MIB) as one:
            while True:
                future = one.spool.put("a", (request(30_000),), {17: 1})
                if future.exception(PATIENCE) is not None:
                    break
                one.spool.give_back(future.result())
                if one.host.named("lost"):
                    break
            before = len(one.host.named("lost"))
            assert before
            assert reason(one.spool.put("a", (request(30_000),), {9: 5})) == "spool_full"
            assert len(one.host.named("lost")) == before
            assert one.put(request(30_000), severity=17).id

    def test_never_gives_up_what_is_taken(self, directory: Path) -> None:
        with running(directory, max_bytes=MIB) as one:
            futures = [one.spool.put("a", (request(50_000),), {9: 1}) for _ in range(40)]
            stored = [future.result() for future in futures if future.exception(PATIENCE) is None]
            assert {reason(future) for future in futures if future.exception() is not None} == {"spool_full"}
            assert one.host.named("lost") == []
            for row in stored:
                one.spool.give_back(row)
            assert len(one.bodies()) == len(stored)

    def test_refuses_what_can_never_fit(self, directory: Path) -> None:
        with running(directory, max_bytes=MIB) as one:
            row = one.put(request())
            one.spool.give_back(row)
            assert reason(one.spool.put("a", (bytes(2 * MIB),), {24: 1})) == "spool_full"
            assert len(one.bodies()) == 1

    def test_holds_over_many_files(self, directory: Path) -> None:
        with running(directory, max_bytes=8 * MIB, segment_bytes=MIB) as one:
            for _ in range(250):
                one.spool.give_back(one.put(request(50_000)))
            assert 4 <= len(files(directory)) <= 10
            assert sum(path.stat().st_size for path in directory.iterdir()) <= 8 * MIB + 10 * 32768
            kept = len(one.bodies())
            assert kept >= 100
            assert one.host.lost_records() == {("a", "spool_full"): 250 - kept}


def sizes(directory: Path) -> list[int]:
    """The bytes of each database; none where one has just been deleted."""
    try:
        return [path.stat().st_size for path in files(directory)]
    except FileNotFoundError:
        return []


class TestRotation:
    def test_deletes_files_that_are_drained(self, directory: Path) -> None:
        with running(directory, segment_bytes=MIB, idle_bytes=MIB // 2) as one:
            rows = [one.put(request(100_000)) for _ in range(50)]
            assert len({row.file for row in rows}) > 3
            for row in rows:
                one.spool.delete(row)
            until(lambda: [size < MIB // 2 for size in sizes(directory)] == [True])
            assert len(files(directory, ".lock")) == 2
            assert one.put(request()).id

    def test_keeps_the_order_over_files(self, directory: Path) -> None:
        with running(directory, segment_bytes=MIB) as one:
            bodies = [request(60_000) for _ in range(60)]
            for body in bodies:
                one.spool.give_back(one.put(body))
            assert one.bodies() == bodies


class TestPermissions:
    def test_are_ours_alone_whatever_the_umask(self, directory: Path) -> None:
        before = os.umask(0)
        try:
            with running(directory) as one:
                one.put(request())
                assert stat.S_IMODE(directory.stat().st_mode) == 0o700
                modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
                assert modes == dict.fromkeys((".db", ".db-wal", ".db-shm", ".lock", ".ballast"), 0o600)
        finally:
            os.umask(before)

    def test_let_us_in_whatever_the_umask(self, directory: Path) -> None:
        before = os.umask(0o777)
        try:
            with running(directory) as one:
                one.put(request())
                assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
        finally:
            os.umask(before)


class TestImport:
    def test_loads_sqlite3_only_where_a_spool_is_prepared(self) -> None:
        script = (
            "import sys, fapilog_otel, fapilog_otel.delivery.spool as spool\n"
            "assert not {'sqlite3', '_sqlite3'} & sys.modules.keys()\n"
        )
        environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # it uses it
        assert subprocess.run([sys.executable, "-c", script], env=environ, timeout=60).returncode == 0


class TestThread:
    def test_that_cannot_start_refuses_and_says_so(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        one = started(directory)
        one.spool.stop(PATIENCE)
        monkeypatch.setattr(threading.Thread, "start", refuse)
        spool = Spool(quick(directory), Diagnostics())
        spool.start(("a",), one.host)
        assert reason(spool.put("a", (b"x",), {9: 1})) == "closed"

    def test_survives_a_host_and_a_callback_that_raise(self, directory: Path) -> None:
        with running(directory) as one:
            one.host.available = None  # type: ignore[assignment]
            future = one.spool.put("a", (request(),), {9: 1})
            future.add_done_callback(lambda _: 1 / 0)
            one.spool.give_back(future.result(PATIENCE))
            assert len(one.take()) == 1
