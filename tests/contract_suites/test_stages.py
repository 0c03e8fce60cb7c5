"""The stage contract, applied to every built-in stage, and to a deferred one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from fapilog_otel.contracts import Stage
from fapilog_otel.encode.context import bound_context
from fapilog_otel.model.record import Record
from fapilog_otel.pipeline import make_stage
from fapilog_otel.pipeline.registry import BUILTIN
from fapilog_otel.testing import StageContract, sample_records

OPTIONS: dict[str, dict[str, object]] = {
    "static_attributes": {"attributes": {"team": "shop", "list": [1, {"a": None}]}},
    "field_mask": {"fields": ["order_id", "map.deep"]},
    "field_blocker": {"fields": ["order_id", "map.deep"]},
    "regex_mask": {"patterns": ["o-[0-9]+"]},
    "string_truncate": {"max_length": 10},
    "size_guard": {"max_bytes": 2048},
}


class TestBuiltinStages(StageContract):
    @pytest.fixture(autouse=True, params=sorted(BUILTIN))
    def _name(self, request: pytest.FixtureRequest) -> None:
        self.stage: str = request.param

    def make_stage(self) -> Stage:
        return make_stage({"name": self.stage, **OPTIONS.get(self.stage, {})})

    def records(self) -> Sequence[Record]:
        secret = {"password": "hunter2", "url": "https://me:hunter2@example.org/", "user": {"token": "abc"}}
        return [*sample_records(), Record(body="to https://me:hunter2@example.org/", attributes=secret)]


class TestContextVarsWithContext(StageContract):
    @pytest.fixture(autouse=True)
    def _context(self) -> object:
        with bound_context(request_id="r-1"):
            yield

    def make_stage(self) -> Stage:
        return make_stage("context_vars")


class LookUp:
    """A deferred stage of a user's: it waits for something."""

    name = "look_up"
    phase = "enrich"
    inline = False

    async def __call__(self, record: Record) -> Record | None:
        await asyncio.sleep(0)
        return None if record.body == "" else record.with_attributes({"tenant": "t-1"})


class TestADeferredStage(StageContract):
    def make_stage(self) -> Stage:
        return LookUp()
