"""Argument over FAPILOG_OTEL_* over OTEL_* over preset over default, and every value knows which it was."""

from __future__ import annotations

import pytest

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings import LimitSettings, Settings, load_settings


class TestRanking:
    def test_the_default_holds_where_nobody_says_anything(self) -> None:
        settings = load_settings({}, {})
        assert settings.timeout == 10.0
        assert settings.origin("timeout") == "default"

    def test_a_preset_goes_before_the_default(self) -> None:
        settings = load_settings({"preset": "serverless"}, {})
        assert settings.timeout == 2.0
        assert settings.origin("timeout") == "preset serverless"

    def test_a_standard_variable_goes_before_the_preset(self) -> None:
        settings = load_settings({"preset": "serverless"}, {"OTEL_EXPORTER_OTLP_TIMEOUT": "3000"})
        assert settings.timeout == 3.0
        assert settings.origin("timeout") == "environment OTEL_EXPORTER_OTLP_TIMEOUT"

    def test_our_variable_goes_before_the_standard_one(self) -> None:
        settings = load_settings({}, {"OTEL_EXPORTER_OTLP_TIMEOUT": "3000", "FAPILOG_OTEL_TIMEOUT": "4"})
        assert settings.timeout == 4.0
        assert settings.origin("timeout") == "environment FAPILOG_OTEL_TIMEOUT"

    def test_an_argument_goes_before_everything(self) -> None:
        environ = {"OTEL_EXPORTER_OTLP_TIMEOUT": "3000", "FAPILOG_OTEL_TIMEOUT": "4"}
        settings = load_settings({"timeout": 5, "preset": "serverless"}, environ)
        assert settings.timeout == 5.0
        assert settings.origin("timeout") == "argument"

    def test_a_section_takes_each_value_from_its_own_origin(self) -> None:
        environ = {"FAPILOG_OTEL_LIMITS__NODES": "7", "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "9"}
        settings = load_settings({"limits": {"depth": 3}}, environ)
        assert (settings.limits.depth, settings.limits.nodes, settings.limits.attributes) == (3, 7, 9)
        assert settings.origin("limits.depth") == "argument"
        assert settings.origin("limits.nodes") == "environment FAPILOG_OTEL_LIMITS__NODES"
        assert settings.origin("limits.record_bytes") == "default"

    def test_headers_of_two_origins_never_mix(self) -> None:
        environ = {"OTEL_EXPORTER_OTLP_HEADERS": "a=general", "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "b=logs"}
        assert load_settings({}, environ).headers == {"b": "logs"}
        assert load_settings({"headers": {"c": "own"}}, environ).headers == {"c": "own"}

    def test_a_preset_can_come_from_the_environment(self) -> None:
        assert load_settings({}, {"FAPILOG_OTEL_PRESET": "dev"}).level == "DEBUG"

    def test_none_means_not_given(self) -> None:
        assert load_settings({"timeout": None, "spool": None}, {"FAPILOG_OTEL_TIMEOUT": "4"}).timeout == 4.0

    def test_none_switches_the_request_bound_off(self) -> None:
        settings = load_settings({"max_request_size": None}, {"FAPILOG_OTEL_MAX_REQUEST_SIZE": "4096"})
        assert settings.max_request_size is None

    def test_asking_for_the_origin_of_an_unknown_setting_is_an_error(self) -> None:
        with pytest.raises(ConfigError, match="Did you mean 'timeout'"):
            load_settings({}, {}).origin("timeot")


class TestBase:
    def test_settings_are_a_base_under_the_keywords(self) -> None:
        base = load_settings({"timeout": 3, "level": "DEBUG"}, {"FAPILOG_OTEL_SPOOL": "none"})
        settings = load_settings({"settings": base, "level": "ERROR"})
        assert (settings.timeout, settings.level) == (3.0, "ERROR")
        assert settings.origin("timeout") == "argument"

    def test_the_environment_of_the_base_counts_on(self) -> None:
        base = load_settings({}, {"FAPILOG_OTEL_TIMEOUT": "4"})
        settings = load_settings({"settings": base})
        assert settings.origin("timeout") == "environment FAPILOG_OTEL_TIMEOUT"

    def test_sections_of_base_and_keywords_are_merged(self) -> None:
        base = load_settings({"limits": LimitSettings(depth=3)}, {})
        settings = load_settings({"settings": base, "limits": {"nodes": 5}})
        assert (settings.limits.depth, settings.limits.nodes) == (3, 5)

    def test_an_endpoint_replaces_the_exporters_of_the_base(self) -> None:
        base = load_settings({"exporters": {"otlp": {"endpoint": "http://a:1"}}}, {})
        settings = load_settings({"settings": base, "endpoint": "http://b:2"})
        assert settings.exporters is None
        assert settings.logs_endpoint() == ("http/protobuf", "http://b:2/v1/logs")

    def test_a_keyword_that_is_none_leaves_the_base_alone(self) -> None:
        assert load_settings({"settings": load_settings({"timeout": 3}, {}), "timeout": None}).timeout == 3.0

    def test_anything_else_as_a_base_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="is no Settings object"):
            load_settings({"settings": {"timeout": 3}})


class TestSettings:
    def test_built_directly_they_read_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FAPILOG_OTEL_TIMEOUT", "4")
        settings = Settings(level="info")
        assert (settings.timeout, settings.level) == (4.0, "INFO")

    def test_built_directly_a_bad_value_is_our_own_error(self) -> None:
        with pytest.raises(ConfigError) as caught:
            Settings(timeout=-1)
        assert caught.value.setting == "timeout"
        assert caught.value.origin == "argument"

    def test_equal_values_make_equal_settings_whatever_their_origin(self) -> None:
        assert load_settings({"timeout": 3}, {}) == load_settings({}, {"FAPILOG_OTEL_TIMEOUT": "3"})
        assert load_settings({"timeout": 3}, {}) != load_settings({"timeout": 4}, {})

    def test_the_same_text_as_base_url_and_as_it_is_differs(self) -> None:
        base = load_settings({"endpoint": "http://h:1"}, {})
        assert base != load_settings({}, {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://h:1"})

    def test_settings_differ_from_anything_else(self) -> None:
        assert load_settings({}, {}) != object()

    def test_settings_are_frozen(self) -> None:
        settings = load_settings({}, {})
        with pytest.raises(ValueError, match="frozen"):
            settings.timeout = 3.0  # type: ignore[misc]

    def test_levels_are_given_as_severity_numbers_too(self) -> None:
        settings = load_settings({"level": "warning", "levels": {"shop": "audit"}}, {})
        assert (settings.level_number, settings.level_numbers) == (13, {"shop": 22})
        assert load_settings({}, {}).level_number is None

    def test_limits_come_in_the_encoders_form(self) -> None:
        limits = load_settings({"limits": {"depth": 3, "value_length": 100}}, {}).limits.as_limits()
        assert (limits.depth, limits.value_length, limits.record_bytes) == (3, 100, 262_144)


class TestPresets:
    @pytest.mark.parametrize("name", ["dev", "production", "minimal", "serverless", "hardened"])
    def test_every_preset_can_be_used_as_it_is(self, name: str) -> None:
        settings = load_settings({"preset": name}, {})
        assert f"preset {name}" in {line.origin for line in settings.describe()}

    def test_hardened_refuses_bad_standard_variables(self) -> None:
        with pytest.raises(ConfigError, match="OTEL_EXPORTER_OTLP_PROTOCOL"):
            load_settings({"preset": "hardened"}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon"})

    def test_no_preset_switches_redaction_off(self) -> None:
        for name in ("dev", "production", "minimal", "serverless", "hardened"):
            assert load_settings({"preset": name}, {}).redaction.enabled

    def test_an_unknown_preset_is_named_with_the_near_one(self) -> None:
        with pytest.raises(ConfigError, match="Did you mean 'production'"):
            load_settings({"preset": "prodution"}, {})
