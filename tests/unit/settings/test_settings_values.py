"""The single values: parsing, masking, and what objects a setting takes."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from fapilog_otel.errors import ConfigError
from fapilog_otel.model.record import Record
from fapilog_otel.settings import PRESETS, Headers, Secret, load_settings, mask_url
from fapilog_otel.settings.fapilog_env import variable
from fapilog_otel.settings.parse import lenient_pairs, level, pairs, size
from fapilog_otel.settings.secret import mask_assigned


class TestSecret:
    def test_bytes_work_and_never_show(self) -> None:
        secret = Secret(b"key")
        assert secret == b"key"
        assert "key" not in f"{secret!r} {secret} {secret!s} {[secret]}"

    def test_headers_work_and_show_only_their_names(self) -> None:
        headers = Headers({"authorization": "secret"})
        assert headers["authorization"] == "secret"
        assert dict(headers) == {"authorization": "secret"}
        assert len(headers) == 1
        assert f"{headers!r} {headers}" == "{'authorization': '***'} {'authorization': '***'}"

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("http://h:1/p", "http://h:1/p"),
            ("http://u:p@h:1/p", "http://***@h:1/p"),
            ("http://u:p@x@h:1", "http://***@h:1"),
            ("http://u:p/x@h:1", "http://***@h:1"),
            ("u:p@h:1", "***@h:1"),
            ("http://h?token=x", "http://h?***"),
            ("https://u:p?w@h", "https://***"),
            ("http://u:p@h?a=b@c", "http://***@h?***"),
        ],
    )
    def test_a_url_shows_without_credentials(self, url: str, shown: str) -> None:
        assert mask_url(url) == shown


class TestParsing:
    def test_pairs_are_percent_decoded(self) -> None:
        assert pairs("a%3D=b%20c , d = e=f") == {"a=": "b c", "d": "e=f"}

    def test_malformed_pairs_are_counted_by_position(self) -> None:
        assert lenient_pairs("a=1,,oops,=x,b=2") == ({"a": "1", "b": "2"}, [3, 4])

    @pytest.mark.parametrize(
        ("text", "number"),
        [("4096", 4096), ("64KiB", 65536), ("64 kb", 64000), ("1.5MiB", 1572864), ("1GiB", 2**30), ("12b", 12)],
    )
    def test_sizes_have_units(self, text: str, number: int) -> None:
        assert size(text) == number

    @pytest.mark.parametrize("value", ["big", 5, None, "5 TiB"])
    def test_what_is_no_size_is_left_to_the_field(self, value: object) -> None:
        assert size(value) == value

    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ("info", "INFO"),
            ("WARNING", "WARN"),
            (logging.CRITICAL, "FATAL"),
            ("audit", "AUDIT"),
            ("debug2", "DEBUG2"),
            (0, "NOTSET"),
        ],
    )
    def test_levels_are_named_one_way(self, given: object, name: str) -> None:
        assert level(given) == name


class UpperCase:
    name = "upper"
    phase = "process"
    inline = True

    def __call__(self, record: Record) -> Record:
        return record


class TestObjects:
    def test_headers_may_be_a_callable(self) -> None:
        def headers() -> dict[str, str]:
            return {"a": "b"}

        settings = load_settings({"headers": headers}, {})
        assert settings.headers is headers
        assert settings.destinations()["otlp"]["headers"] is headers

    def test_a_stage_object_is_taken_beside_names(self) -> None:
        stage = UpperCase()
        assert load_settings({"stages": [stage, "geo"]}, {}).stages == (stage, "geo")

    def test_an_sdk_resource_gives_its_attributes(self) -> None:
        from opentelemetry.sdk.resources import Resource

        assert load_settings({"resource": Resource({"a": "b"})}, {}).resource == {"a": "b"}

    def test_paths_may_be_path_objects(self, tmp_path: Path) -> None:
        assert load_settings({"spool": tmp_path / "new"}, {}).spool == str(tmp_path / "new")

    def test_pem_text_becomes_bytes(self) -> None:
        assert (
            load_settings({"certificate": "-----BEGIN CERTIFICATE-----"}, {}).certificate
            == b"-----BEGIN CERTIFICATE-----"
        )


class TestDescribe:
    def test_every_setting_has_a_line_and_a_description(self) -> None:
        settings = load_settings({}, {})
        names = [line.name for line in settings.describe()]
        assert len(names) == len(set(names))
        for name, field in type(settings).model_fields.items():
            assert name in names or f"{name}." in "".join(names)
            assert field.description

    def test_destinations_are_spread_out(self) -> None:
        settings = load_settings({"exporters": {"main": {"type": "otlp_http", "headers": {"a": "b"}}}}, {})
        line = next(line for line in settings.describe() if line.name == "exporters.main")
        assert line.value == "{type: otlp_http, headers: {'a': '***'}}"
        assert line.origin == "argument"

    def test_a_dump_holds_plain_values(self) -> None:
        settings = load_settings({"timeout": 3, "resource": {"a": [1, "b"]}, "headers": dict}, {})
        dumped = settings.model_dump()
        assert (dumped["timeout"], dumped["resource"], dumped["headers"]) == (3.0, {"a": [1, "b"]}, "dict")
        assert json.loads(settings.model_dump_json()) == dumped

    def test_repr_holds_what_is_no_default(self) -> None:
        assert repr(load_settings({"timeout": 3}, {})) == "Settings(timeout='3.0')"


class TestImports:
    def test_the_modules_without_models_load_no_pydantic(self) -> None:
        modules = ", ".join(f"fapilog_otel.settings.{name}" for name in ("secret", "endpoint", "parse"))
        code = f"import sys, {modules}; print('pydantic' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "False"

    def test_public_names_resolve(self) -> None:
        import fapilog_otel.settings as module

        for name in module.__all__:
            assert getattr(module, name) is not None
        with pytest.raises(AttributeError):
            module.no_such_name  # noqa: B018


class TestDocumentation:
    def test_the_page_has_every_setting_with_its_default_and_variable(self) -> None:
        page = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text("utf-8")
        for line in load_settings({}, {}).describe():
            row = next((row for row in page.splitlines() if f"`{variable(line.name)}`" in row and "|" in row), "")
            assert row.startswith(f"| `{line.name}` | `{line.value}` |"), line.name

    def test_the_page_shows_the_presets_as_they_are(self) -> None:
        page = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text("utf-8")
        table = page.partition("## Presets")[2].partition("\n## ")[0]
        rows = {
            row.split("|")[1].strip(" `"): row.split("|")[2:-1] for row in table.splitlines() if row.startswith("| `")
        }
        for column, values in enumerate(PRESETS.values()):
            shown = {name: row[column].strip() for name, row in rows.items() if row[column].strip()}
            assert set(shown) == set(values)
            assert all(
                size(text) == value or text.lower() == str(value).lower()
                for (_, text), value in zip(
                    sorted(shown.items()), (values[name] for name in sorted(values)), strict=True
                )
            )


class TestUnixSocket:
    def test_is_an_endpoint_of_grpc(self) -> None:
        settings = load_settings({"endpoint": "unix:/run/collector.sock", "protocol": "grpc"}, {})
        assert settings.logs_endpoint() == ("grpc", "unix:/run/collector.sock")

    def test_is_refused_for_http_with_the_remedy(self) -> None:
        with pytest.raises(ConfigError, match="Set protocol='grpc'"):
            load_settings({"endpoint": "unix:/run/collector.sock"}, {})


class TestMaskAssigned:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("password=hunter2", "password=***"),
            ("a note, api_key: hunter2; x", "a note, api_key: ***; x"),
            ("Authorization: Bearer hunter2 x", "Authorization: *** x"),
            ("shop", "shop"),
            ("key", "key"),
        ],
    )
    def test_what_is_assigned_to_a_secrets_name_does_not_show(self, text: str, shown: str) -> None:
        assert mask_assigned(text) == shown
        assert text not in repr(load_settings({"resource": {"note": text}})) or text == shown
