"""A process that is frozen between invocations, and thawed: what an invocation flushes is delivered, once."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from tests.integration.child import PYTHONS, Child

FROZEN = 3.0
EACH = 10
INVOCATIONS = 3


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
class TestFrozen:
    def test_between_invocations_while_the_receiver_closes_its_connections(self, protocol: str, python: str) -> None:
        with (
            OtlpReceiver(grpc_port=0) as receiver,
            Child("frozen", environ=environ_of(receiver, protocol), python=python) as child,
        ):
            child.wait_for('"up"')
            invoke(child, 0)
            with frozen(child):
                receiver.stop()
                receiver.start()
            for number in range(1, INVOCATIONS):
                invoke(child, number)
            assert arrived(receiver) == list(range(INVOCATIONS * EACH))

    def test_while_a_request_waits_for_its_next_attempt(self, protocol: str, python: str) -> None:
        busy = Reply(status=503, headers={"Retry-After": "2"})
        with (
            OtlpReceiver(grpc_port=0, script=Script([busy])) as receiver,
            Child("frozen", environ=environ_of(receiver, protocol), python=python) as child,
        ):
            child.wait_for('"up"')
            child.tell("unflushed")
            child.wait_for("fapilog_otel warning")  # the reply has been read, and two seconds' wait begins
            with frozen(child):
                pass
            child.tell("flushed")
            child.wait_for("invocation 1 True")
            assert arrived(receiver) == list(range(2 * EACH))

    def test_with_records_that_nobody_flushed(self, protocol: str, python: str) -> None:
        with (
            OtlpReceiver(grpc_port=0) as receiver,
            Child("frozen", environ=environ_of(receiver, protocol), python=python) as child,
        ):
            child.wait_for('"up"')
            child.tell("unflushed")
            child.wait_for("invocation 0 None")
            with frozen(child):
                pass
            receiver.wait_for_logs(EACH, 20.0)
            assert arrived(receiver) == list(range(EACH))


def environ_of(receiver: OtlpReceiver, protocol: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
    }


def invoke(child: Child, number: int) -> None:
    child.tell("flushed")
    child.wait_for(f"invocation {number} True")


@contextmanager
def frozen(child: Child) -> Iterator[None]:
    """Have a process stand still for some seconds, and for the block."""
    child.signal(signal.SIGSTOP)
    try:
        yield
        time.sleep(FROZEN)  # the time itself is the test
    finally:
        child.signal(signal.SIGCONT)


def arrived(receiver: OtlpReceiver) -> list[object]:
    return sorted(log.attributes["index"] for log in receiver.logs)
