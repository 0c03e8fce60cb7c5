"""Records written while the interpreter is on its way out: delivered, or counted; no hang, nothing on stderr."""

from __future__ import annotations

import pytest

from tests.integration.child import PYTHONS, Child
from tests.integration.leaving import lost_according_to
from tests.receivers import Collector

EACH = 10
SECONDS = 2.0
DELIVERED = {
    "atexit_after": 2 * EACH,
    "atexit_before": EACH,
    "finaliser": EACH,
    "thread_that_outlives_main": 2 * EACH,
    "daemon_that_logs_on": None,
    "loops_by_uvloop": 5 * EACH,
    "loop_still_running": None,
}
"""Records of each way that arrive; None: as many as the account says."""
TOO_LATE = {"atexit_before": EACH}
"""Records that come after shutdown and before the account is read."""


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("way", list(DELIVERED))
def test_late_records(collector: Collector, service_name: str, way: str, python: str) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.http_endpoint, "OTEL_SERVICE_NAME": service_name}
    with Child("leaving_late", way, environ=environ, python=python) as child:
        ended = child.end()
    assert ended.code == 0
    said = ended.said()
    # A daemon thread that goes on after the bridge has closed is told of, and nobody else has anything to say.
    lost = lost_according_to(ended.err)
    assert lost <= (said["stats"]["dropped"] if way == "daemon_that_logs_on" else 0)
    assert len(ended.err.splitlines()) == bool(lost), ended.err
    assert ended.at - said["leaving"] < SECONDS
    assert said["balanced"]
    stats = said["stats"]
    assert stats["in_flight"] == stats["failed"] == 0
    assert stats["dropped"] == stats["dropped_by_reason"].get("shutdown", 0)
    expected = DELIVERED[way]
    if expected is None:
        assert stats["delivered"] > EACH
    else:
        assert (stats["delivered"], stats["dropped"]) == (expected, TOO_LATE.get(way, 0))
    assert said.get("finalised", False) is (way == "finaliser")
    records = collector.wait_for(stats["delivered"], service=service_name)
    assert sorted(record.attributes["index"] for record in records) == list(range(stats["delivered"]))
