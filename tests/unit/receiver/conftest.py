"""A receiver under test, and raw connections to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from fapilog_otel.receiver import OtlpReceiver
from tests.unit.receiver.clients import RawClient


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """A receiver on both transports that accepts everything until its script is replaced."""
    with OtlpReceiver(grpc_port=0) as receiver:
        yield receiver


@pytest.fixture
def connect(receiver: OtlpReceiver) -> Iterator[Callable[[], RawClient]]:
    """Opens raw connections to the receiver's HTTP port, closed after the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(RawClient(receiver.http_endpoint)))


@pytest.fixture
def client(connect: Callable[[], RawClient]) -> RawClient:
    """One raw connection to the receiver's HTTP port."""
    return connect()
