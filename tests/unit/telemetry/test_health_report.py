from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

import fapilog_otel as fo
from fapilog_otel.telemetry.health import STATES, DestinationHealth, HealthReport


def destination(name: str = "otlp", **values: Any) -> DestinationHealth:
    fields: dict[str, Any] = {
        "state": "ok",
        "optional": False,
        "attempts": 3,
        "consecutive_failures": 0,
        "last_success": 1.5,
        "last_error": "",
        "last_error_at": None,
        "queue_records": 0,
        "queue_bytes": 0,
        "queue_capacity_bytes": 1,
        "queue_capacity_records": None,
        "requests_under_way": 0,
        "records_under_way": 0,
        "circuit": "off",
    }
    return DestinationHealth(name, **{**fields, **values})


def report(*destinations: DestinationHealth, closed: bool = False) -> HealthReport:
    return HealthReport(closed, {one.name: one for one in destinations})


class TestHealthy:
    def test_only_ok_and_starting_are(self) -> None:
        assert [state for state in STATES if destination(state=state).healthy] == ["ok", "starting"]

    def test_an_optional_destination_is_not_judged_unless_all_are(self) -> None:
        bad = destination("console", state="failing", optional=True)
        assert report(destination(), bad).healthy
        assert not report(bad).healthy

    def test_a_bridge_that_is_shut_down_is_not(self) -> None:
        assert not report(destination(), closed=True).healthy

    def test_one_without_destinations_is(self) -> None:
        assert report().healthy


class TestForm:
    def test_it_is_a_public_name_and_frozen(self) -> None:
        assert fo.HealthReport is HealthReport
        with pytest.raises(dataclasses.FrozenInstanceError):
            report().closed = True  # type: ignore[misc]

    def test_a_dict_of_it_survives_json(self) -> None:
        found = report(destination(spool_records=2, spool_bytes=300), destination("b", state="failing"))
        plain = json.loads(json.dumps(found.as_dict()))
        assert plain == found.as_dict()
        assert plain["healthy"] is False
        assert plain["destinations"]["otlp"]["spool_bytes"] == 300
        assert set(plain["destinations"]["b"]) == {field.name for field in dataclasses.fields(DestinationHealth)}
