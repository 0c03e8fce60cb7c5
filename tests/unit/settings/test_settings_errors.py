"""A bad argument or variable of ours is one error that names setting, value, origin and remedy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings import LimitSettings, load_settings

CANARY = "c4n4ry-s3cr3t"
_EXPORTERS = "FAPILOG_OTEL_EXPORTERS"

BAD_ARGUMENTS: list[tuple[dict[str, object], str, str]] = [
    ({"timeout": 0}, "timeout", "greater than 0"),
    ({"timeout": -3}, "timeout", "greater than 0"),
    ({"timeout": "soon"}, "timeout", "valid number"),
    ({"timeout": float("inf")}, "timeout", "finite"),
    ({"protocol": "http/protobuff"}, "protocol", "Did you mean 'http/protobuf'"),
    ({"compression": "brotli"}, "compression", "gzip"),
    ({"endpoint": ""}, "endpoint", "is not a URL"),
    ({"endpoint": "ftp://h:1"}, "endpoint", "scheme 'ftp'"),
    ({"endpoint": "http://"}, "endpoint", "names no host"),
    ({"endpoint": "http://h:99999"}, "endpoint", "bad host or port"),
    ({"endpoint": "http://h:0"}, "endpoint", "port 0"),
    ({"endpoint": "http://h:x"}, "endpoint", "bad host or port"),
    ({"endpoint": "http://h/a b"}, "endpoint", "space"),
    ({"endpoint": "http://h/a\nb"}, "endpoint", "control character"),
    ({"endpoint": "http://h/#top"}, "endpoint", "fragment"),
    ({"endpoint": "collector:4318"}, "endpoint", "Write http://collector:4318"),
    ({"endpoint": 4318}, "endpoint", "is not a URL"),
    ({"endpoint": "http://h:4317/otlp", "protocol": "grpc"}, "endpoint", "path"),
    ({"headers": {"a b": "c"}}, "headers", "malformed header name"),
    ({"headers": {"a": "c\r\nx: y"}}, "headers", "cannot be sent"),
    ({"headers": {"a": 1}}, "headers", "not a text"),
    ({"headers": 5}, "headers", "is not a mapping"),
    ({"headers": "novalue"}, "headers", "item 1 is not key=value"),
    ({"level": "LOUD"}, "level", "is not a level"),
    ({"level": True}, "level", "is not a level"),
    ({"levels": {"shop": "LOUD"}}, "levels", "is not a level"),
    ({"levels": {5: "INFO"}}, "levels", "no text"),
    ({"sources": 5}, "sources", "is not a list"),
    ({"sources": [5]}, "sources", "no source"),
    ({"stages": [5]}, "stages", "no stage"),
    ({"without": [5]}, "without", "name belongs"),
    ({"sample": 1.5}, "sample", "less than or equal to 1"),
    ({"max_queue_bytes": 1024}, "max_queue_bytes", "greater than or equal to 65536"),
    ({"chunk_size": "1MiB", "max_queue_bytes": "64KiB"}, "chunk_size", "larger than the whole queue"),
    ({"max_queue_size": 0}, "max_queue_size", "greater than 0"),
    ({"on_full": "spill"}, "on_full", "needs a spool"),
    ({"on_full": "explode"}, "on_full", "spill"),
    ({"certificate": "/no/such/file.pem"}, "certificate", "cannot be read"),
    ({"certificate": b"not pem"}, "certificate", "PEM form"),
    ({"certificate": "/"}, "certificate", "is a directory"),
    ({"certificate": "~no_such_user_x/ca.pem"}, "certificate", "no such user"),
    ({"certificate": "a\0b"}, "certificate", "is not a path"),
    ({"spool": ""}, "spool", "is not a path"),
    ({"headers_file": "/no/such/headers"}, "headers_file", "cannot be read"),
    ({"limits": {"depth": 0}}, "limits.depth", "greater than or equal to 1"),
    ({"limits": {"deptth": 3}}, "limits.deptth", "Did you mean 'limits.depth'"),
    ({"limits": 5}, "limits", "is not a mapping"),
    ({"redaction": {"mask": ""}}, "redaction.mask", "is empty"),
    ({"redaction": {"patterns": ["("]}}, "redaction.patterns", "bad pattern"),
    ({"retry": {"multiplier": 0.5}}, "retry.multiplier", "greater than or equal to 1"),
    ({"timeot": 3}, "timeot", "Did you mean 'timeout'"),
    ({"exporters": ["console"]}, "exporters", "{'console': {}}"),
    ({"exporters": "console"}, "exporters", "as JSON"),
    ({"exporters": {"x": 5}}, "exporters.x", "is a int"),
    ({"exporters": {"x": {5: 5}}}, "exporters.x", "has a key that is no text"),
    ({"exporters": {"x": {"type": "otlp_htp"}}}, "exporters.x.type", "'otlp_htp' (from argument): names no installed"),
    ({"exporters": {"x": {"type": "otlp_htp"}}}, "exporters.x.type", "Did you mean 'otlp_http'?"),
    ({"exporters": {"x": {"typ": "console"}}}, "exporters.x", "Did you mean 'type' where 'typ' stands?"),
    ({"exporters": {"x": {"endpoint": "http://h"}}}, "exporters.x", "has no type, and 'x' names no installed exporter"),
    ({"exporters": {"x": {"type": 5}}}, "exporters.x.type", "is no name"),
    ({"exporters": {"otlp": {"optional": "maybe"}}}, "exporters.otlp.optional", "is not a boolean"),
    ({"exporters": {"otlp": {"endpoint": "http://h", "insecure": "maybe"}}}, "exporters.otlp.insecure", "a boolean"),
    ({"exporters": {"otlp": {"level": "LOUD"}}}, "exporters.otlp.level", "is not a level"),
    ({"exporters": {"otlp": {"max_request_size": 3}}}, "exporters.otlp.max_request_size", "is not a size"),
    ({"exporters": {"otlp": {"protocol": "x"}}}, "exporters.otlp.protocol", "is unknown"),
    ({"exporters": {"otlp_http": {"protocol": "grpc"}}}, "exporters.otlp_http.protocol", "does not suit its type"),
    ({"exporters": {"otlp_grpc": {"endpoint": "http://h:1/p"}}}, "exporters.otlp_grpc.endpoint", "has a path"),
    ({"exporters": {"otlp": {}}, "endpoint": "http://h:1"}, "endpoint", "excludes exporters"),
    ({"logs_exporter": "otlp,none"}, "logs_exporter", "'none' beside another"),
    ({"logs_exporter": ","}, "logs_exporter", "names no exporter"),
    ({"service_name": ""}, "service_name", "at least 1 character"),
]


class TestConfigError:
    @pytest.mark.parametrize(("arguments", "setting", "said"), BAD_ARGUMENTS)
    def test_a_bad_argument_is_named_with_its_origin(
        self, arguments: Mapping[str, object], setting: str, said: str
    ) -> None:
        with pytest.raises(ConfigError) as caught:
            load_settings(arguments, {})
        assert caught.value.setting == setting
        assert caught.value.origin == "argument"
        assert said in str(caught.value)
        assert caught.value.remedy
        assert "\n" not in str(caught.value)

    def test_a_bad_variable_of_ours_is_named_as_the_user_wrote_it(self) -> None:
        with pytest.raises(ConfigError) as caught:
            load_settings({}, {"FAPILOG_OTEL_LIMITS__DEPTH": "deep"})
        assert caught.value.setting == "FAPILOG_OTEL_LIMITS__DEPTH"
        assert caught.value.value == "deep"
        assert caught.value.origin == "environment FAPILOG_OTEL_LIMITS__DEPTH"

    @pytest.mark.parametrize(
        ("environ", "origin"),
        [
            ({_EXPORTERS + "__OTLP__LEVEL": "LOUD"}, _EXPORTERS + "__OTLP__LEVEL"),
            ({_EXPORTERS: '{"otlp": {"level": "LOUD"}}'}, _EXPORTERS),
            ({_EXPORTERS: '{"otlp": {"level": "LOUD"}}', _EXPORTERS + "__OTLP__OPTIONAL": "true"}, _EXPORTERS),
        ],
    )
    def test_a_bad_key_of_a_destination_is_named_with_the_variable_that_it_is_in(
        self, environ: Mapping[str, str], origin: str
    ) -> None:
        with pytest.raises(ConfigError) as caught:
            load_settings({}, environ)
        assert (caught.value.setting, caught.value.value) == ("exporters.otlp.level", "LOUD")
        assert caught.value.origin == f"environment {origin}"

    @pytest.mark.parametrize(
        "environ",
        [
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "smoke"},
            {"OTEL_SDK_DISABLED": "maybe"},
            {"OTEL_EXPORTER_OTLP_HEADERS": "novalue"},
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:1/p", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        ],
    )
    def test_what_strict_refuses_is_not_said_to_be_ignored(self, environ: Mapping[str, str]) -> None:
        done = ("it is ignored", "left out", "is read as")
        assert any(words in str(load_settings({}, environ).warnings) for words in done)
        with pytest.raises(ConfigError) as caught:
            load_settings({"strict": True}, environ)
        assert not [words for words in done if words in str(caught.value)]

    def test_a_pattern_may_begin_with_a_bracket(self) -> None:
        def patterns(text: str) -> object:
            return load_settings({}, {"FAPILOG_OTEL_REDACTION__PATTERNS": text}).redaction.patterns

        assert patterns("[0-9]{5}") == ("[0-9]{5}",)
        assert patterns('["[0-9]{5}", "a,b"]') == ("[0-9]{5}", "a,b")
        with pytest.raises(ConfigError, match="not valid JSON"):
            patterns('["a", "b",]')

    def test_a_key_without_its_certificate_is_refused(self, tmp_path: Path) -> None:
        key = tmp_path / "key.pem"
        key.write_text("-----BEGIN PRIVATE KEY-----")
        with pytest.raises(ConfigError, match="has no certificate"):
            load_settings({"client_key": str(key)}, {})

    def test_a_spool_that_is_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "spool").write_text("")
        with pytest.raises(ConfigError, match="is not a directory"):
            load_settings({"spool": tmp_path / "spool"}, {})

    @pytest.mark.parametrize(
        ("values", "setting", "said"),
        [
            ({"depth": 0}, "depth", "greater than or equal to 1"),
            ({"deptth": 3}, "deptth", "Did you mean 'depth'"),
            ({"nodes": "many"}, "nodes", "valid integer"),
        ],
    )
    def test_a_section_built_directly_raises_the_same_error(
        self, values: dict[str, object], setting: str, said: str
    ) -> None:
        with pytest.raises(ConfigError, match=said) as caught:
            LimitSettings(**values)
        assert (caught.value.setting, caught.value.origin) == (setting, "argument")

    def test_the_cause_holds_no_input(self) -> None:
        with pytest.raises(ConfigError) as caught:
            load_settings({"timeout": "soon"}, {})
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


SECRET_INPUTS: list[tuple[dict[str, object], dict[str, str]]] = [
    ({"headers": {"authorization": f"{CANARY}\n"}}, {}),
    ({"headers": CANARY}, {}),
    ({"header": {"authorization": CANARY}}, {}),
    ({"endpoint": f"http://user:{CANARY}@h:0"}, {}),
    ({"endpoint": f"http://user:{CANARY}@h:notaport"}, {}),
    ({"endpoint": f"user:{CANARY}@h:4318"}, {}),
    ({"endpoint": f"http://h:0?token={CANARY}"}, {}),
    ({"client_key": CANARY.encode()}, {}),
    ({"exporters": {"a": {"type": "nope", "api_key": CANARY}}}, {}),
    ({"exporters": {"otlp": {"endpoint": f"http://user:{CANARY}@h:0"}}}, {}),
    ({"resource": [CANARY]}, {}),
    ({"exporters": {"otlp": {"client_key": CANARY}}}, {}),
    ({}, {"FAPILOG_OTEL_HEADERS": CANARY}),
    ({}, {"FAPILOG_OTEL_HEADRES": f"authorization={CANARY}"}),
    ({}, {"FAPILOG_OTEL_EXPORTERS": "{" + CANARY}),
    ({"strict": True}, {"OTEL_EXPORTER_OTLP_HEADERS": CANARY}),
    ({"strict": True}, {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://user:{CANARY}@h:0"}),
    ({"strict": True}, {"OTEL_EXPORTER_OTLP_ENDPOINT": f"user:{CANARY}@h:1"}),
]


class TestSecrets:
    @pytest.mark.parametrize(("arguments", "environ"), SECRET_INPUTS)
    def test_no_error_shows_a_secret(self, arguments: Mapping[str, object], environ: Mapping[str, str]) -> None:
        with pytest.raises(ConfigError) as caught:
            load_settings(arguments, environ)
        assert CANARY not in f"{caught.value} {caught.value!r} {caught.value.args} {caught.value.value}"

    def test_no_warning_shows_a_secret(self) -> None:
        environ = {
            "OTEL_EXPORTER_OTLP_HEADERS": f"{CANARY}, bad name={CANARY}",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"http://user:{CANARY}@h:0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"user:{CANARY}@h:1",
        }
        settings = load_settings({}, environ)
        assert len(settings.warnings) == 3
        assert CANARY not in "".join(settings.warnings)

    def test_neither_repr_nor_describe_show_a_secret(self) -> None:
        pem = f"-----BEGIN PRIVATE KEY----- {CANARY}".encode()
        certificate = b"-----BEGIN CERTIFICATE-----"
        exporters = {
            "a": {
                "type": "otlp_http",
                "endpoint": f"http://user:{CANARY}@h:1",
                "headers": {"authorization": CANARY},
                "client_key": pem,
            }
        }
        keys = {"client_key": pem, "client_certificate": certificate, "headers": {"authorization": CANARY}}
        for arguments in (
            {"endpoint": f"http://user:{CANARY}@h:1?k={CANARY}", **keys},
            {"exporters": exporters, **keys},
        ):
            settings = load_settings(arguments, {"OTEL_RESOURCE_ATTRIBUTES": f"api.token={CANARY}"})
            shown = [
                repr(settings),
                str(settings),
                str(settings.describe()),
                repr(settings.model_dump()),
                settings.model_dump_json(),
                repr(settings._entries),
                repr(settings.destinations()["a" if "exporters" in arguments else "otlp"].get("headers")),
            ]  # type: ignore[union-attr]
            assert CANARY not in "".join(shown)
            assert "authorization" in "".join(shown)

    def test_headers_and_keys_still_work(self) -> None:
        pem = f"-----BEGIN PRIVATE KEY----- {CANARY}".encode()
        settings = load_settings(
            {"client_key": pem, "client_certificate": b"-----BEGIN CERTIFICATE-----", "headers": {"a": CANARY}}, {}
        )
        assert settings.client_key == pem
        assert settings.headers == {"a": CANARY}
