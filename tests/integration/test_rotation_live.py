"""Every certificate and authority of both sides is replaced on disk while records flow into the Collector."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import fapilog_otel as fo
from tests.contract.faces_support import clean_environment, configure
from tests.receivers import Collector
from tests.security.flowing import Flow
from tests.security.pki import write
from tests.security.test_tls_rotation import Files, Identities, assert_nothing_lost, files, identities, log_to, put_pair

__all__ = ["clean_environment", "configure", "files", "identities"]

Configure = Callable[..., fo.Handle]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_every_identity_of_both_sides_is_replaced_while_records_flow(
    make_collector: type[Collector],
    configure: Configure,
    identities: Identities,
    files: Files,
    protocol: str,
) -> None:
    assert files.server.client_ca is not None
    old_server, new_server = identities.old_server, identities.new_server
    old_client, new_client = identities.old_client, identities.new_client
    with make_collector(tls=files.server, reload_tls=True) as collector:
        handle = log_to(configure, collector, protocol, files, service_name="rotation")
        with Flow() as flow:
            flow.more()
            write(files.server.client_ca, old_client.pem + new_client.pem)
            write(files.trusted, old_server.pem + new_server.pem)
            flow.more(100)  # the Collector looks at its files every 50 ms
            put_pair(new_client, files.client, files.client_key)
            put_pair(new_server, files.server.certificate, files.server.key)
            flow.more(100)
            write(files.trusted, new_server.pem)
            write(files.server.client_ca, new_client.pem)
            flow.more(100)
            collector.stop()
            flow.more()
            collector.start()
            flow.more(100)
        assert_nothing_lost(handle, flow)
        collector.wait_for(flow.written, service="rotation")
        numbers = {record.attributes["number"] for record in collector.records("rotation")}
    assert numbers == set(range(flow.written))
