"""``fapilog-otel spool``, run in process: what waits on disk, and delivering what dead processes left."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fapilog_otel.cli.app import app
from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope
from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from tests.unit.delivery.spool.spools import PATIENCE, files, leave_behind, running, started


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OTEL_", "FAPILOG_OTEL_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["spool", *arguments])


def logs(*bodies: str) -> bytes:
    scope = Scope("test", resource=Resource({"service.name": "s"}))
    encoded = EncodedLogs.from_records(
        Record(timestamp=5, observed_timestamp=5, severity_number=9, body=body, scope=scope) for body in bodies
    )
    return b"".join(encoded.body())


def damage(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE request SET body=x'00' WHERE id=1")
    connection.close()


class TestInspect:
    def test_shows_files_of_the_living_and_of_the_dead(self, directory: Path) -> None:
        leave_behind(directory, [b"x" * 100, b"y" * 50])
        orphan = files(directory)[0].name
        with running(directory, adopt_interval=1000.0, destinations=("a", "b")):
            pass
        leave_behind(directory, [])
        result = run("inspect", str(directory))
        assert result.exit_code == 0
        (line,) = [line for line in result.output.splitlines() if orphan in line]
        assert line.startswith("orphan")
        assert "a: 2 requests, records: info 2; 150 bytes, oldest " in line

    def test_tells_the_living_apart_and_changes_nothing(self, directory: Path) -> None:
        with running(directory) as one:
            one.put(b"body", severity=17, records=3)
            found = json.loads(run("inspect", str(directory), "--json").output)
            assert [item["state"] for item in found] == ["live"]
            assert found[0]["destinations"]["a"]["requests"] == 1
            assert found[0]["destinations"]["a"]["records"] == {"debug": 0, "info": 0, "warn": 0, "error": 3}
            assert found[0]["destinations"]["a"]["bytes"] == 4
            assert one.put(b"more").id == 2

    def test_knows_newer_and_damaged_files(self, directory: Path) -> None:
        leave_behind(directory, [b"x"])
        with sqlite3.connect(files(directory)[0]) as connection:
            connection.execute("PRAGMA user_version=9")
        connection.close()
        newer = files(directory)[0].name
        leave_behind(directory, [b"x"])
        (other,) = (path for path in files(directory) if path.name != newer)
        other.with_name(f"{other.name}-wal").unlink()
        other.write_bytes(b"nonsense" * 1000)
        states = {item["file"]: item["state"] for item in json.loads(run("inspect", str(directory), "--json").output)}
        assert states == {newer: "newer", other.name: "corrupt"}
        assert run("verify", str(directory)).exit_code == 1

    def test_uses_the_configured_spool(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        leave_behind(directory, [b"x"])
        monkeypatch.setenv("FAPILOG_OTEL_SPOOL", str(directory))
        assert "orphan" in run("inspect").output

    def test_without_a_spool_says_what_to_do(self, tmp_path: Path) -> None:
        result = run("inspect")
        assert result.exit_code == 2
        assert "FAPILOG_OTEL_SPOOL" in result.output
        assert run("inspect", str(tmp_path / "missing")).exit_code == 2
        (tmp_path / "empty").mkdir()
        assert run("inspect", str(tmp_path / "empty")).output == "the spool is empty\n"


class TestVerify:
    def test_of_a_sound_spool_ends_with_0(self, directory: Path) -> None:
        leave_behind(directory, [b"x" * 1000, b"y"])
        result = run("verify", str(directory))
        assert result.exit_code == 0
        assert result.output.rstrip().endswith("sound")

    def test_of_a_damaged_request_ends_with_1(self, directory: Path) -> None:
        leave_behind(directory, [b"x" * 1000, b"y"])
        damage(files(directory)[0])
        result = run("verify", str(directory), "--json")
        assert result.exit_code == 1
        assert "1 damaged requests" in result.output


class TestDrain:
    def test_delivers_what_dead_processes_left(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for index in range(3):
            leave_behind(directory, [logs(f"a{index}"), logs(f"b{index}", f"c{index}")], destination="otlp")
        with OtlpReceiver() as receiver:
            monkeypatch.setenv("FAPILOG_OTEL_ENDPOINT", receiver.http_endpoint)
            result = run("drain", str(directory))
            assert result.exit_code == 0, result.output
            bodies = sorted(str(log.body) for log in receiver.logs)
        assert bodies == sorted(f"{letter}{index}" for letter in "abc" for index in range(3))
        assert "otlp: delivered 6 requests, 6 records" in result.output
        assert list(directory.iterdir()) == []

    def test_leaves_what_was_not_taken_and_says_why(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        leave_behind(directory, [logs("mine")], destination="otlp")
        with OtlpReceiver(script=Script(then=Reply(status=400))) as receiver:
            monkeypatch.setenv("FAPILOG_OTEL_ENDPOINT", receiver.http_endpoint)
            result = run("drain", str(directory), "--timeout", "5")
        assert result.exit_code == 1
        assert "otlp: 1 requests (http_400" in result.output
        with running(directory, ("otlp",)) as one:
            assert one.bodies("otlp") == [logs("mine")]

    def test_ends_with_its_time_where_nobody_answers(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, closed_port: int
    ) -> None:
        leave_behind(directory, [logs("mine")], destination="otlp")
        leave_behind(directory, [logs("theirs")], destination="gone")
        monkeypatch.setenv("FAPILOG_OTEL_ENDPOINT", f"http://127.0.0.1:{closed_port}")
        result = run("drain", str(directory), "--timeout", "0.5")
        assert result.exit_code == 1
        assert "otlp: 1 requests (" in result.output
        assert "gone: 1 requests (no such destination is configured)" in result.output

    def test_leaves_the_living_alone(self, directory: Path, monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
        one = started(directory)
        one.put(b"body")
        monkeypatch.setenv("FAPILOG_OTEL_ENDPOINT", f"http://127.0.0.1:{closed_port}")
        result = run("drain", str(directory))
        assert result.exit_code == 0, result.output
        assert "nothing is left" in result.output
        assert one.spool.stop(PATIENCE)
        assert len(files(directory)) == 1
