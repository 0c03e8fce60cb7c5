from __future__ import annotations

import os
import socket
import sys

import pytest

from fapilog_otel.encode.context import bound_context
from fapilog_otel.model.record import Record
from fapilog_otel.pipeline.enrich import ContextVarsEnricher, StaticAttributes, runtime_info


class TestRuntimeInfo:
    def test_gives_host_process_and_runtime(self) -> None:
        facts = runtime_info()
        assert facts["host.name"] == socket.gethostname()
        assert facts["process.pid"] == os.getpid()
        assert facts["process.runtime.name"] == "cpython"
        assert facts["process.runtime.version"] == ".".join(map(str, sys.version_info[:3]))
        assert facts["process.runtime.description"] == sys.version

    def test_a_host_without_a_name_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> str:
            raise OSError("no name")

        monkeypatch.setattr(socket, "gethostname", fail)
        assert "host.name" not in runtime_info()


class TestContextVarsEnricher:
    def test_adds_bound_values_which_the_records_own_override(self) -> None:
        record = Record(attributes={"user_id": "own"})
        with bound_context(user_id="bound", request_id=("r", 1)):
            enriched = ContextVarsEnricher()(record)
        assert enriched.attributes == {"user_id": "own", "request_id": ["r", 1]}

    def test_without_bound_values_the_record_stays_itself(self) -> None:
        record = Record(body="x")
        assert ContextVarsEnricher()(record) is record


class TestStaticAttributes:
    def test_adds_normalised_attributes_which_the_records_own_override(self) -> None:
        stage = StaticAttributes({"team": "shop", "zone": {1}, 5: 6})  # type: ignore[dict-item]
        record = stage(Record(attributes={"team": "own"}))
        assert record.attributes == {"team": "own", "zone": [1], "5": 6}
