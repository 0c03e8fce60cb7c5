"""fapilog's settings as ours: what is carried over, and what is said about the rest."""

from __future__ import annotations

from typing import Any

import fapilog
import pytest

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError
from fapilog_otel_exporters.memory import MemoryExporter


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in os.environ:
        if name.startswith(("FAPILOG_", "OTEL_")):
            monkeypatch.delenv(name)


class TestFromFapilog:
    @pytest.mark.parametrize(
        ("theirs", "value", "ours", "expected"),
        [
            ("log_level", "ERROR", "level", "ERROR"),
            ("app_name", "shop", "service_name", "shop"),
            ("max_queue_size", 5000, "max_queue_size", 5000),
            ("batch_max_size", 100, "max_export_batch_size", 100),
            ("batch_timeout_seconds", 0.5, "schedule_delay", 0.5),
            ("backpressure_wait_ms", 200, "block_timeout", 0.2),
            ("drop_on_full", False, "on_full", "block"),
            ("drop_on_full", True, "on_full", "drop"),
            ("shutdown_timeout_seconds", 9.0, "shutdown_timeout", 9.0),
            ("default_bound_context", {"region": "eu"}, "attributes", {"region": "eu"}),
        ],
    )
    def test_a_value_that_is_set_is_carried_over(self, theirs: str, value: Any, ours: str, expected: Any) -> None:
        settings = fo.Settings.from_fapilog(fapilog.Settings(core={theirs: value}))
        assert getattr(settings, ours) == expected
        assert settings.origin(ours) == "argument" or ours == "attributes"

    def test_fapilogs_defaults_are_not(self) -> None:
        assert fo.Settings.from_fapilog(fapilog.Settings()) == fo.Settings()

    def test_its_environment_counts_as_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FAPILOG_CORE__MAX_QUEUE_SIZE", "77")
        assert fo.Settings.from_fapilog(fapilog.Settings()).max_queue_size == 77

    def test_arguments_of_ours_win(self) -> None:
        settings = fo.Settings.from_fapilog(fapilog.Settings(core={"log_level": "ERROR"}), level="DEBUG", timeout=3.0)
        assert (settings.level, settings.timeout) == ("DEBUG", 3.0)

    def test_redactors_and_filters_become_stages_that_work(self) -> None:
        source = fapilog.Settings(
            core={"redactors": ["field_mask", "field-blocker"], "filters": ["sampling"]},
            redactor_config={
                "field_mask": {"fields_to_mask": ["data.nick"]}, "field_blocker": {"blocked_fields": ["dump"]},
            },
            filter_config={"sampling": {"config": {"sample_rate": 1.0}}},
        )  # fmt: skip
        memory = MemoryExporter()
        settings = fo.Settings.from_fapilog(source, exporters={"m": memory}, sources=[])
        assert [stage["name"] for stage in settings.stages] == ["field_mask", "field_blocker", "sampling"]  # type: ignore[index,call-overload]
        with fo.configure(settings=settings) as handle:
            fo.get_logger("shop").info("x", nick="bob", dump="all", kept=1)
            assert handle.flush(5)
        assert memory.records[0].attributes == {"nick": "***", "kept": 1}

    def test_redaction_that_is_switched_off_is_off(self) -> None:
        settings = fo.Settings.from_fapilog(fapilog.Settings(core={"redactors": []}))
        assert settings.redaction.enabled is False

    def test_what_has_no_counterpart_is_named(self) -> None:
        source = fapilog.Settings(
            core={"sinks": ["http"], "redaction_fail_mode": "open", "filters": ["first_occurrence"]}
        )
        told = " ".join(fo.Settings.from_fapilog(source).warnings)
        assert "core.sinks" in told
        assert "core.redaction_fail_mode" in told
        assert "first_occurrence" in told

    def test_other_objects_are_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"fapilog\.Settings"):
            fo.Settings.from_fapilog({"core": {}})
