"""Every kind of bad call in one batch with good ones, into the Collector: the good arrive, the bad arrive sanitised."""

from __future__ import annotations

from collections import Counter

import pytest

from fapilog_otel.receiver import ReceivedLog
from tests.integration.child import PYTHONS, Child
from tests.integration.poison_calls import EXCEPTIONS, KINDS, scope_of
from tests.receivers import Collector

LEAST_KINDS = 60
GOOD = "good"


def test_there_are_enough_kinds() -> None:
    assert len(KINDS) >= LEAST_KINDS
    assert len(EXCEPTIONS) >= 30
    assert len([name for name in KINDS if not name.startswith("value: ")]) >= LEAST_KINDS


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_the_good_arrive_the_bad_arrive_sanitised_and_the_application_hears_nothing(
    collector: Collector, service_name: str, protocol: str, python: str
) -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_SERVICE_NAME": service_name,
    }
    # Values are encoded before any transport sees them: one protocol tries them all.
    kinds = {name: kind for name, kind in KINDS.items() if protocol != "grpc" or not name.startswith("value: ")}
    with Child("poison", *(kinds if protocol == "grpc" else ()), environ=environ, python=python) as child:
        ended = child.end(100.0)
    assert (ended.code, ended.err) == (0, "")
    said = ended.said()
    assert said["reached"] == {}
    expected = Counter({scope_of(name): kind.records for name, kind in kinds.items()})
    expected[GOOD] = len(kinds)
    count = sum(expected.values())
    assert (said["submitted"], said["delivered"], said["dropped"], said["failed"]) == (count, count, {}, {})
    assert (said["clean"], said["balanced"]) == (True, True)
    records = collector.wait_for(count, service=service_name)
    assert Counter(record.scope.name for record in records) == +expected
    assert sorted(numbers(records)) == [number for number, name in enumerate(KINDS) if name in kinds]
    assert_exceptions_are_told(records)


def numbers(records: list[ReceivedLog]) -> list[int]:
    good = [record for record in records if record.scope.name == GOOD]
    assert {record.body for record in good} == {"good"}
    return [record.attributes["number"] for record in good]


def assert_exceptions_are_told(records: list[ReceivedLog]) -> None:
    """What an exception is and where it came from is not lost because it is odd."""
    failed = [record for record in records if record.scope.name.startswith("poison.exception: ")]
    assert {record.body for record in failed} == {"failed"}
    assert all(record.attributes.get("exception.type") for record in failed)
    assert all(record.attributes.get("exception.stacktrace") for record in failed)
