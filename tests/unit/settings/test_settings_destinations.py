"""Endpoints and destinations: what goes where, and which credentials go along."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.errors import ConfigError
from fapilog_otel.settings import load_settings

LOGS = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"
GENERAL = "OTEL_EXPORTER_OTLP_ENDPOINT"


class TestLogsEndpoint:
    @pytest.mark.parametrize(
        ("arguments", "environ", "url"),
        [
            ({}, {}, "http://localhost:4318/v1/logs"),
            ({"protocol": "http/json"}, {}, "http://localhost:4318/v1/logs"),
            ({"protocol": "grpc"}, {}, "http://localhost:4317"),
            ({"endpoint": "http://h:1"}, {}, "http://h:1/v1/logs"),
            ({"endpoint": "http://h:1/"}, {}, "http://h:1/v1/logs"),
            ({"endpoint": "https://h/otlp/"}, {}, "https://h/otlp/v1/logs"),
            ({"endpoint": "http://h:1/v1/logs"}, {}, "http://h:1/v1/logs"),
            ({"endpoint": "http://h:1/v1/logs/"}, {}, "http://h:1/v1/logs/"),
            ({"endpoint": "http://[::1]:1?a=b"}, {}, "http://[::1]:1/v1/logs?a=b"),
            ({}, {GENERAL: "http://h:1/otlp"}, "http://h:1/otlp/v1/logs"),
            ({}, {LOGS: "http://h:1/my/own"}, "http://h:1/my/own"),
            ({}, {LOGS: "http://h:1"}, "http://h:1"),
            ({}, {LOGS: "http://a:1/x", GENERAL: "http://b:1"}, "http://a:1/x"),
            ({"endpoint": "http://h:1"}, {LOGS: "http://a:1/x"}, "http://h:1/v1/logs"),
            ({"protocol": "grpc", "endpoint": "http://h:4317/"}, {}, "http://h:4317"),
            ({"protocol": "grpc", "endpoint": "h:4317"}, {}, "https://h:4317"),
            ({"protocol": "grpc", "endpoint": "h:4317", "insecure": True}, {}, "http://h:4317"),
            ({"protocol": "grpc", "endpoint": "https://h:4317", "insecure": True}, {}, "https://h:4317"),
            ({"protocol": "grpc", "endpoint": "http://h:4317", "insecure": False}, {}, "http://h:4317"),
        ],
    )
    def test_a_base_url_is_resolved(
        self, arguments: Mapping[str, object], environ: Mapping[str, str], url: str
    ) -> None:
        assert load_settings(arguments, environ).logs_endpoint()[1] == url


class Sink:
    def validate(self) -> None: ...

    async def start(self) -> None: ...

    async def export(self, request: EncodedLogs) -> ExportResult:
        return ExportResult()

    async def close(self) -> None: ...


class TestDestinations:
    def test_without_a_word_there_is_one_otlp_destination(self) -> None:
        found = load_settings({}, {}).destinations()
        assert list(found) == ["otlp"]
        assert found["otlp"]["type"] == "otlp_http"
        assert found["otlp"]["protocol"] == "http/protobuf"
        assert found["otlp"]["timeout"] == 10.0
        assert "headers" not in found["otlp"]

    def test_the_grpc_protocol_selects_the_grpc_exporter(self) -> None:
        found = load_settings({"protocol": "grpc", "compression": "gzip"}, {}).destinations()
        assert found["otlp"]["type"] == "otlp_grpc"
        assert found["otlp"]["compression"] == "gzip"
        assert "protocol" not in found["otlp"]

    @pytest.mark.parametrize(
        ("selected", "expected"),
        [
            ("none", {}),
            ("otlp", {"otlp": "otlp_http"}),
            ("fapilog_otlp", {"otlp": "otlp_http"}),
            ("otlp_proto_http", {"otlp": "otlp_http"}),
            ("otlp_proto_grpc", {"otlp": "otlp_grpc"}),
            ("otlp_grpc", {"otlp_grpc": "otlp_grpc"}),
            ("otlp,otlp_grpc", {"otlp": "otlp_http", "otlp_grpc": "otlp_grpc"}),
        ],
    )
    def test_the_standard_variable_selects_exporters(self, selected: str, expected: dict[str, str]) -> None:
        found = load_settings({}, {"OTEL_LOGS_EXPORTER": selected}).destinations()
        assert {name: config["type"] for name, config in found.items()} == expected

    def test_exporters_go_before_the_standard_variable(self) -> None:
        settings = load_settings({"exporters": {"main": {"type": "otlp"}}}, {"OTEL_LOGS_EXPORTER": "none"})
        assert list(settings.destinations()) == ["main"]

    def test_the_type_is_the_name_unless_given(self) -> None:
        found = load_settings({"exporters": {"otlp_grpc": {}, "other": {"type": "otlp_http"}}}, {}).destinations()
        assert [config["type"] for config in found.values()] == ["otlp_grpc", "otlp_http"]

    def test_a_destination_without_an_endpoint_takes_the_configured_transport(self) -> None:
        environ = {GENERAL: "http://h:1", "OTEL_EXPORTER_OTLP_HEADERS": "a=b", "OTEL_EXPORTER_OTLP_TIMEOUT": "3000"}
        found = load_settings(
            {"exporters": {"main": {"type": "otlp_http", "compression": "gzip"}}}, environ
        ).destinations()
        assert found["main"]["endpoint"] == "http://h:1/v1/logs"
        assert found["main"]["headers"] == {"a": "b"}
        assert (found["main"]["timeout"], found["main"]["compression"]) == (3.0, "gzip")

    def test_credentials_never_follow_to_a_destination_with_its_own_endpoint(self) -> None:
        arguments = {
            "headers": {"authorization": "x"},
            "client_certificate": b"-----BEGIN CERTIFICATE-----",
            "client_key": b"-----BEGIN PRIVATE KEY-----",
            "timeout": 3,
            "exporters": {"other": {"type": "otlp_http", "endpoint": "https://elsewhere"}},
        }
        found = load_settings(arguments, {}).destinations()
        assert found["other"]["endpoint"] == "https://elsewhere/v1/logs"
        assert found["other"]["timeout"] == 3.0
        assert not {"headers", "client_key", "client_certificate"} & set(found["other"])

    def test_refusing_plaintext_credentials_reaches_every_otlp_destination(self) -> None:
        arguments = {
            "refuse_plaintext_credentials": True,
            "exporters": {"a": {"type": "otlp"}, "b": {"type": "otlp_http", "endpoint": "http://h:1"}},
        }
        found = load_settings(arguments, {}).destinations()
        assert [config["refuse_plaintext_credentials"] for config in found.values()] == [True, True]

    def test_common_keys_are_normalised(self) -> None:
        config = {
            "type": "otlp_http",
            "optional": "yes",
            "level": "warning",
            "max_request_size": "1MiB",
            "headers": "a=b",
        }
        found = load_settings({"exporters": {"main": config}}, {}).destinations()
        assert found["main"]["optional"] is True
        assert found["main"]["level"] == "WARN"
        assert found["main"]["max_request_size"] == 1024 * 1024
        assert found["main"]["headers"] == {"a": "b"}

    def test_a_destinations_own_protocol_is_honoured(self) -> None:
        exporters = {"a": {"type": "otlp", "protocol": "grpc"}, "b": {"type": "otlp", "protocol": "http/json"}}
        found = load_settings({"exporters": exporters}, {}).destinations()
        assert found["a"]["type"] == "otlp_grpc"
        assert (found["b"]["type"], found["b"]["protocol"]) == ("otlp_http", "http/json")

    def test_an_exporter_object_is_handed_through(self) -> None:
        sink = Sink()
        assert load_settings({"exporters": {"mine": sink}}, {}).destinations() == {"mine": sink}

    def test_the_users_mapping_is_left_alone(self) -> None:
        config: dict[str, object] = {"type": "otlp_http", "headers": "a=b"}
        load_settings({"exporters": {"main": config}}, {}).destinations()
        assert config == {"type": "otlp_http", "headers": "a=b"}

    def test_exporters_beside_an_endpoint_of_the_standard_environment_are_fine(self) -> None:
        settings = load_settings({"exporters": {"a": {"type": "otlp"}}}, {GENERAL: "http://h:1"})
        assert settings.destinations()["a"]["endpoint"] == "http://h:1/v1/logs"

    def test_a_path_that_grpc_cannot_serve_is_an_error_at_load(self) -> None:
        with pytest.raises(ConfigError, match="has a path"):
            load_settings({"exporters": {"a": {"type": "otlp_grpc", "endpoint": "http://h:1/otlp"}}}, {})
