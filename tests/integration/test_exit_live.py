"""A process that ends while a Collector is there loses nothing, however it ends."""

from __future__ import annotations

import pytest

from tests.integration.child import Child
from tests.integration.leaving import (
    INTERPRETERS,
    PROTOCOLS,
    RECORDS,
    WAYS,
    leave,
    lost_according_to,
    stats_of,
)
from tests.receivers import Collector


@INTERPRETERS
@PROTOCOLS
@WAYS
def test_nothing_is_lost(collector: Collector, service_name: str, way: str, protocol: str, python: str) -> None:
    endpoint = collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint
    ended, seconds = leave(way, endpoint, protocol, service_name, python=python)
    records = collector.wait_for(RECORDS, service=service_name)
    assert sorted(record.attributes["index"] for record in records) == list(range(RECORDS))
    assert lost_according_to(ended.err) == 0
    assert seconds < 2.0
    if way == "uncaught":
        assert "ValueError: the application's own" in ended.err
    elif way == "interrupt":
        assert ended.err.rstrip().endswith("KeyboardInterrupt")
    else:
        assert ended.err == ""
    if way != "sigterm":
        stats = stats_of(ended)
        assert (stats["submitted"], stats["delivered"], stats["in_flight"]) == (RECORDS, RECORDS, 0)


@INTERPRETERS
def test_os_exit_runs_no_python_and_is_the_one_way_to_lose_records(
    collector: Collector, service_name: str, python: str
) -> None:
    endpoint = collector.http_endpoint
    ended, seconds = leave("os_exit", endpoint, "http/protobuf", service_name, python=python, code=7)
    assert (ended.err, "stats" in ended.said()) == ("", False)
    assert seconds < 0.5
    arrived = [record.attributes["index"] for record in collector.records(service_name)]
    assert len(arrived) == len(set(arrived)) <= RECORDS


@INTERPRETERS
def test_handle_sigterm_off_leaves_the_signal_its_default_action(
    collector: Collector, service_name: str, python: str
) -> None:
    environ = {"FAPILOG_OTEL_HANDLE_SIGTERM": "false"}
    ended, seconds = leave("sigterm", collector.http_endpoint, "http/protobuf", service_name, python=python, **environ)
    assert ended.err == ""
    assert seconds < 0.5


@INTERPRETERS
@PROTOCOLS
@pytest.mark.parametrize("face", ["exporter", "processor"])
def test_nothing_is_lost_under_a_stock_provider(
    collector: Collector, service_name: str, face: str, protocol: str, python: str
) -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_SERVICE_NAME": service_name,
    }
    with Child("leaving_faces", face, environ=environ, python=python) as child:
        ended = child.end()
    assert (ended.code, ended.err) == (0, "")
    records = collector.wait_for(10, service=service_name)
    assert sorted(record.attributes["index"] for record in records) == list(range(10))
