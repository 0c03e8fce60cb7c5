"""Workers forked past Python's hooks, as uWSGI does it; uWSGI itself is run by `python -m tests.faults.uwsgi`."""

from __future__ import annotations

import pytest

from fapilog_otel.receiver import OtlpReceiver
from tests.integration.child import PYTHONS, Child, Ended
from tests.integration.families import assert_once_each, said_by_each


def run(receiver: OtlpReceiver, protocol: str, python: str) -> Ended:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "PYTHONWARNINGS": "ignore",
    }
    with Child("uwsgi_like", environ=environ, python=python) as child:
        return child.end(40.0)


@pytest.mark.parametrize("python", PYTHONS)
def test_over_http_they_deliver_what_they_wrote(python: str) -> None:
    with OtlpReceiver() as receiver:
        ended = run(receiver, "http/protobuf", python)
        logs = receiver.logs
    assert (ended.code, ended.err) == (0, "")
    said = said_by_each(ended.out)
    assert len(said) == 4
    assert_once_each(said, logs)


@pytest.mark.parametrize("python", PYTHONS)
def test_of_grpc_one_line_says_that_it_needs_an_option(python: str) -> None:
    with OtlpReceiver(grpc_port=0) as receiver:
        ended = run(receiver, "grpc", python)
    assert ended.code == 1
    (line,) = (line for line in ended.err.splitlines() if "uWSGI" in line)
    assert "py-call-uwsgi-fork-hooks = true" in line
