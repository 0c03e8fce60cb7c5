"""The standard variables: read as the specification says, bad ones reported once and never fatal."""

from __future__ import annotations

from pathlib import Path

import pytest

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings import load_settings

P = "OTEL_EXPORTER_OTLP_"


class TestStandardVariables:
    @pytest.mark.parametrize(
        ("name", "text", "setting", "value"),
        [
            (f"{P}PROTOCOL", "grpc", "protocol", "grpc"),
            (f"{P}PROTOCOL", " HTTP/JSON ", "protocol", "http/json"),
            (f"{P}COMPRESSION", "gzip", "compression", "gzip"),
            (f"{P}COMPRESSION", "none", "compression", "none"),
            (f"{P}HEADERS", "a=b%20c,d=Basic eA==", "headers", {"a": "b c", "d": "Basic eA=="}),
            (f"{P}TIMEOUT", "2500", "timeout", 2.5),
            (f"{P}INSECURE", "TRUE", "insecure", True),
            (f"{P}INSECURE", "false", "insecure", False),
            ("OTEL_BLRP_SCHEDULE_DELAY", "250", "schedule_delay", 0.25),
            ("OTEL_BLRP_EXPORT_TIMEOUT", "2000", "flush_timeout", 2.0),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "100", "max_queue_size", 100),
            ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "10", "max_export_batch_size", 10),
            ("OTEL_SDK_DISABLED", "true", "disabled", True),
            ("OTEL_LOGS_EXPORTER", "none", "logs_exporter", ("none",)),
            ("OTEL_LOGS_EXPORTER", "otlp, otlp_grpc", "logs_exporter", ("otlp", "otlp_grpc")),
        ],
    )
    def test_a_good_value_is_taken_in_our_units(self, name: str, text: str, setting: str, value: object) -> None:
        settings = load_settings({}, {name: text})
        assert getattr(settings, setting) == value
        assert settings.origin(setting) == f"environment {name}"
        assert settings.warnings == ()

    @pytest.mark.parametrize("suffix", ["ENDPOINT", "PROTOCOL", "TIMEOUT", "COMPRESSION", "HEADERS", "INSECURE"])
    def test_the_variable_for_logs_goes_before_the_general_one(self, suffix: str) -> None:
        values = {
            "ENDPOINT": ("http://a:1", "http://b:1"),
            "PROTOCOL": ("grpc", "http/json"),
            "TIMEOUT": ("1000", "2000"),
            "COMPRESSION": ("gzip", "deflate"),
            "HEADERS": ("a=1", "b=2"),
            "INSECURE": ("true", "false"),
        }
        general, logs = values[suffix]
        settings = load_settings({}, {f"{P}{suffix}": general, f"{P}LOGS_{suffix}": logs})
        assert settings.origin(suffix.lower()) == f"environment {P}LOGS_{suffix}"

    @pytest.mark.parametrize(
        ("limit", "setting"), [("COUNT_LIMIT", "attributes"), ("VALUE_LENGTH_LIMIT", "value_length")]
    )
    def test_the_attribute_limits_of_log_records_go_before_the_general_ones(self, limit: str, setting: str) -> None:
        assert getattr(load_settings({}, {f"OTEL_ATTRIBUTE_{limit}": "5"}).limits, setting) == 5
        environ = {f"OTEL_ATTRIBUTE_{limit}": "5", f"OTEL_LOGRECORD_ATTRIBUTE_{limit}": "6"}
        assert getattr(load_settings({}, environ).limits, setting) == 6

    def test_certificates_are_paths(self, tmp_path: Path) -> None:
        pem = tmp_path / "ca.pem"
        pem.write_text("-----BEGIN CERTIFICATE-----")
        settings = load_settings({}, {f"{P}CERTIFICATE": str(pem)})
        assert settings.certificate == str(pem)

    def test_queue_and_batch_counts_bind_only_when_set(self) -> None:
        settings = load_settings({}, {})
        assert (settings.max_queue_size, settings.max_export_batch_size) == (None, None)

    def test_an_empty_variable_counts_as_unset(self) -> None:
        settings = load_settings({}, {f"{P}TIMEOUT": "", f"{P}ENDPOINT": " "})
        assert settings.origin("timeout") == "default"
        assert settings.warnings == ()

    def test_a_timeout_below_100_is_read_as_seconds_with_a_remark(self) -> None:
        settings = load_settings({"strict": True}, {f"{P}TIMEOUT": "10"})
        assert settings.timeout == 10.0
        assert "read as seconds" in settings.warnings[0]

    def test_service_name_and_resource_are_left_to_the_detectors_but_shown(self) -> None:
        environ = {"OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "a=b"}
        settings = load_settings({}, environ)
        assert settings.service_name is None
        assert dict(settings.resource) == {}
        lines = {line.name: line for line in settings.describe()}
        assert lines["service_name"] == ("service_name", "shop", "environment OTEL_SERVICE_NAME")
        assert lines["resource"] == ("resource", "a=b", "environment OTEL_RESOURCE_ATTRIBUTES")


BAD_VALUES = [
    (f"{P}ENDPOINT", "ftp://h:1", "endpoint"),
    (f"{P}ENDPOINT", "http://h:99999", "endpoint"),
    (f"{P}ENDPOINT", "collector:4318", "endpoint"),
    (f"{P}PROTOCOL", "carrier-pigeon", "protocol"),
    (f"{P}TIMEOUT", "-5", "timeout"),
    (f"{P}TIMEOUT", "0", "timeout"),
    (f"{P}TIMEOUT", "10s", "timeout"),
    (f"{P}TIMEOUT", "nan", "timeout"),
    (f"{P}COMPRESSION", "brotli", "compression"),
    (f"{P}CERTIFICATE", "/no/such/file", "certificate"),
    (f"{P}CLIENT_KEY", "/no/such/file", "client_key"),
    (f"{P}CLIENT_CERTIFICATE", "/no/such/file", "client_certificate"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "often", "schedule_delay"),
    ("OTEL_BLRP_EXPORT_TIMEOUT", "-1", "flush_timeout"),
    ("OTEL_BLRP_MAX_QUEUE_SIZE", "0", "max_queue_size"),
    ("OTEL_BLRP_MAX_QUEUE_SIZE", "many", "max_queue_size"),
    ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "-3", "max_export_batch_size"),
    ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "-1", "limits.attributes"),
    ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "x", "limits.value_length"),
    ("OTEL_LOGS_EXPORTER", "no_such_exporter", "logs_exporter"),
    ("OTEL_LOGS_EXPORTER", "none,otlp", "logs_exporter"),
]


class TestBadStandardVariables:
    @pytest.mark.parametrize(("name", "text", "setting"), BAD_VALUES)
    def test_a_bad_value_is_one_warning_and_the_default(self, name: str, text: str, setting: str) -> None:
        settings = load_settings({}, {name: text})
        assert settings.origin(setting) == "default"
        assert len(settings.warnings) == 1
        assert settings.warnings[0].startswith(f"{name}={text!r}")

    @pytest.mark.parametrize(("name", "text", "setting"), BAD_VALUES)
    def test_strict_makes_it_an_error(self, name: str, text: str, setting: str) -> None:
        with pytest.raises(ConfigError) as caught:
            load_settings({"strict": True}, {name: text})
        assert caught.value.setting == name
        assert caught.value.origin == f"environment {name}"

    def test_a_bad_value_for_logs_falls_back_on_the_general_one(self) -> None:
        settings = load_settings({}, {f"{P}LOGS_TIMEOUT": "x", f"{P}TIMEOUT": "2000"})
        assert settings.timeout == 2.0
        assert len(settings.warnings) == 1

    def test_one_malformed_header_costs_only_itself(self) -> None:
        settings = load_settings({}, {f"{P}HEADERS": "authorization=x,oops"})
        assert settings.headers == {"authorization": "x"}
        assert "item 2" in settings.warnings[0]

    @pytest.mark.parametrize("name", [f"{P}INSECURE", "OTEL_SDK_DISABLED"])
    def test_a_boolean_that_is_neither_is_false_with_a_warning(self, name: str) -> None:
        settings = load_settings({}, {name: "1"})
        assert not settings.insecure
        assert not settings.disabled
        assert "neither true nor false" in settings.warnings[0]

    def test_an_argument_makes_a_bad_variable_harmless_but_still_mentioned(self) -> None:
        settings = load_settings({"timeout": 3}, {f"{P}TIMEOUT": "x"})
        assert settings.timeout == 3.0
        assert len(settings.warnings) == 1

    def test_a_path_on_grpc_is_left_out_with_a_warning(self) -> None:
        settings = load_settings({"protocol": "grpc"}, {f"{P}ENDPOINT": "http://h:4317/otlp?x=1"})
        assert settings.logs_endpoint() == ("grpc", "http://h:4317")
        assert "the path is left out" in settings.warnings[0]
