"""Endpoints where nobody is of any use."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from fapilog_otel.receiver import OtlpReceiver, Reply, Script


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A loopback port that refuses connections, and that nobody else can take meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A loopback port where connections are established, and nothing is ever read or answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture
def hung_receiver() -> Iterator[OtlpReceiver]:
    """A receiver that reads every request and does not answer for a minute."""
    with OtlpReceiver(grpc_port=0, script=Script(then=Reply(delay=60.0, accept=False))) as receiver:
        yield receiver
