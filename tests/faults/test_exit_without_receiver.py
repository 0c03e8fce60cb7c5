"""A process that cannot deliver ends within its deadline all the same, and says what was lost."""

from __future__ import annotations

import os
import sys

import pytest

from fapilog_otel.receiver import OtlpReceiver
from tests.integration.leaving import (
    CODES,
    INTERPRETERS,
    PROTOCOLS,
    RECORDS,
    leave,
    lost_according_to,
    stats_of,
)

TIMEOUT = 1.0
GRACE = 0.5
"""What the whole process may take beyond `shutdown_timeout`, seconds."""


# The other ways differ from these in how the process ends, not in who answers: with TEST_LONG they meet all.
USUAL = ("normal", "sys_exit", "uncaught", "sigterm")
KINDS = ("closed", "deaf", "hung")
MEETINGS = [
    (kind, way) for kind in KINDS for way in CODES if kind == "hung" or way in USUAL or os.environ.get("TEST_LONG")
]


@pytest.fixture
def endpoints(kind: str, closed_port: int, deaf_port: int, hung_receiver: OtlpReceiver) -> dict[str, str]:
    """The endpoint of each protocol at a receiver of no use."""
    if kind == "hung":
        return {"http/protobuf": hung_receiver.http_endpoint, "grpc": hung_receiver.grpc_endpoint}
    port = closed_port if kind == "closed" else deaf_port
    return dict.fromkeys(("http/protobuf", "grpc"), f"http://127.0.0.1:{port}")


@INTERPRETERS
@PROTOCOLS
@pytest.mark.parametrize(("kind", "way"), MEETINGS)
def test_ends_in_time_and_says_what_was_lost(endpoints: dict[str, str], way: str, protocol: str, python: str) -> None:
    environ = {"FAPILOG_OTEL_SHUTDOWN_TIMEOUT": str(TIMEOUT)}
    ended, seconds = leave(way, endpoints[protocol], protocol, python=python, **environ)
    assert seconds < TIMEOUT + GRACE, ended.err
    assert lost_according_to(ended.err) == RECORDS
    if way != "sigterm":
        stats = stats_of(ended)
        assert (stats["submitted"], stats["delivered"], stats["in_flight"]) == (RECORDS, 0, 0)
        assert stats["dropped"] + stats["failed"] == RECORDS
        assert set(stats["dropped_by_reason"]) | set(stats["failed_by_reason"]) == {"shutdown"}


@PROTOCOLS
def test_the_default_deadline_is_five_seconds(closed_port: int, protocol: str) -> None:
    ended, seconds = leave("normal", f"http://127.0.0.1:{closed_port}", protocol, python=sys.executable)
    assert seconds < 5.0 + GRACE
    assert lost_according_to(ended.err) == RECORDS
