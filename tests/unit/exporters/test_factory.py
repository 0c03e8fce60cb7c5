from __future__ import annotations

import subprocess
import sys
import traceback
from importlib.metadata import entry_points

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from fapilog_otel.contracts.exporter import Exporter
from fapilog_otel.errors import ConfigError
from fapilog_otel_exporters._factory import Factory, masked
from fapilog_otel_exporters.memory import MemoryExporter

LIGHT = {
    "console": {},
    "memory": {},
    "stdout_json": {},
    "otlp_file": {"path": "logs.jsonl"},
    "sdk_adapter": {"exporter": "console"},
}


class ShopSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    endpoint: str = Field(description="a URL")
    timeout: float = Field(10, gt=0, description="seconds above 0")
    headers: dict[str, str] = Field(default_factory=dict)
    pin: str = Field("", json_schema_extra={"secret": True})

    @field_validator("endpoint")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        if not value.startswith("http"):
            raise ValueError("The scheme is unknown.")
        return value

    @field_validator("pin")
    @classmethod
    def _digits(cls, value: str) -> str:
        if not value.isdigit():
            raise ValueError("not digits")
        return value


FACTORY = Factory("shop", lambda: ShopSettings, lambda settings: MemoryExporter(int(settings.timeout)))
GOOD = {"endpoint": "http://localhost"}


def refused(settings) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        FACTORY.create(settings)
    return caught.value


class TestFactory:
    def test_an_exporter_is_built_from_validated_settings(self):
        exporter = FACTORY.create({**GOOD, "timeout": "7"})
        assert isinstance(exporter, MemoryExporter)
        assert exporter.max_records == 7

    def test_the_settings_model_is_shown(self):
        assert FACTORY.settings_model is ShopSettings

    def test_a_bad_value_names_setting_value_problem_and_remedy(self):
        error = refused({**GOOD, "timeout": -1})
        assert (error.setting, error.value) == ("timeout", -1)
        assert error.problem == "shop: input should be greater than 0"
        assert error.remedy == "Give seconds above 0"

    def test_a_validators_words_are_kept(self):
        assert refused({"endpoint": "ftp://x"}).problem == "shop: the scheme is unknown"

    def test_a_missing_setting_says_what_to_give(self):
        error = refused({})
        assert (error.setting, error.value, error.problem) == ("endpoint", None, "shop: field required")
        assert error.remedy == "Give a URL"

    def test_a_mistyped_name_is_answered_with_the_near_one(self):
        error = refused({**GOOD, "time_out": 5})
        assert (error.setting, error.problem) == ("time_out", "shop: unknown setting")
        assert error.remedy == "Did you mean 'timeout'?"

    def test_a_name_like_no_other_is_answered_with_all(self):
        assert refused({**GOOD, "zzz": 5}).remedy == "Known settings: endpoint, timeout, headers, pin"

    def test_further_findings_are_counted(self):
        assert refused({**GOOD, "timeout": -1, "zzz": 5}).problem.endswith("(and 1 more)")

    @pytest.mark.parametrize(
        "settings",
        [
            {"headers": {"authorization": ["hunter2"]}},
            {"headers": "hunter2"},
            {"hedaers": "Bearer hunter2"},
            {"pin": "hunter2"},
            {"endpoint": "ftp://me:hunter2@host"},
            {"zzz": ["hunter2"]},
        ],
    )
    def test_no_secret_appears_in_the_error_or_its_traceback(self, settings):
        error = refused({**GOOD, **settings})
        assert "hunter2" not in "".join(traceback.format_exception(error))
        assert error.__context__ is None
        assert error.__cause__ is None

    @pytest.mark.parametrize(
        ("value", "shown"),
        [("x" * 500, "x" * 200), (None, None), (True, True), (3.5, 3.5), ({"a": 1}, "<dict>")],
    )
    def test_other_values_are_shown_short(self, value, shown):
        assert masked(value) == shown


class TestBuiltInFactories:
    @pytest.mark.parametrize("name", LIGHT)
    def test_each_is_found_by_its_entry_point_and_builds_an_exporter(self, name):
        (entry_point,) = entry_points(group="fapilog_otel.exporters", name=name)
        factory = entry_point.load()
        exporter = factory.create(LIGHT[name])
        assert isinstance(exporter, Exporter)
        exporter.validate()

    @pytest.mark.parametrize("name", LIGHT)
    def test_each_refuses_an_unknown_setting(self, name):
        (entry_point,) = entry_points(group="fapilog_otel.exporters", name=name)
        with pytest.raises(ConfigError, match=f"{name}: unknown setting"):
            entry_point.load().create({**LIGHT[name], "colour_of_the_moon": 1})

    @pytest.mark.parametrize("name", LIGHT)
    def test_every_setting_has_a_description_for_its_remedy(self, name):
        (entry_point,) = entry_points(group="fapilog_otel.exporters", name=name)
        for field in entry_point.load().settings_model.model_fields.values():
            assert field.description

    @pytest.mark.parametrize("name", LIGHT)
    def test_importing_one_loads_neither_pydantic_nor_the_sdk(self, name):
        code = (
            f"import sys, fapilog_otel_exporters.{name}\n"
            "heavy = [m for m in ('pydantic', 'opentelemetry.sdk', 'grpc', 'ssl') if m in sys.modules]\n"
            "sys.exit(f'loaded: {heavy}' if heavy else 0)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
