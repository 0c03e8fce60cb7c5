"""Forks: who keeps which file, and that a child never touches what is the parent's."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fapilog_otel.delivery.spool import store
from fapilog_otel.delivery.spool.gate import Gate
from tests.unit.delivery.spool.spools import PATIENCE, Host, Running, files, request, running, started, until


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def forked(one: Running, work: Callable[[], None]) -> int:
    """Fork as the process's hooks do; the child works, and ends without goodbye. Gives its pid."""
    one.spool.before_fork()
    pid = os.fork()
    if pid:
        one.spool.after_fork_in_parent()
        return pid
    code = 1
    try:
        one.spool.after_fork_in_child()
        work()
        code = 0
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class TestGate:
    def test_is_held_after_one_round_however_busy_the_thread_is(self) -> None:
        gate, stop, rounds = Gate(), threading.Event(), 0

        def busy() -> None:
            nonlocal rounds
            while not stop.is_set():
                with gate:
                    time.sleep(0.01)
                    rounds += 1

        thread = threading.Thread(target=busy)
        thread.start()
        try:
            for _ in range(20):
                assert gate.hold(PATIENCE)
                before = rounds
                time.sleep(0.02)
                assert rounds == before
                gate.let_go()
                until(lambda before=before: rounds > before)  # type: ignore[misc]
        finally:
            stop.set()
            thread.join()

    def test_gives_up_in_time(self) -> None:
        gate = Gate()
        with gate:
            assert not gate.hold(0.05)
        with gate:
            pass


class TestFork:
    def test_gives_the_child_a_file_of_its_own_and_the_parent_keeps_its_own(self, directory: Path) -> None:
        with running(directory) as one:
            body, other = request(), request()
            row = one.put(body)

            def child() -> None:
                host = Host()
                one.spool.start(("a",), host)
                assert one.spool.put("a", (other,), {9: 1}).result(PATIENCE).file != row.file
                assert one.take() == []
                assert host.named("adopted") == []

            assert ended(forked(one, child)) == 0
            one.spool.give_back(row)
            until(lambda: one.host.named("adopted") == [("a", {9: 1}, 1)])
            assert one.bodies() == [body, other]

    def test_lets_the_parent_go_on_under_load(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store, "FORK_WAIT", PATIENCE)  # a sync may take its time on a machine that has much to do
        with running(directory) as one:
            stop = threading.Event()
            stored: list[bytes] = []

            def load() -> None:
                while not stop.is_set():
                    body = request(2000)
                    one.put(body)
                    stored.append(body)

            thread = threading.Thread(target=load)
            thread.start()
            bodies = [request() for _ in range(20)]

            def child(body: bytes) -> None:
                one.spool.start(("a",), Host())
                one.put(body)

            try:
                for body in bodies:
                    assert ended(forked(one, lambda body=body: child(body))) == 0  # type: ignore[misc]
            finally:
                stop.set()
                thread.join()
        with running(directory) as fresh:
            found: list[bytes] = []
            until(lambda: len(found.__iadd__(fresh.bodies())) >= len(stored) + 20)
            assert sorted(found) == sorted(stored + bodies)

    def test_leaves_a_dead_parents_file_to_whoever_comes_while_its_child_lives(self, directory: Path) -> None:
        body = request()
        read, write = os.pipe()
        parent = os.fork()
        if parent == 0:
            one = started(directory)
            one.put(body)
            forked(one, lambda: os.write(write, b"x") and time.sleep(60))  # type: ignore[func-returns-value]
            os._exit(0)
        assert ended(parent) == 0
        os.read(read, 1)
        with running(directory) as one:  # the grandchild still sleeps
            until(lambda: one.host.named("adopted") == [("a", {9: 1}, 1)])
            assert one.bodies() == [body]

    def test_lets_a_child_take_over_what_its_dead_parent_left(self, directory: Path) -> None:
        """A daemon: the process that configured the spool is gone, the one that it forked lives on."""
        found = directory.parent / "found"
        bodies = [request(20_000) for _ in range(10)]
        parent = os.fork()
        if parent == 0:
            one = started(directory)
            rows = [one.put(body) for body in bodies]
            one.spool.delete(rows[0])
            with sqlite3.connect(files(directory)[0]) as other:
                until(lambda: other.execute("SELECT count(*) FROM request").fetchone() == (9,))
            other.close()

            def child() -> None:
                one.spool.start(("a",), Host())
                got: list[bytes] = []
                until(lambda: len(got.__iadd__(one.bodies())) >= 9)
                found.with_suffix(".part").write_bytes(b"".join(body[:32] for body in got))
                found.with_suffix(".part").rename(found)

            forked(one, child)
            os._exit(0)
        assert ended(parent) == 0
        until(found.exists)
        assert found.read_bytes() == b"".join(body[:32] for body in bodies[1:])

    def test_that_finds_the_thread_inside_sqlite_gives_the_child_no_spool(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store, "FORK_WAIT", 0.05)
        with running(directory) as one:
            gate = one.spool._gate

            def child() -> None:
                one.spool.start(("a",), Host())
                error = one.spool.put("a", (b"x",), {9: 1}).exception(PATIENCE)
                assert error is not None
                assert error.reason == "forked"  # type: ignore[attr-defined]

            with gate:
                began = time.monotonic()
                pid = forked(one, child)
                assert time.monotonic() - began < 2.0
            assert ended(pid) == 0
            assert one.put(request()).id

    def test_never_lets_a_child_that_exits_write_to_the_parents_file(self, directory: Path) -> None:
        """SQLite writes the log back when a connection is closed, as a finaliser at exit would."""
        script = f"""
import os, pathlib, sys, time
from tests.unit.delivery.spool.spools import request, started
one = started(pathlib.Path({str(directory)!r}))
one.put(request(50_000))
one.spool.before_fork()
parent = os.getpid()
if os.fork():
    os._exit(0)
one.spool.after_fork_in_child()
while os.getppid() == parent:
    time.sleep(0.01)
where = pathlib.Path({str(directory)!r})
left = sorted(path for path in where.iterdir() if path.suffix != ".db-shm")
(where.parent / "seen").write_bytes(b"".join(path.read_bytes() for path in left))
sys.exit(0)
"""
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.read() == b""  # until the child has ended too
        left = sorted(path for path in directory.iterdir() if path.suffix != ".db-shm")
        assert any(path.suffix == ".db-wal" for path in left)
        assert b"".join(path.read_bytes() for path in left) == (directory.parent / "seen").read_bytes()

    def test_without_a_started_spool_is_nothing_special(self, directory: Path) -> None:
        one = started(directory)
        one.spool.stop(PATIENCE)

        def child() -> None:
            one.spool.start(("a",), Host())
            one.put(request())

        assert ended(forked(one, child)) == 0
        assert len(files(directory)) == 1
