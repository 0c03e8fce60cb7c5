from __future__ import annotations

import pytest

from fapilog_otel.contracts.stage import Stage
from fapilog_otel.errors import ConfigError, PluginError
from fapilog_otel.model.record import Record
from fapilog_otel.pipeline.filter import RateLimitFilter, SamplingFilter
from fapilog_otel.pipeline.redact import RedactStage
from fapilog_otel.pipeline.registry import BUILTIN, make_stage

NEEDED = {
    "static_attributes": {"attributes": {"a": 1}},
    "field_mask": {"fields": ["email"]},
    "string_truncate": {"max_length": 10},
}


class TestMakeStage:
    @pytest.mark.parametrize("name", BUILTIN)
    def test_makes_every_built_in_under_its_own_name(self, name: str) -> None:
        stage = make_stage({"name": name, **NEEDED.get(name, {})})
        assert isinstance(stage, Stage)
        assert (stage.name, stage.inline) == (name, True)

    def test_a_name_alone_means_default_options(self) -> None:
        assert isinstance(make_stage("rate_limit"), RateLimitFilter)

    def test_a_stage_is_given_back(self) -> None:
        stage = RateLimitFilter()
        assert make_stage(stage) is stage

    def test_options_are_passed(self) -> None:
        stage = make_stage({"name": "sampling", "rate": 0.25})
        assert isinstance(stage, SamplingFilter)
        assert stage.rate == 0.25

    @pytest.mark.parametrize(
        "spec",
        [
            {"name": "sampling", "sample_rate": 0.25},
            {"name": "trace_sampling", "sample_rate": 0.25},
            {"name": "field_mask", "fields_to_mask": ["a"], "mask_string": "-"},
            {"name": "field_blocker", "blocked_fields": ["a"], "allowed_fields": ["b"]},
            {"name": "string_truncate", "max_string_length": 5},
            {"name": "rate_limit", "capacity": 5, "refill_rate_per_sec": 1.0, "key_field": "user", "max_keys": 10},
            {"name": "level", "min_level": "DEBUG"},
            {"name": "size_guard", "max_bytes": 1000, "action": "drop"},
        ],
    )
    def test_fapilogs_option_names_work(self, spec: dict[str, object]) -> None:
        assert make_stage(spec).name == spec["name"]

    def test_a_redactor_becomes_a_stage(self) -> None:
        stage = make_stage({"name": "field_mask", "fields": "email"})
        assert isinstance(stage, RedactStage)
        assert stage(Record(attributes={"email": "a@b", "e": 1})).attributes == {"email": "***", "e": 1}

    def test_a_plugins_factory_is_used(self) -> None:
        made = RateLimitFilter()
        assert make_stage({"name": "mine", "size": 1}, {"mine": lambda size: made}) is made

    def test_a_plugin_cannot_replace_a_built_in(self) -> None:
        assert isinstance(make_stage("level", {"level": RateLimitFilter}), type(make_stage("level")))

    def test_an_unknown_name_suggests_a_near_one(self) -> None:
        with pytest.raises(PluginError, match="Did you mean 'sampling'") as caught:
            make_stage("samplng")
        assert all(name in str(caught.value) for name in BUILTIN)

    def test_an_unknown_name_may_be_near_to_a_plugins(self) -> None:
        with pytest.raises(PluginError, match="Did you mean 'geolocate'"):
            make_stage("geolocat", {"geolocate": RateLimitFilter})

    def test_an_unknown_option_suggests_a_near_one(self) -> None:
        with pytest.raises(ConfigError, match=r"stages\.rate_limit\.capacty.*Did you mean 'capacity'"):
            make_stage({"name": "rate_limit", "capacty": 5})

    @pytest.mark.parametrize(
        "spec",
        [
            {"rate": 0.1},
            {"name": 5},
            {"name": "string_truncate"},
            {"name": "field_mask", "fields": 5},
            {"name": "rate_limit", "clock": None},
            {"name": "context_vars", "x": 1},
        ],
    )
    def test_refuses_a_spec_that_cannot_work(self, spec: dict[str, object]) -> None:
        with pytest.raises(ConfigError, match="stages"):
            make_stage(spec)
