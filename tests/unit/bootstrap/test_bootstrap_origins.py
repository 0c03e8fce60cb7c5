"""What `configure()` refuses after the settings are made is named in full, with the origin of the value."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError

Configure = Callable[..., fo.Handle]


def refused(configure: Configure, **arguments: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        configure(**arguments)
    return caught.value


class TestVariables:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("FAPILOG_OTEL_STAGES", "samplng"),
            ("FAPILOG_OTEL_WITHOUT", "regexmask"),
            ("FAPILOG_OTEL_SOURCES", "stdlb"),
            ("FAPILOG_OTEL_SPOOL", "/tmp"),
            ("FAPILOG_OTEL_PLUGINS", "acme"),
            ("FAPILOG_OTEL_REDACTION__PATTERNS", "x*"),
        ],
    )
    def test_are_named_for_what_is_found_late(
        self, configure: Configure, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)
        error = refused(configure)
        assert (error.setting, error.origin) == (name, f"environment {name}")
        assert f"(from environment {name})" in str(error)

    @pytest.mark.parametrize("name", ["CERTIFICATE", "CLIENT_CERTIFICATE"])
    def test_are_named_for_a_certificate_that_is_none(
        self, configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "bad.pem").write_text("no certificate")
        (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----")
        variable = f"OTEL_EXPORTER_OTLP_{name}"
        monkeypatch.setenv(variable, str(tmp_path / "bad.pem"))
        error = refused(configure, endpoint="https://127.0.0.1:1")
        assert (error.setting, error.origin) == (variable, f"environment {variable}")

    def test_are_named_for_credentials_in_plain_text(
        self, configure: Configure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FAPILOG_OTEL_ENDPOINT", "http://collector.example:4318")
        error = refused(configure, preset="hardened", headers={"authorization": "x"})
        assert (error.setting, error.origin) == ("FAPILOG_OTEL_ENDPOINT", "environment FAPILOG_OTEL_ENDPOINT")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("FAPILOG_OTEL_EXPORTERS", json.dumps({"main": {"type": "otlp_http", "timeout": -1}})),
            ("FAPILOG_OTEL_EXPORTERS__MAIN__TIMEOUT", "-1"),
        ],
    )
    def test_are_named_for_keys_of_a_destination(
        self, configure: Configure, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv("FAPILOG_OTEL_EXPORTERS__MAIN__TYPE", "otlp_http")
        monkeypatch.setenv(name, value)
        error = refused(configure)
        assert (error.setting, error.origin) == ("exporters.main.timeout", f"environment {name}")

    def test_are_named_for_a_stages_option(self, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FAPILOG_OTEL_STAGES", '[{"name": "sampling", "rate": 5}]')
        error = refused(configure)
        assert (error.setting, error.origin) == ("stages.sampling.rate", "environment FAPILOG_OTEL_STAGES")

    def test_are_named_for_what_a_destination_inherits_and_for_what_it_lacks(
        self, configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "bad.pem").write_text("no certificate")
        monkeypatch.setenv("FAPILOG_OTEL_CERTIFICATE", str(tmp_path / "bad.pem"))
        assert refused(configure, exporters={"otlp": {}}).setting == "FAPILOG_OTEL_CERTIFICATE"
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "otlp_file")
        error = refused(configure)
        assert (error.setting, error.origin) == ("exporters.otlp_file.path", "environment OTEL_LOGS_EXPORTER")


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "setting"),
        [
            ({"stages": [{"name": "sampling", "rate": 5}]}, "stages.sampling.rate"),
            ({"stages": [{"name": "sampling", "sample_rate": 5}]}, "stages.sampling.sample_rate"),
            ({"exporters": {"main": {"type": "otlp_http", "timeout": -1}}}, "exporters.main.timeout"),
            ({"exporters": {"main": {"type": "memory", "max_recrods": 1}}}, "exporters.main.max_recrods"),
            ({"exporters": {"main": {"type": "otlp_file"}}}, "exporters.main.path"),
            ({"plugins": ["acme"]}, "plugins"),
        ],
    )
    def test_keep_their_origin_and_get_their_full_name(
        self, configure: Configure, arguments: dict[str, Any], setting: str
    ) -> None:
        error = refused(configure, **arguments)
        assert (error.setting, error.origin) == (setting, "argument")

    def test_of_install_are_checked_by_name(self, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FAPILOG_OTEL_LEVEL", "INFO")
        configure(exporters={"memory": {}}, sources=[])
        with pytest.raises(ConfigError, match="Did you mean 'level'") as caught:
            fo.install("stdlib", levl="DEBUG")
        assert caught.value.setting == "levl"
        with pytest.raises(ConfigError) as caught:
            fo.install("stdlib", level="LOUD")
        assert (caught.value.setting, caught.value.origin) == ("level", "argument")

    def test_of_install_are_not_passed_over_for_a_source_that_is_made(self, configure: Configure) -> None:
        from fapilog_otel.sources.stdlib import StdlibSource

        configure(exporters={"memory": {}}, sources=[])
        with pytest.raises(ConfigError, match="takes no options"):
            fo.install(StdlibSource(), level="DEBUG")


class TestPlugins:
    def test_what_a_stage_of_the_callers_says_itself_is_left(
        self, configure: Configure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FAPILOG_OTEL_TIMEOUT", "3")
        monkeypatch.setattr(
            "fapilog_otel.assembly.build.build_chain", raising(ConfigError("timeout", 0, "is mine", "Ask the plugin"))
        )
        error = refused(configure)
        assert (error.setting, error.origin) == ("timeout", "argument")


def raising(error: Exception) -> Callable[..., None]:
    def fail(**_: object) -> None:
        raise error

    return fail


class TestFaces:
    def test_name_the_variable_too(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "bad.pem").write_text("no certificate")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(tmp_path / "bad.pem"))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:1")
        for face in (fo.FapilogLogRecordExporter, fo.FapilogLogRecordProcessor, fo.LoggerProvider):
            with pytest.raises(ConfigError) as caught:
                face()
            assert caught.value.setting == "OTEL_EXPORTER_OTLP_CERTIFICATE"

    def test_leave_an_exporter_of_the_callers_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from fapilog_otel_exporters.otlp_http._exporter import OtlpHttpExporter

        monkeypatch.setenv("FAPILOG_OTEL_ENDPOINT", "http://127.0.0.1:1")
        mine = OtlpHttpExporter("http://h.example", headers={"authorization": "x"}, refuse_plaintext_credentials=True)
        with pytest.raises(ConfigError) as caught:
            fo.FapilogLogRecordProcessor(mine)
        assert (caught.value.setting, caught.value.origin) == ("endpoint", "argument")


class TestTheError:
    def test_is_found_and_named_where_users_import_it_from(self) -> None:
        assert fo.errors.ConfigError is ConfigError
        assert {getattr(fo.errors, name).__module__ for name in fo.errors.__all__ if name.endswith("Error")} == {
            "fapilog_otel.errors"
        }
