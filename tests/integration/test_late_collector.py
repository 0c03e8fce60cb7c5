"""The Collector is not there when the application starts, and comes, goes and comes again."""

from __future__ import annotations

import pytest

from tests.integration.child import Child
from tests.receivers import Collector

RECORDS = 1000
QUICK = {"FAPILOG_OTEL_RETRY__INITIAL": "0.05", "FAPILOG_OTEL_RETRY__MAXIMUM": "0.1"}


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_what_was_logged_before_it_started_arrives_with_one_warning(
    make_collector: type[Collector], service_name: str, protocol: str
) -> None:
    with make_collector() as own:
        own.stop()  # its ports stay its own
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": own.grpc_endpoint if protocol == "grpc" else own.http_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_SERVICE_NAME": service_name,
            **QUICK,
        }
        with Child("waiting", environ=environ) as child:
            child.wait_for("early")
            own.start()
            child.go_on()
            ended = child.end()
        records = own.wait_for(RECORDS, service=service_name)
    assert ended.code == 0, ended.err
    assert sorted(record.attributes["index"] for record in records) == list(range(RECORDS))
    said = ended.said()
    assert (said["early"], said["flushed"], said["balanced"]) == ([False, False], True, True)
    assert (said["stats"]["submitted"], said["stats"]["delivered"]) == (RECORDS, RECORDS)
    warning, recovery = ended.err.splitlines()
    assert "cannot reach otlp" in warning
    assert "remedy" in warning
    assert "otlp takes logs again" in recovery


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_what_is_logged_while_it_restarts_arrives(
    make_collector: type[Collector], service_name: str, protocol: str
) -> None:
    import fapilog_otel

    with make_collector() as own:
        endpoint = own.grpc_endpoint if protocol == "grpc" else own.http_endpoint
        with fapilog_otel.configure(
            endpoint=endpoint,
            protocol=protocol,
            service_name=service_name,
            sources=[],
            settings=fapilog_otel.Settings(retry={"initial": 0.05, "maximum": 0.2}),
        ) as handle:
            logger = fapilog_otel.get_logger("shop")
            for state in ("up", "down", "up again"):
                if state == "down":
                    own.stop()
                elif state == "up again":
                    own.start()
                for index in range(RECORDS):
                    logger.info("order placed", state=state, index=index)
                assert handle.flush(0.5 if state == "down" else 10.0) is (state != "down")
            stats = handle.stats()
        assert stats.balanced
        assert (stats.submitted, stats.delivered) == (3 * RECORDS, 3 * RECORDS)
        records = own.wait_for(3 * RECORDS, service=service_name)
    for state in ("up", "down", "up again"):
        indexes = sorted(record.attributes["index"] for record in records if record.attributes["state"] == state)
        assert indexes == list(range(RECORDS))
