"""The commands, run in process: what they print and how they end."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fapilog_otel.cli.app import app
from fapilog_otel.receiver import OtlpReceiver, Reply

CANARY = "c4n4ry-s3cr3t"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("OTEL_", "FAPILOG_OTEL_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


class TestConfigShow:
    def test_every_value_has_its_origin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3000")
        result = run("config", "show", "--endpoint", "http://h:1")
        assert result.exit_code == 0
        lines = {line.split()[0]: line.split()[1:] for line in result.output.splitlines() if line}
        assert lines["timeout"] == ["3.0", "environment", "OTEL_EXPORTER_OTLP_TIMEOUT"]
        assert lines["endpoint"] == ["http://h:1", "argument"]
        assert lines["limits.depth"] == ["16", "default"]
        assert "destination otlp: otlp_http to http://h:1/v1/logs" in result.output

    def test_changed_leaves_the_defaults_out(self) -> None:
        output = run("config", "show", "--changed", "--protocol", "grpc").output
        assert output.startswith("protocol  grpc  argument\n\ndestination otlp: otlp_grpc")

    def test_a_destination_shows_its_protocol_or_its_file(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        assert "to http://localhost:4318/v1/logs (http/json)" in run("config", "show", "--protocol", "http/json").output
        path = tmp_path / "logs.jsonl"
        monkeypatch.setenv("FAPILOG_OTEL_EXPORTERS", json.dumps({"kept": {"type": "otlp_file", "path": str(path)}}))
        assert f"destination kept: otlp_file to {path}" in run("config", "show").output
        assert f"otlp_file to {path}" in run("doctor").output

    def test_json_holds_the_same(self) -> None:
        report = json.loads(run("config", "show", "--json", "--endpoint", "http://h:1").output)
        assert report["settings"]["endpoint"] == {"value": "http://h:1", "origin": "argument"}
        assert report["settings"]["timeout"] == {"value": 10.0, "origin": "default"}
        assert report["settings"]["certificate"]["value"] is None
        assert report["settings"]["sources"]["value"] == ["stdlib"]
        assert report["settings"]["limits.depth"]["value"] == 16
        assert report["destinations"]["otlp"]["timeout"] == 10.0
        assert report["destinations"]["otlp"]["endpoint"] == "http://h:1/v1/logs"
        assert report["destinations"]["otlp"]["proxy"]["applies"] is False
        assert report["warnings"] == []

    @pytest.mark.parametrize("flags", [[], ["--json"]])
    def test_no_secret_is_shown(self, monkeypatch: pytest.MonkeyPatch, flags: list[str]) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={CANARY}")
        monkeypatch.setenv("HTTP_PROXY", f"http://user:{CANARY}@proxy:3128")
        result = run("config", "show", "--endpoint", f"http://user:{CANARY}@h:1/?key={CANARY}", *flags)
        assert result.exit_code == 0
        assert "authorization" in result.output
        assert CANARY not in result.output

    def test_a_proxy_that_applies_is_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
        assert "proxy: http://proxy:3128 (HTTPS_PROXY)" in run("config", "show", "--endpoint", "https://h:1").output
        assert "proxy: none: no proxy variable" in run("config", "show", "--endpoint", "http://h:1").output

    @pytest.mark.parametrize("excepted", ["collector", "collector:4318", ".example,collector", "*"])
    def test_a_host_that_is_excepted_from_the_proxy_is_shown(
        self, monkeypatch: pytest.MonkeyPatch, excepted: str
    ) -> None:
        monkeypatch.setenv("https_proxy", "http://proxy:3128")
        monkeypatch.setenv("NO_PROXY", excepted)
        output = run("config", "show", "--endpoint", "https://collector:4318").output
        assert "NO_PROXY excepts the host from https_proxy=http://proxy:3128" in output

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [("OTEL_SDK_DISABLED", "true", "everything is disabled"), ("OTEL_LOGS_EXPORTER", "none", "destinations: none")],
    )
    def test_no_destination_is_said(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
        monkeypatch.setenv(name, value)
        assert said in run("config", "show").output

    def test_warnings_are_shown_and_control_characters_are_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "\x1b[2Jsoon")
        output = run("config", "show").output
        assert "warning: OTEL_EXPORTER_OTLP_TIMEOUT" in output
        assert "\x1b" not in output


class TestConfigCheck:
    def test_a_good_configuration_is_said_to_be_so(self) -> None:
        result = run("config", "check")
        assert result.exit_code == 0
        assert "configuration ok, 1 destination(s), 0 warning(s)" in result.output

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("FAPILOG_OTEL_TIMEOT", "3", "Did you mean 'FAPILOG_OTEL_TIMEOUT'"),
            ("FAPILOG_OTEL_TIMEOUT", "soon", "FAPILOG_OTEL_TIMEOUT='soon'"),
            ("FAPILOG_OTEL_SOURCES", "stdlob", "Did you mean 'stdlib'"),
            ("FAPILOG_OTEL_STAGES", "no_such_stage", "no_such_stage"),
            ("FAPILOG_OTEL_EXPORTERS__OTLP_HTTP__TIMEOUTT", "3", "timeoutt"),
        ],
    )
    def test_a_bad_one_is_one_line_and_exit_code_2(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
    ) -> None:
        monkeypatch.setenv(name, value)
        result = run("config", "check")
        assert result.exit_code == 2
        assert said in result.output
        assert len(result.output.splitlines()) == 1
        assert "Traceback" not in result.output

    @pytest.mark.parametrize("command", ["doctor", "send"])
    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("FAPILOG_OTEL_STAGES", "samplng", "FAPILOG_OTEL_STAGES='samplng' (from environment FAPILOG_OTEL_STAGES)"),
            ("FAPILOG_OTEL_WITHOUT", "regexmask", "(from environment FAPILOG_OTEL_WITHOUT): names no default stage"),
            ("FAPILOG_OTEL_SOURCES", "stdlb", "FAPILOG_OTEL_SOURCES='stdlb' (from environment FAPILOG_OTEL_SOURCES)"),
            ("FAPILOG_OTEL_SPOOL", "/tmp", "FAPILOG_OTEL_SPOOL='/tmp' (from environment FAPILOG_OTEL_SPOOL)"),
            ("FAPILOG_OTEL_PLUGINS", "acme", "FAPILOG_OTEL_PLUGINS='acme' (from environment FAPILOG_OTEL_PLUGINS)"),
        ],
    )
    def test_other_commands_refuse_what_configure_would_refuse(
        self, monkeypatch: pytest.MonkeyPatch, command: str, name: str, value: str, said: str
    ) -> None:
        monkeypatch.setenv(name, value)
        with OtlpReceiver() as receiver:
            result = run(command, "--endpoint", receiver.http_endpoint)
            assert receiver.logs == []
        assert result.exit_code == 2
        assert said in result.output
        assert said in run("config", "check").output

    def test_plaintext_credentials_are_one_warning_that_is_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={CANARY}")
        result = run("config", "check", "--endpoint", "http://collector.example:4318")
        assert result.exit_code == 0
        assert "1 destination(s), 1 warning(s)" in result.output
        assert "warning: credentials are sent in plain text" in result.output
        assert "collector.example" in result.output
        assert CANARY not in result.output

    @pytest.mark.parametrize(("name", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_LOGS_EXPORTER", "none")])
    def test_what_keeps_everything_from_being_delivered_is_named(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)
        assert f"(environment {name})" in run("config", "check").output
        sent = run("send")
        assert sent.exit_code == 1
        assert f"(environment {name})" in sent.output

    def test_a_bad_standard_variable_is_a_warning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon")
        result = run("config", "check")
        assert result.exit_code == 0
        assert "warning: OTEL_EXPORTER_OTLP_PROTOCOL='carrier-pigeon'" in result.output


class TestPluginsList:
    def test_the_built_in_exporters_and_sources_are_listed(self) -> None:
        result = run("plugins", "list")
        assert result.exit_code == 0
        rows = [line.split() for line in result.output.splitlines()]
        assert ["exporter", "otlp_http"] in [row[:2] for row in rows]
        assert ["source", "stdlib"] in [row[:2] for row in rows]
        assert ["stage", "rate_limit"] in [row[:2] for row in rows]
        assert all(row[-2:] == ["built", "in"] for row in rows if row[2] == "fapilog-otel")

    def test_json_holds_the_same(self) -> None:
        found = json.loads(run("plugins", "list", "--json").output)
        entry = next(plugin for plugin in found if plugin["name"] == "otlp_grpc")
        assert (entry["distribution"], entry["builtin"], entry["allowed"]) == ("fapilog-otel", True, True)

    def test_a_third_party_plugin_is_listed_with_the_way_to_allow_it(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        info = tmp_path / "acme_otel-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-otel\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text("[fapilog_otel.stages]\ngeo = acme:Geo\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        assert "not allowed; FAPILOG_OTEL_PLUGINS=geo allows it" in run("plugins", "list").output
        monkeypatch.setenv("FAPILOG_OTEL_PLUGINS", "acme-otel")
        (row,) = [line.split() for line in run("plugins", "list").output.splitlines() if " geo " in line]
        assert row == ["stage", "geo", "acme-otel", "1.2", "allowed"]


class TestDoctor:
    def test_a_receiver_that_answers_gets_one_record(self) -> None:
        with OtlpReceiver() as receiver:
            result = run("doctor", "--endpoint", receiver.http_endpoint)
            assert result.exit_code == 0, result.output
            assert [log.body for log in receiver.logs] == ["fapilog-otel doctor"]
        assert "delivered        one record in" in result.output
        assert "encoder" in result.output
        assert "opentelemetry-sdk" in result.output

    def test_over_grpc_too(self) -> None:
        with OtlpReceiver(http_port=None, grpc_port=0) as receiver:
            result = run("doctor", "--protocol", "grpc", "--endpoint", receiver.grpc_endpoint)
            assert result.exit_code == 0, result.output
            assert len(receiver.logs) == 1

    def test_nobody_there_is_said_with_a_hint(self, closed_port: int) -> None:
        result = run("doctor", "--endpoint", f"http://127.0.0.1:{closed_port}")
        assert result.exit_code == 1
        assert "[connection_refused]" in result.output
        assert f"Nothing answers at 127.0.0.1:{closed_port}" in result.output

    @pytest.mark.parametrize(
        ("status", "hint"), [(401, "Credentials are missing"), (404, "/v1/logs is appended"), (302, "not followed")]
    )
    def test_a_refusal_is_said_with_a_hint(self, status: int, hint: str) -> None:
        with OtlpReceiver(script=[Reply(status=status)]) as receiver:
            result = run("doctor", "--endpoint", receiver.http_endpoint)
        assert result.exit_code == 1
        assert f"[http_{status}]" in result.output
        assert hint in result.output

    def test_a_receiver_of_the_other_protocol_or_without_tls_is_not_called_absent(self) -> None:
        with OtlpReceiver(http_port=0, grpc_port=0) as receiver:
            crossed = {
                "protocol 'grpc'": ("--endpoint", receiver.grpc_endpoint),
                "protocol 'http/protobuf'": ("--protocol", "grpc", "--endpoint", receiver.http_endpoint),
                f"write {receiver.grpc_endpoint}": (
                    "--protocol", "grpc", "--endpoint", receiver.grpc_endpoint.removeprefix("http://"),
                ),
            }  # fmt: skip
            for advice, options in crossed.items():
                result = run("doctor", *options)
                assert result.exit_code == 1
                assert advice in result.output
                assert "Nothing answers" not in result.output

    def test_an_endpoint_that_is_taken_as_it_is_is_told_the_path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with OtlpReceiver() as receiver:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", receiver.http_endpoint)
            result = run("doctor")
            assert f"taken as it is: write {receiver.http_endpoint}/v1/logs" in result.output
            assert "appended" not in result.output

    def test_a_bad_configuration_is_exit_code_2(self) -> None:
        result = run("doctor", "--protocol", "smoke-signal")
        assert result.exit_code == 2
        assert "protocol='smoke-signal'" in result.output

    def test_a_destination_that_cannot_be_built_is_exit_code_2_beside_a_good_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with OtlpReceiver() as receiver:
            monkeypatch.setenv("FAPILOG_OTEL_EXPORTERS__GOOD__TYPE", "otlp_http")
            monkeypatch.setenv("FAPILOG_OTEL_EXPORTERS__GOOD__ENDPOINT", receiver.http_endpoint)
            monkeypatch.setenv("FAPILOG_OTEL_EXPORTERS__BAD__TYPE", "otlp_http")
            monkeypatch.setenv("FAPILOG_OTEL_EXPORTERS__BAD__TIMEOUTT", "3")
            result = run("doctor")
            assert len(receiver.logs) == 1
        assert result.exit_code == 2
        assert "timeoutt" in result.output

    def test_a_receiver_that_hangs_is_given_up(self) -> None:
        with OtlpReceiver(script=[Reply(delay=20)]) as receiver:
            result = run("doctor", "--endpoint", receiver.http_endpoint, "--timeout", "0.3")
        assert result.exit_code == 1
        assert "no answer within 0.3 s [timeout]" in result.output

    def test_the_python_encoder_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fapilog_otel.encode.select.NATIVE", False)
        monkeypatch.setattr("fapilog_otel.encode.select.NATIVE_MISSING", "")
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
        result = run("doctor")
        assert "Python, twenty to thirty times slower (FAPILOG_OTEL_NATIVE=0)" in result.output
        assert "none: everything is disabled" in result.output

    def test_nothing_to_deliver_to_is_no_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
        result = run("doctor")
        assert result.exit_code == 0
        assert "none: there is no destination (environment OTEL_LOGS_EXPORTER)" in result.output


class TestDemo:
    def test_the_demo_gets_the_options_and_gives_the_exit_code(self, monkeypatch: pytest.MonkeyPatch) -> None:
        module = types.ModuleType("fapilog_otel.cli.demo")
        calls: list[tuple[str | None, str | None]] = []

        def run_demo(endpoint: str | None, protocol: str | None) -> int:
            calls.append((endpoint, protocol))
            return 1

        module.run_demo = run_demo  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "fapilog_otel.cli.demo", module)
        assert run("demo", "--endpoint", "http://h:1").exit_code == 1
        assert calls == [("http://h:1", None)]


class TestRoot:
    def test_the_version_is_printed(self) -> None:
        result = run("--version")
        assert result.exit_code == 0
        assert result.output.startswith("fapilog-otel ")

    def test_an_unknown_command_is_exit_code_2(self) -> None:
        assert run("sned").exit_code == 2
