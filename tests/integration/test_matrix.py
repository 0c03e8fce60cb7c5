"""Every source over every protocol into the Collector: all records arrive once, whole, under their own spans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import fapilog_otel
from fapilog_otel import Handle
from tests.integration.whole_collector import WholeCollector
from tests.integration.workload import ROOT, SOURCES, Source, Workload, assert_delivered

PROTOCOLS = ("http/protobuf", "http/json", "grpc")


def resource_of(handle: Handle) -> dict[str, Any]:
    return dict(handle.provider.resource.attributes)


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("make_source", SOURCES)
def test_every_record_arrives_once_and_whole(
    own_collector: WholeCollector,
    service_name: str,
    make_source: Callable[[Any], Source],
    protocol: str,
    compression: str,
) -> None:
    endpoint = own_collector.grpc_endpoint if protocol == "grpc" else own_collector.http_endpoint
    with fapilog_otel.configure(
        endpoint=endpoint,
        protocol=protocol,
        compression=compression,
        service_name=service_name,
        resource={"host.cores": 2, "team": "naïve"},
        levels={ROOT: "TRACE"},
    ) as handle:
        workload = Workload(make_source(handle.provider))
        workload.write()
        assert handle.flush()
        assert_delivered(handle.stats())
    resource = resource_of(handle)
    assert resource["service.name"] == service_name
    assert (resource["host.cores"], resource["team"]) == (2, "naïve")
    workload.check(own_collector.stopped(), resource)
