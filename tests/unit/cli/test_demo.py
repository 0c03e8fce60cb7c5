"""The demo: what it prints, and that its exit code is earned."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fapilog_otel.cli import demo as demo_module
from fapilog_otel.cli.app import app
from fapilog_otel.cli.demo_shop.tree import Style
from fapilog_otel.receiver import OtlpReceiver, ReceivedLog, Reply

ACCOUNT = re.compile(
    r"submitted (\d+) = delivered (\d+) \+ filtered (\d+) \+ dropped (\d+) \+ failed (\d+) \+ in flight (\d+)"
    r"  \(balanced\)"
)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OTEL_", "FAPILOG_OTEL_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["demo", *arguments])


class TestDemo:
    def test_every_log_is_shown_under_the_span_that_it_was_written_in(self) -> None:
        result = run()
        assert result.exit_code == 0, result.output
        lines = [line for line in result.output.splitlines() if line]
        assert sum(line.startswith("trace ") for line in lines) == 2
        charge = next(number for number, line in enumerate(lines) if "charge card" in line)
        assert re.search(r"└─ \d\d:\d\d:\d\d\.\d{3} INFO   ?charging the card", lines[charge + 1])
        assert lines[charge + 1].index("└─") > lines[charge].index("├─"), "the log is no child of its span"
        assert "payment failed  CardDeclinedError: insufficient funds" in result.output
        assert "14 of 14 logs arrived, each once, in the trace and the span" in lines[-1]

    def test_the_account_is_printed_and_is_even(self) -> None:
        found = ACCOUNT.search(run().output)
        assert found is not None
        submitted, delivered, filtered, dropped, failed, in_flight = map(int, found.groups())
        assert (submitted, delivered) == (14, 14)
        assert (filtered, dropped, failed, in_flight) == (0, 0, 0, 0)

    @pytest.mark.parametrize("protocol", ["http/protobuf", "http/json", "grpc"])
    def test_every_protocol_works_without_a_collector(self, protocol: str) -> None:
        result = run("--protocol", protocol)
        assert result.exit_code == 0, result.output

    def test_an_unknown_protocol_is_a_configuration_error(self) -> None:
        result = run("--protocol", "smoke-signals")
        assert result.exit_code == 2
        assert "smoke-signals" in result.output

    def test_output_names_nothing_of_this_machine(self) -> None:
        output = run().output
        for found in (Path.cwd(), sys.prefix, Path(demo_module.__file__).parent, "127.0.0.1", "localhost"):
            assert str(found) not in output

    def test_card_numbers_are_masked(self) -> None:
        output = run().output
        assert "card_number=***" in output
        assert "4111" not in output

    def test_it_is_short_enough_to_be_read(self) -> None:
        lines = run().stdout.splitlines()
        assert 30 <= len(lines) <= 60
        assert max(map(len, lines)) <= 140

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("OTEL_SDK_DISABLED", "true"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_TRACES_SAMPLER", "always_off"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://nowhere.invalid:1"),
            ("FAPILOG_OTEL_LEVEL", "FATAL"),
            ("FAPILOG_OTEL_NO_SUCH_SETTING", "1"),
            ("HTTP_PROXY", "http://nowhere.invalid:3128"),
        ],
    )
    def test_no_setting_of_the_environment_spoils_it(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)
        before = dict(os.environ)
        result = run()
        assert result.exit_code == 0, result.output
        assert dict(os.environ) == before

    def test_it_leaves_no_thread_and_no_logging_setting_behind(self) -> None:
        shop = logging.getLogger("shop")
        before = (list(shop.handlers), shop.propagate)
        run()
        deadline = time.monotonic() + 5
        while [one for one in threading.enumerate() if one.name.startswith("shop-")] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not [one for one in threading.enumerate() if one.name.startswith("shop-")]
        assert (list(shop.handlers), shop.propagate) == before

    def test_it_can_be_run_again(self) -> None:
        assert [run().exit_code, run().exit_code] == [0, 0]


class TestDemoAsAProcess:
    def test_it_is_quick_and_prints_no_colour_into_a_pipe(self) -> None:
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", "from fapilog_otel.cli import main; main()", "demo"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        elapsed = time.monotonic() - started
        assert done.returncode == 0, done.stdout + done.stderr
        assert "\x1b" not in done.stdout
        assert [line for line in done.stderr.splitlines() if "native encoder" not in line] == []
        assert elapsed < 10  # about one second where nothing else runs

    def test_a_terminal_that_knows_ascii_alone_gets_ascii(self) -> None:
        done = subprocess.run(
            [sys.executable, "-c", "from fapilog_otel.cli import main; main()", "demo"],
            capture_output=True,
            timeout=30,
            check=False,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
        )
        assert done.returncode == 0, done.stderr
        assert b"`- " in done.stdout
        done.stdout.decode("ascii")


class TestDemoWithACollector:
    @pytest.mark.parametrize("protocol", ["http/protobuf", "http/json", "grpc"])
    def test_the_collector_gets_logs_and_spans(self, protocol: str) -> None:
        with OtlpReceiver(http_port=0, grpc_port=0) as collector:
            endpoint = collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint
            result = run("--endpoint", endpoint, "--protocol", protocol)
        assert result.exit_code == 0, result.output
        assert len(ACCOUNT.findall(result.output)) == 2
        known = {(one.trace_id, one.span_id) for one in collector.spans}
        assert len(collector.logs) == 14
        assert len(known) == 9
        assert {(one.trace_id, one.span_id) for one in collector.logs} <= known

    def test_credentials_of_the_environment_reach_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t0ken")
        with OtlpReceiver() as collector:
            result = run("--endpoint", collector.http_endpoint)
        assert result.exit_code == 0, result.output
        assert {one.headers.get("authorization") for one in collector.requests} == {"Bearer t0ken"}
        assert "t0ken" not in result.output

    def test_a_collector_that_refuses_is_a_failure(self) -> None:
        with OtlpReceiver(script=lambda _: Reply(status=401)) as collector:
            result = run("--endpoint", collector.http_endpoint)
        assert result.exit_code == 1
        assert "0 of 14 logs were acknowledged by collector" in result.output
        assert "fapilog-otel doctor" in result.output

    def test_a_collector_that_is_not_there_is_a_failure(self, closed_port: int) -> None:
        result = run("--endpoint", f"http://127.0.0.1:{closed_port}")
        assert result.exit_code == 1
        assert "0 of 14 logs were acknowledged by collector" in result.output

    def test_a_collector_that_takes_a_part_is_a_failure(self) -> None:
        def reject(request: object) -> Reply | None:
            return Reply(rejected=2, message="too old") if request.signal == "logs" else None  # type: ignore[attr-defined]

        with OtlpReceiver(script=reject) as collector:
            result = run("--endpoint", collector.http_endpoint)
        assert result.exit_code == 1
        assert "were acknowledged by collector (rejected" in result.output

    def test_a_store_for_logs_alone_will_do(self) -> None:
        with OtlpReceiver(
            script=lambda request: Reply(status=404) if request.signal == "traces" else None
        ) as collector:
            result = run("--endpoint", collector.http_endpoint)
        assert result.exit_code == 0, result.output
        assert "took the logs, but not the spans" in result.output

    def test_where_all_is_disabled_it_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
        result = run("--endpoint", "http://127.0.0.1:9")
        assert result.exit_code == 1
        assert "everything is disabled" in result.output


class TestWhatGoesWrongIsNoticed:
    """The same run, with what arrived tampered with."""

    @pytest.mark.parametrize(
        ("tamper", "said"),
        [
            (lambda logs: logs[1:], "1 logs did not arrive as written"),
            (lambda logs: [*logs, logs[0]], "1 logs arrived that the shop did not write so"),
            (lambda logs: [replace(logs[0], trace_id=""), *logs[1:]], "did not arrive as written"),
            (lambda logs: [replace(logs[0], span_id=logs[-1].span_id), *logs[1:]], "did not arrive as written"),
            (lambda logs: [replace(logs[0], body="other"), *logs[1:]], "did not write so: "),
            (lambda logs: [replace(one, severity_text="INFO") for one in logs], "did not arrive as written"),
            (lambda logs: [replace(logs[0], attributes={"x": "4111 1111 1111 1111"}), *logs[1:]], "card number"),
        ],
    )
    def test_a_log_that_is_not_as_it_was_written(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tamper: Callable[[list[ReceivedLog]], list[ReceivedLog]],
        said: str,
    ) -> None:
        received = OtlpReceiver.logs.fget
        assert received is not None
        monkeypatch.setattr(OtlpReceiver, "logs", property(lambda self: tamper(received(self))))
        result = run()
        assert result.exit_code == 1
        assert said in result.output

    def test_a_span_that_did_not_arrive(self, monkeypatch: pytest.MonkeyPatch) -> None:
        received = OtlpReceiver.spans.fget
        assert received is not None
        spans = property(lambda self: [one for one in received(self) if one.name != "charge card"])
        monkeypatch.setattr(OtlpReceiver, "spans", spans)
        result = run()
        assert result.exit_code == 1
        assert "3 logs arrived, but not the span that they belong to" in result.output
        assert "their span has not arrived" in result.output


class TestStyle:
    @pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
    def test_colour_is_for_terminals_that_want_it(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")

        class Terminal:
            encoding = "utf-8"

            def isatty(self) -> bool:
                return True

        monkeypatch.setattr(sys, "stdout", Terminal())
        assert demo_module._style() == Style(color=True, unicode=True)
        monkeypatch.setenv(name, value)
        assert demo_module._style().color is False
