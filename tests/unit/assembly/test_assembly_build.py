from __future__ import annotations

from typing import Any

import pytest

import fapilog_otel as fo
from fapilog_otel.assembly import chain_from, destination_for, engine_spec, exporter_from, retry_policy
from fapilog_otel.errors import ConfigError
from fapilog_otel_exporters.memory import MemoryExporter
from fapilog_otel_exporters.otlp_http._exporter import OtlpHttpExporter


class Upper:
    """A stage."""

    name, phase, inline = "upper", "process", True

    def __call__(self, record: fo.Record) -> fo.Record:
        return record.replace(body=str(record.body).upper())


class TestExporterFrom:
    def test_a_configuration_becomes_an_exporter_without_the_common_keys(self) -> None:
        config = {"type": "memory", "max_records": 5, "optional": True, "level": "INFO", "max_request_size": 2_048}
        exporter: Any = exporter_from("kept", config)
        assert exporter.max_records == 5

    def test_the_name_is_the_type_where_none_is_given(self) -> None:
        assert isinstance(exporter_from("memory", {}), MemoryExporter)

    def test_an_instance_is_taken_as_it_is_and_asked_whether_it_is_valid(self) -> None:
        exporter = MemoryExporter()
        assert exporter_from("memory", exporter) is exporter
        with pytest.raises(ConfigError):
            exporter_from("memory", MemoryExporter(-1))

    @pytest.mark.parametrize("config", [{"type": "nothing"}, {"type": "memory", "unknown": 1}])
    def test_what_cannot_be_built_is_refused(self, config: dict[str, object]) -> None:
        with pytest.raises(ConfigError):
            exporter_from("x", config)


class TestDestinationFor:
    def test_common_keys_go_before_the_settings(self) -> None:
        settings = fo.Settings(max_request_size=4_096, max_in_flight=3)
        config = {"type": "memory", "optional": True, "level": "ERROR", "max_request_size": 2_048}
        found = destination_for("kept", config, settings).settings
        assert (found.name, found.optional, found.level, found.max_request_size) == ("kept", True, 17, 2_048)
        assert found.max_in_flight == 3

    def test_without_them_the_settings_count(self) -> None:
        settings = fo.Settings(max_request_size=4_096, max_queue_bytes=1_000_000, max_export_batch_size=7)
        found = destination_for("kept", MemoryExporter(), settings).settings
        assert (found.max_request_size, found.max_bytes, found.max_batch) == (4_096, 1_000_000, 7)
        assert (found.optional, found.level) == (False, 0)

    def test_no_request_size_is_no_bound(self) -> None:
        settings = fo.Settings(max_request_size=None)
        assert destination_for("kept", MemoryExporter(), settings).settings.max_request_size > 1 << 30


class TestEngineSpec:
    def test_the_settings_destinations_are_built(self) -> None:
        spec = engine_spec(fo.Settings(endpoint="http://h:1", timeout=3, schedule_delay=0.5, max_queue_size=9))
        (destination,) = spec.destinations
        assert isinstance(destination.exporter, OtlpHttpExporter)
        assert (spec.timeout, spec.schedule_delay, spec.max_queue_size) == (3, 0.5, 9)

    @pytest.mark.parametrize(("on_full", "waits"), [("drop", 0.0), ("block", 2.0)])
    def test_only_the_block_policy_waits(self, on_full: Any, waits: float) -> None:
        assert engine_spec(fo.Settings(on_full=on_full, block_timeout=2.0)).block_timeout == waits

    def test_none_is_no_destination(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
        assert engine_spec(fo.Settings()).destinations == []

    @pytest.mark.parametrize(("on_full", "spill"), [("drop", False), ("block", False), ("spill", True)])
    def test_a_spool_is_made_ready(self, tmp_path: Any, on_full: Any, spill: bool) -> None:
        spec = engine_spec(fo.Settings(spool=str(tmp_path / "new"), spool_max_bytes="8 MiB", on_full=on_full))
        assert spec.spool is not None
        assert (spec.spool.directory, spec.spool.max_bytes) == (str(tmp_path / "new"), 8 << 20)
        assert spec.spill is spill
        assert (tmp_path / "new").is_dir()

    def test_a_spool_that_cannot_be_names_the_setting_and_where_it_came_from(
        self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "link").symlink_to(tmp_path)
        monkeypatch.setenv("FAPILOG_OTEL_SPOOL", str(tmp_path / "link"))
        with pytest.raises(ConfigError, match="FAPILOG_OTEL_SPOOL"):
            engine_spec(fo.Settings())


class TestChainFrom:
    def test_stages_limits_redaction_and_attributes_come_from_the_settings(self) -> None:
        settings = fo.Settings(
            stages=[Upper()], limits={"attributes": 5}, attributes={"team": "a"}, redaction={"keys": ["badge"]}
        )
        plan = chain_from(settings).plan
        assert (plan.limits.attributes, dict(plan.static_attributes)) == (5, {"team": "a"})
        record: fo.Record | None = fo.Record(body="x", attributes={"badge": "1"})
        for stage in plan.stages:
            assert record is not None
            record = stage(record)
        assert record is not None
        assert (record.body, record.attributes["badge"]) == ("X", "***")

    def test_redaction_goes_only_by_name_or_setting(self) -> None:
        assert chain_from(fo.Settings()).plan.redaction is not None
        assert chain_from(fo.Settings(redaction={"enabled": False})).plan.redaction is None

    def test_an_unknown_stage_is_refused_with_those_that_exist(self) -> None:
        with pytest.raises(ConfigError, match="samp"):
            chain_from(fo.Settings(stages=["samplng"]))


class TestRetryPolicy:
    def test_it_is_the_settings(self) -> None:
        policy = retry_policy(
            fo.Settings(retry={"initial": 1, "maximum": 2, "multiplier": 3, "jitter": 0.25, "retry_after_cap": 5})
        )
        assert (policy.initial, policy.maximum, policy.multiplier) == (1, 2, 3)
        assert (policy.jitter, policy.retry_after_cap) == (0.25, 5)
