"""fapilog's plugins as stages: each of its kinds, those that it ships, and those that suspend."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import Any

import pytest

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError, PluginError
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.pipeline.fapilog_adapter import FapilogStage, load_fapilog_stage
from fapilog_otel.pipeline.fapilog_event import event_of, record_of
from fapilog_otel_exporters.memory import MemoryExporter

RECORD = Record(
    timestamp=1_795_434_510_193_456_789,
    observed_timestamp=1_795_434_510_193_456_790,
    severity_number=13,
    severity_text="WARN",
    body="slow",
    attributes={"user_id": "u1", "took": 1.5, "nested": {"a": [1, 2]}, "exception.type": "KeyError"},
    trace_id=0x0AF7651916CD43DD8448EB211C80319C,
    span_id=0xB7AD6B7169203331,
    trace_flags=1,
    event_name="query",
    scope=Scope("shop"),
)


class Adds:
    name = "adds"

    async def enrich(self, event: dict[str, Any]) -> dict[str, Any]:
        return {"data": {"seen": event["message"]}, "context": {"request_id": "r1"}, "diagnostics": {"host": "vm"}}


class Masks:
    name = "masks"

    async def redact(self, event: dict[str, Any]) -> dict[str, Any]:
        event["data"]["took"] = "***"
        del event["context"]["user_id"]
        return event


class OnlyWarnings:
    name = "only_warnings"

    async def filter(self, event: dict[str, Any]) -> dict[str, Any] | None:
        return event if event["level"] == "WARNING" else None


class Shouts:
    name = "shouts"

    async def process(self, view: memoryview) -> memoryview:
        return memoryview(bytes(view).replace(b"slow", b"SLOW"))


class Sleeps:
    name = "sleeps"

    def __init__(self) -> None:
        self.started = 0

    async def start(self) -> None:
        self.started += 1

    async def enrich(self, event: dict[str, Any]) -> dict[str, Any]:
        for _ in range(3):
            await asyncio.sleep(0.001)
        try:
            await asyncio.wait_for(asyncio.sleep(60), 0.01)
        except asyncio.TimeoutError:
            return {"data": {"waited": True}}
        return {}


class TestTheEvent:
    def test_it_is_what_fapilogs_plugins_know(self) -> None:
        assert event_of(RECORD) == {
            "timestamp": "2026-11-23T11:48:30.193Z",
            "level": "WARNING",
            "message": "slow",
            "logger": "shop",
            "context": {
                "user_id": "u1", "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
            },
            "diagnostics": {"origin": "native", "exception": {"error.type": "KeyError"}},
            "data": {"took": 1.5, "nested": {"a": [1, 2]}},
        }  # fmt: skip

    def test_what_is_left_alone_comes_back_as_it_was(self) -> None:
        assert record_of(event_of(RECORD), RECORD) == RECORD

    @pytest.mark.parametrize("body", ["text", None, 3, True, {"a": [1, {"b": None}]}, [1, "x"], b"bytes"])
    def test_bodies_of_every_kind_survive(self, body: Any) -> None:
        record = RECORD.replace(body=body)
        assert record_of(event_of(record), record) == record


class TestKinds:
    def test_an_enricher_adds(self) -> None:
        result = FapilogStage(Adds())(RECORD)
        assert isinstance(result, Record)
        assert result.attributes == {**RECORD.attributes, "seen": "slow", "request_id": "r1", "host": "vm"}

    def test_a_redactor_changes_and_takes_out(self) -> None:
        result = FapilogStage(Masks())(RECORD)
        assert isinstance(result, Record)
        assert result.attributes == {"took": "***", "nested": {"a": [1, 2]}, "exception.type": "KeyError"}
        assert (result.trace_id, result.timestamp) == (RECORD.trace_id, RECORD.timestamp)

    def test_a_filter_keeps_or_leaves_out(self) -> None:
        stage = FapilogStage(OnlyWarnings())
        assert stage(RECORD) == RECORD
        assert stage(RECORD.replace(severity_text="INFO", severity_number=9)) is None

    def test_a_processor_works_on_the_json(self) -> None:
        result = FapilogStage(Shouts())(RECORD)
        assert isinstance(result, Record)
        assert result.body == "SLOW"

    def test_a_processor_that_makes_no_json_is_an_error(self) -> None:
        class Packs:
            async def process(self, view: memoryview) -> bytes:
                return b"\x1f\x8b"

        with pytest.raises(TypeError, match="no JSON"):
            FapilogStage(Packs())(RECORD)

    def test_phase_and_name_are_the_plugins(self) -> None:
        stage = FapilogStage(Masks())
        assert (stage.phase, stage.name, stage.inline) == ("redact", "masks", False)
        assert isinstance(stage, fo.Stage)

    @pytest.mark.parametrize("plugin", [object(), Masks, "field_mask"])
    def test_what_is_no_plugin_is_refused(self, plugin: Any) -> None:
        with pytest.raises(ConfigError, match="plugin"):
            FapilogStage(plugin)


class TestSuspending:
    def test_one_that_does_not_needs_no_loop(self) -> None:
        assert not inspect.isawaitable(FapilogStage(Adds())(RECORD))

    @pytest.mark.asyncio
    async def test_one_that_does_is_awaited_and_started_once(self) -> None:
        plugin = Sleeps()
        stage = FapilogStage(plugin)
        for _ in range(2):
            result = stage(RECORD)
            assert inspect.isawaitable(result)
            record = await result
            assert record is not None
            assert record.attributes["waited"] is True
        assert plugin.started == 1

    @pytest.mark.asyncio
    async def test_its_errors_and_its_cancellation_are_its_own(self) -> None:
        class Fails:
            async def enrich(self, event: dict[str, Any]) -> dict[str, Any]:
                await asyncio.sleep(0)
                raise KeyError("plugin")

        result = FapilogStage(Fails())(RECORD)
        assert inspect.isawaitable(result)
        with pytest.raises(KeyError, match="plugin"):
            await result
        waiting = FapilogStage(Sleeps())(RECORD)
        assert inspect.isawaitable(waiting)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(waiting, 0.0001)

    @pytest.mark.asyncio
    async def test_inline_it_is_an_error(self) -> None:
        with pytest.raises(RuntimeError, match="suspends"):
            FapilogStage(Sleeps(), inline=True)(RECORD)


class TestFapilogsOwn:
    def test_its_redactors_work(self) -> None:
        stage = load_fapilog_stage("redact", "field_mask", fields_to_mask=["data.took"])
        result = stage(RECORD)
        assert isinstance(result, Record)
        assert result.attributes["took"] == "***"

    def test_its_filters_work(self) -> None:
        stage = load_fapilog_stage("filter", "level", config={"min_level": "ERROR"})
        assert stage(RECORD) is None
        assert stage(RECORD.replace(severity_text="ERROR", severity_number=17)) is not None

    def test_its_enrichers_work(self) -> None:
        result = load_fapilog_stage("enrich", "runtime_info")(RECORD)
        assert isinstance(result, Record)
        assert result.attributes["pid"]

    def test_its_processors_work(self) -> None:
        result = load_fapilog_stage("process", "size_guard", config={"max_bytes": 400})(RECORD.replace(body="x" * 5000))
        assert isinstance(result, Record)
        assert len(str(result.body)) < 1000

    def test_unknown_ones_are_named(self) -> None:
        with pytest.raises(PluginError, match="nothing_like_it"):
            load_fapilog_stage("redact", "nothing_like_it")

    def test_without_fapilog_it_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in [*sys.modules]:
            if module.partition(".")[0] == "fapilog":
                monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, "fapilog", None)
        with pytest.raises(PluginError, match=r"fapilog-otel\[fapilog\]"):
            load_fapilog_stage("redact", "field_mask")

    def test_in_the_pipeline_they_run_in_their_phase_and_fail_closed(self) -> None:
        class Broken:
            name = "broken"

            async def redact(self, event: dict[str, Any]) -> dict[str, Any]:
                raise ValueError("bug")

        memory = MemoryExporter()
        stages = [FapilogStage(Sleeps()), load_fapilog_stage("redact", "field_mask", fields_to_mask=["data.nick"])]
        with fo.configure(exporters={"m": memory}, sources=[], stages=stages) as handle:
            fo.get_logger("shop").info("x", nick="bob")
            assert handle.flush(10)
        assert dict(memory.records[0].attributes) == {"nick": "***", "waited": True}
        broken = MemoryExporter()
        with fo.configure(exporters={"m": broken}, sources=[], stages=[FapilogStage(Broken())]) as handle:
            fo.get_logger("shop").info("secret", nick="bob")
            assert handle.flush(10)
        assert (broken.records[0].attributes, "secret" in str(broken.records[0].body)) == ({}, False)
