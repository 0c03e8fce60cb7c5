from __future__ import annotations

import pytest
from otlp_support import Reported, capture_diagnostics

from fapilog_otel.contracts import Exporter, exporter_traits
from fapilog_otel.errors import ConfigError
from fapilog_otel_exporters.otlp_grpc import factory
from fapilog_otel_exporters.otlp_grpc._exporter import OtlpGrpcExporter
from fapilog_otel_exporters.otlp_grpc._metadata import checked_metadata
from fapilog_otel_exporters.otlp_grpc._target import parse_target


class TestTarget:
    @pytest.mark.parametrize(
        ("endpoint", "insecure", "address", "secure"),
        [
            ("http://h:4317", None, "h:4317", False),
            ("http://h:4317", False, "h:4317", False),
            ("http://h", None, "h:4317", False),
            ("http://h:4317/", None, "h:4317", False),
            ("https://h", None, "h:4317", True),
            ("https://h:443", True, "h:443", True),
            ("h:4317", None, "h:4317", True),
            ("h:4317", False, "h:4317", True),
            ("h:4317", True, "h:4317", False),
            ("[::1]:4317", True, "[::1]:4317", False),
            ("unix:/run/otel.sock", None, "unix:/run/otel.sock", False),
            ("unix:///run/otel.sock", True, "unix:///run/otel.sock", False),
            ("unix:/run/otel.sock", False, "unix:/run/otel.sock", True),
        ],
    )
    def test_scheme_beats_insecure_which_decides_otherwise(
        self, endpoint: str, insecure: bool | None, address: str, secure: bool
    ) -> None:
        target = parse_target(endpoint, insecure)

        assert (target.address, target.secure) == (address, secure)

    @pytest.mark.parametrize(
        "endpoint", ["http://h:4317/v1/logs", "http://h/?a=b", "ftp://h", "", "http://", "h:0", "h:x", "unix:", "a b:1"]
    )
    def test_that_cannot_work_is_a_config_error(self, endpoint: str) -> None:
        with pytest.raises(ConfigError) as caught:
            parse_target(endpoint, None)

        assert caught.value.setting == "endpoint"

    @pytest.mark.parametrize("endpoint", ["http://u:s3cret@h:4317", "http://u:s3cret@h/path"])
    def test_never_shows_credentials(self, endpoint: str) -> None:
        try:
            shown = repr(parse_target(endpoint, None))
        except ConfigError as error:
            shown = str(error)

        assert "s3cret" not in shown


class TestMetadata:
    def test_has_names_in_lower_case_and_leaves_out_what_is_the_protocols(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reported = capture_diagnostics(monkeypatch)

        assert checked_metadata((("X-Tenant", "shop"), ("Content-Type", "text/plain"))) == (("x-tenant", "shop"),)
        assert reported.lines[0][2] == {"names": "content-type"}

    @pytest.mark.parametrize(
        "pair", [("a$b", "x"), ("grpc-timeout", "x"), ("trace-bin", "x"), ("a", "s3cret\u00e9"), ("a", "\t")]
    )
    def test_that_grpc_cannot_send_is_refused_without_its_value(self, pair: tuple[str, str]) -> None:
        with pytest.raises(ValueError) as caught:
            checked_metadata((pair,))

        assert "s3cret" not in str(caught.value)


class TestFactory:
    def test_makes_an_exporter_with_the_documented_defaults(self) -> None:
        exporter = factory.create({})

        assert isinstance(exporter, Exporter)
        assert repr(exporter) == "OtlpGrpcExporter('http://localhost:4317')"
        assert (exporter_traits(exporter).max_in_flight, exporter_traits(exporter).fork_safe) == (8, False)

    def test_takes_every_key_of_a_destination(self) -> None:
        settings = {
            "endpoint": "h:4317",
            "protocol": "grpc",
            "headers": {"a": "b"},
            "headers_file": None,
            "timeout": 3,
            "compression": "deflate",
            "insecure": True,
            "certificate": None,
            "client_certificate": None,
            "client_key": None,
            "max_in_flight": 2,
            "max_request_size": 65_536,
            "keepalive_time": 30,
            "keepalive_timeout": 5,
            "channel_options": {"grpc.lb_policy_name": "round_robin"},
        }

        exporter = factory.create(settings)

        assert isinstance(exporter, OtlpGrpcExporter)
        assert exporter.traits.max_in_flight == 2
        assert dict(exporter._options)["grpc.keepalive_time_ms"] == 30_000
        assert dict(exporter._options)["grpc.lb_policy_name"] == "round_robin"

    @pytest.mark.parametrize(
        ("settings", "setting"),
        [
            ({"endpiont": "http://h/"}, "endpiont"),
            ({"endpoint": "http://h/path"}, "endpoint"),
            ({"protocol": "http/json"}, "protocol"),
            ({"compression": "zstd"}, "compression"),
            ({"headers": {"a": "s3cret\n"}}, "headers"),
            ({"headers": {"a!": "s3cret"}}, "headers"),
            ({"client_key": "/absent"}, "client_certificate"),
            ({"certificate": "/absent"}, "certificate"),
        ],
    )
    def test_refuses_bad_settings_by_name_without_secrets(self, settings: dict[str, object], setting: str) -> None:
        with pytest.raises(ConfigError) as caught:
            factory.create(settings).validate()

        assert caught.value.setting == setting
        assert "s3cret" not in str(caught.value)

    def test_plaintext_credentials_are_refused_on_demand(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reported: Reported = capture_diagnostics(monkeypatch)
        settings = {"endpoint": "http://collector", "headers": {"api-key": "x"}}
        with pytest.raises(ConfigError):
            factory.create({**settings, "refuse_plaintext_credentials": True}).validate()
        assert reported.lines == []

        factory.create(settings).validate()
        assert reported.kinds == ["plaintext_credentials"]
