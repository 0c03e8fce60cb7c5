"""Children of a logging process: each delivers its own records under its own pid, and the parent's are not touched."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

import pytest

from tests.integration.child import PYTHONS, Child
from tests.receivers import Collector

WAYS = (
    "fork_and_exit",
    "fork_and_shut_down",
    "fork_and_flush",
    "fork_from_two_threads",
    "fork_a_grandchild",
    "multiprocessing_by_fork",
    "multiprocessing_pool",
    "multiprocessing_pool_terminated",
    "multiprocessing_by_spawn",
    "multiprocessing_by_forkserver",
    "executor_by_fork",
    "executor_by_spawn",
)


class Family:
    """What the processes of one run said that they wrote, and how their accounts stood."""

    def __init__(self, lines: list[str]) -> None:
        self.written: dict[int, list[str]] = defaultdict(list)
        self.stats: dict[int, dict[str, Any]] = {}
        for said in map(json.loads, lines):
            self.written[said["pid"]].extend(said.get("written", ()))
            if "stats" in said:
                assert said["balanced"]
                self.stats[said["pid"]] = said["stats"]

    @property
    def total(self) -> int:
        return sum(map(len, self.written.values()))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("way", WAYS)
def test_every_process_delivers_its_own_records_under_its_own_pid(
    collector: Collector, service_name: str, way: str, protocol: str, python: str
) -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_SERVICE_NAME": service_name,
        "PYTHONWARNINGS": "ignore::DeprecationWarning",  # from 3.12 on, of forks in processes with threads
    }
    with Child("forking", way, environ=environ, python=python) as child:
        ended = child.end(40.0)
    assert ended.err == ""
    assert ended.code == 0
    family = Family(ended.out)
    assert len(family.written) >= 2
    records = collector.wait_for(family.total, service=service_name)
    arrived: dict[int, list[str]] = defaultdict(list)
    for record in records:
        arrived[record.resource["process.pid"]].append(record.attributes["key"])
    for pid, keys in family.written.items():
        assert Counter(arrived.pop(pid, [])) == Counter(keys)
    assert not arrived
    for pid, stats in family.stats.items():
        count = len(family.written[pid])
        assert (stats["submitted"], stats["delivered"], stats["in_flight"]) == (count, count, 0)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_forks_while_nothing_can_be_delivered_take_no_time_and_lose_nothing(
    make_collector: type[Collector], service_name: str, protocol: str, python: str
) -> None:
    with make_collector() as own:
        own.stop()  # its ports stay its own
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": own.grpc_endpoint if protocol == "grpc" else own.http_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_SERVICE_NAME": service_name,
            "PYTHONWARNINGS": "ignore::DeprecationWarning",
            "FAPILOG_OTEL_RETRY__INITIAL": "0.05",
            "FAPILOG_OTEL_RETRY__MAXIMUM": "0.2",
        }
        with Child("forking_unreached", environ=environ, python=python) as child:
            child.wait_for("forked")
            own.start()
            child.go_on()
            ended = child.end()
        said = ended.said()
        assert (ended.code, said["flushed"], said["balanced"]) == (0, True, True), ended.err
        count = said["written"]
        assert said["forked"] < 2.0  # five forks, of which none waits for the requests under way
        assert (said["stats"]["submitted"], said["stats"]["delivered"]) == (count, count)
        records = own.wait_for(count, service=service_name)
    assert sorted(record.attributes["index"] for record in records) == list(range(count))
