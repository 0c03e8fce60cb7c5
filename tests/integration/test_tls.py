"""TLS and mTLS into the Collector: what is proven is delivered, what is not is refused and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import fapilog_otel
from fapilog_otel import Handle
from fapilog_otel.receiver import ReceiverTls
from tests.integration.pki import Pki
from tests.integration.workload import assert_delivered
from tests.receivers import Collector

RECORDS = 100
BOTH = pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])


def log_to(collector: Collector, protocol: str, service_name: str, **options: Any) -> Handle:
    """Log a hundred records through a bridge of its own; gives its handle, shut down."""
    endpoint = collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint
    with fapilog_otel.configure(
        endpoint=endpoint, protocol=protocol, service_name=service_name, sources=[], shutdown_timeout=2.0, **options
    ) as handle:
        for index in range(RECORDS):
            fapilog_otel.get_logger("shop").info("order placed", index=index)
    return handle


def assert_all_arrived(collector: Collector, handle: Handle, service_name: str) -> None:
    assert_delivered(handle.stats(), RECORDS)
    records = collector.wait_for(RECORDS, service=service_name)
    assert sorted(record.attributes["index"] for record in records) == list(range(RECORDS))


def assert_none_arrived(collector: Collector, handle: Handle, service_name: str) -> None:
    stats = handle.stats()
    assert stats.balanced
    assert (stats.submitted, stats.delivered, stats.in_flight) == (RECORDS, 0, 0)
    assert stats.dropped + stats.failed == RECORDS
    assert collector.records(service_name) == []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """The client's certificate comes from another authority than the server's, as in most companies."""
    return Pki(tmp_path_factory.mktemp("client"))


@BOTH
class TestTls:
    def test_delivers_to_a_server_whose_authority_is_given(
        self, make_collector: type[Collector], server: Pki, service_name: str, protocol: str
    ) -> None:
        with make_collector(tls=ReceiverTls(server.certificate, server.key)) as own:
            handle = log_to(own, protocol, service_name, certificate=str(server.authority))
            assert_all_arrived(own, handle, service_name)

    def test_takes_the_authority_as_pem_too(
        self, make_collector: type[Collector], server: Pki, service_name: str, protocol: str
    ) -> None:
        with make_collector(tls=ReceiverTls(server.certificate, server.key)) as own:
            handle = log_to(own, protocol, service_name, certificate=server.authority.read_bytes())
            assert_all_arrived(own, handle, service_name)

    def test_sends_nothing_to_a_server_of_another_authority(
        self, make_collector: type[Collector], server: Pki, client: Pki, service_name: str, protocol: str
    ) -> None:
        with make_collector(tls=ReceiverTls(server.certificate, server.key)) as own:
            handle = log_to(own, protocol, service_name, certificate=str(client.authority))
            assert_none_arrived(own, handle, service_name)

    def test_sends_nothing_to_a_server_that_the_system_does_not_know(
        self, make_collector: type[Collector], server: Pki, service_name: str, protocol: str
    ) -> None:
        with make_collector(tls=ReceiverTls(server.certificate, server.key)) as own:
            handle = log_to(own, protocol, service_name)
            assert_none_arrived(own, handle, service_name)


@BOTH
class TestMutualTls:
    def test_delivers_with_a_client_certificate(
        self, make_collector: type[Collector], server: Pki, client: Pki, service_name: str, protocol: str
    ) -> None:
        with make_collector(tls=mutual(server, client)) as own:
            handle = log_to(own, protocol, service_name, **client_side(server, client.certificate, client.key))
            assert_all_arrived(own, handle, service_name)

    def test_is_refused_without_a_client_certificate(
        self, make_collector: type[Collector], server: Pki, client: Pki, service_name: str, protocol: str
    ) -> None:
        with make_collector(tls=mutual(server, client)) as own:
            handle = log_to(own, protocol, service_name, certificate=str(server.authority))
            assert_none_arrived(own, handle, service_name)

    def test_is_refused_with_a_certificate_of_another_authority(
        self, make_collector: type[Collector], server: Pki, client: Pki, service_name: str, protocol: str
    ) -> None:
        with make_collector(tls=mutual(server, client)) as own:
            handle = log_to(own, protocol, service_name, **client_side(server, server.certificate, server.key))
            assert_none_arrived(own, handle, service_name)


def mutual(server: Pki, client: Pki) -> ReceiverTls:
    return ReceiverTls(server.certificate, server.key, client_ca=client.authority)


def client_side(server: Pki, certificate: Path, key: Path) -> dict[str, str]:
    return {"certificate": str(server.authority), "client_certificate": str(certificate), "client_key": str(key)}
