"""FAPILOG_OTEL_*: nested by two underscores, every name known."""

from __future__ import annotations

import pytest

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings import load_settings
from fapilog_otel.settings.fapilog_env import variable


def load(**environ: str):
    return load_settings({}, {f"FAPILOG_OTEL_{name}": text for name, text in environ.items()})


class TestOwnVariables:
    @pytest.mark.parametrize(
        ("name", "text", "setting", "value"),
        [
            ("TIMEOUT", "2.5", "timeout", 2.5),
            ("STRICT", "yes", "strict", True),
            ("SOURCES", "stdlib, structlog", "sources", ("stdlib", "structlog")),
            ("SOURCES", '["stdlib"]', "sources", ("stdlib",)),
            ("HEADERS", "a=b%2Cc,d=e", "headers", {"a": "b,c", "d": "e"}),
            ("HEADERS", '{"a": "b"}', "headers", {"a": "b"}),
            ("LEVELS", "shop.cart=debug,httpx=WARNING", "levels", {"shop.cart": "DEBUG", "httpx": "WARN"}),
            ("LEVEL", "30", "level", "WARN"),
            ("RESOURCE", "deployment.environment=prod", "resource", {"deployment.environment": "prod"}),
            ("MAX_QUEUE_BYTES", "1MiB", "max_queue_bytes", 1024 * 1024),
            ("MAX_QUEUE_BYTES", "1 MB", "max_queue_bytes", 1_000_000),
            ("MAX_REQUEST_SIZE", "none", "max_request_size", None),
            ("MAX_IN_FLIGHT", "None", "max_in_flight", None),
            ("LOGS_EXPORTER", "none", "logs_exporter", ("none",)),
            ("COMPRESSION", "none", "compression", "none"),
            ("PLUGINS", "acme-otel", "plugins", ("acme-otel",)),
        ],
    )
    def test_text_becomes_the_settings_type(self, name: str, text: str, setting: str, value: object) -> None:
        settings = load(**{name: text})
        assert getattr(settings, setting) == value
        assert settings.origin(setting) == f"environment FAPILOG_OTEL_{name}"

    def test_two_underscores_nest(self) -> None:
        settings = load(RETRY__INITIAL="2", REDACTION__KEYS="iban,ssn", REDACTION__PATTERNS="a{1,2}")
        assert settings.retry.initial == 2.0
        assert settings.redaction.keys == ("iban", "ssn")
        assert settings.redaction.patterns == ("a{1,2}",)

    def test_destinations_can_be_built_key_by_key(self) -> None:
        settings = load(
            EXPORTERS__MAIN__TYPE="otlp_http",
            EXPORTERS__MAIN__ENDPOINT="http://a:1",
            EXPORTERS__BACKUP__TYPE="otlp_grpc",
            EXPORTERS__BACKUP__OPTIONAL="true",
        )
        found = settings.destinations()
        assert set(found) == {"main", "backup"}
        assert found["main"]["endpoint"] == "http://a:1/v1/logs"
        assert found["backup"]["optional"] is True
        assert "FAPILOG_OTEL_EXPORTERS__MAIN__ENDPOINT" in settings.origin("exporters")

    def test_keys_are_added_to_destinations_in_json(self) -> None:
        settings = load(EXPORTERS='{"main": {"type": "otlp_http"}}', EXPORTERS__MAIN__TIMEOUT="3")
        assert settings.destinations()["main"]["timeout"] == "3"

    @pytest.mark.parametrize("name", ["EXPORTERS__MAIN", "EXPORTERS____TYPE", "EXPORTERS__MAIN__"])
    def test_a_destination_without_name_or_key_is_refused(self, name: str) -> None:
        with pytest.raises(ConfigError, match="names no destination and key"):
            load(**{name: "x"})

    def test_a_misspelt_name_is_reported_with_the_near_one(self) -> None:
        with pytest.raises(ConfigError, match="Did you mean 'FAPILOG_OTEL_TIMEOUT'"):
            load(TIMEOT="3")

    def test_a_misspelt_nested_name_is_reported_with_the_near_one(self) -> None:
        with pytest.raises(ConfigError, match="Did you mean 'FAPILOG_OTEL_LIMITS__DEPTH'"):
            load(LIMITS__DEPHT="3")

    def test_the_choice_of_the_encoder_is_known(self) -> None:
        assert load(NATIVE="0").warnings == ()

    def test_an_empty_variable_counts_as_unset(self) -> None:
        assert load(TIMEOUT="").origin("timeout") == "default"

    def test_an_argument_endpoint_puts_exporters_of_the_environment_aside(self) -> None:
        environ = {"FAPILOG_OTEL_EXPORTERS__A__TYPE": "otlp_http"}
        settings = load_settings({"endpoint": "http://h:1"}, environ)
        assert list(settings.destinations()) == ["otlp"]

    def test_endpoint_and_exporters_both_from_the_environment_exclude_each_other(self) -> None:
        with pytest.raises(ConfigError, match="excludes exporters"):
            load(ENDPOINT="http://h:1", EXPORTERS__A__TYPE="otlp_http")

    def test_a_nested_setting_has_its_variable(self) -> None:
        assert variable("limits.depth") == "FAPILOG_OTEL_LIMITS__DEPTH"
