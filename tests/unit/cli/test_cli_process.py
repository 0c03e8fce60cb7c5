"""The command as a process: exit codes, and records through the whole pipeline."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fapilog_otel.receiver import OtlpReceiver, Reply


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "FAPILOG_OTEL_")) and not name.lower().endswith("_proxy")
    }
    command = [sys.executable, "-m", "fapilog_otel.cli", *arguments]
    return subprocess.run(command, env={**plain, **environ}, capture_output=True, text=True, timeout=60, check=False)


class TestSend:
    def test_one_record_arrives(self) -> None:
        with OtlpReceiver() as receiver:
            done = run("send", "hello", "--level", "ERROR", "--endpoint", receiver.http_endpoint)
            assert done.returncode == 0, done.stderr
            (log,) = receiver.logs
        assert (log.body, log.severity_number) == ("hello", 17)
        assert done.stdout.splitlines() == ["otlp: delivered 1, filtered 0, dropped 0, failed 0"]

    def test_neither_level_nor_sampling_swallow_it(self) -> None:
        with OtlpReceiver() as receiver:
            environ = {"FAPILOG_OTEL_LEVEL": "FATAL", "FAPILOG_OTEL_SAMPLE": "0"}
            done = run("send", "--endpoint", receiver.http_endpoint, **environ)
            assert done.returncode == 0, done.stderr
            assert len(receiver.logs) == 1

    def test_a_refusal_is_exit_code_1_with_its_reason(self) -> None:
        with OtlpReceiver(script=[Reply(status=400)]) as receiver:
            done = run("send", "--endpoint", receiver.http_endpoint)
        assert done.returncode == 1
        assert "failed 1 (http_400 1)" in done.stdout

    def test_nobody_there_is_exit_code_1_in_time(self, closed_port: int) -> None:
        done = run("send", "--endpoint", f"http://127.0.0.1:{closed_port}", "--timeout", "0.5")
        assert done.returncode == 1
        assert "delivered 0" in done.stdout

    def test_a_bad_level_is_exit_code_2(self) -> None:
        done = run("send", "--level", "LOUD")
        assert done.returncode == 2
        assert "--level='LOUD'" in done.stderr

    @pytest.mark.parametrize("environ", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_LOGS_EXPORTER": "none"}])
    def test_nothing_to_send_to_is_exit_code_1(self, environ: dict[str, str]) -> None:
        done = run("send", **environ)
        assert done.returncode == 1
        assert "nothing is sent" in done.stderr


class TestProcess:
    def test_a_bad_configuration_is_exit_code_2_without_a_traceback(self) -> None:
        done = run("config", "check", FAPILOG_OTEL_TIMEOT="3")
        assert done.returncode == 2
        assert done.stderr.startswith("fapilog-otel: FAPILOG_OTEL_TIMEOT")
        assert "Traceback" not in done.stderr

    def test_help_is_exit_code_0(self) -> None:
        assert run("--help").returncode == 0
