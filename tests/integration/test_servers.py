"""Real servers that fork their workers, under load: no worker hangs, nothing is lost and nothing comes twice."""

from __future__ import annotations

import http.client
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from fapilog_otel.receiver import OtlpReceiver
from tests.integration.child import PYTHONS, Child
from tests.integration.families import assert_once_each, said_by_each

EACH = 20
REQUESTS = 1000 if os.environ.get("TEST_LONG") else 60
CLIENTS = 4
WORKERS = 2
CONFIGURATION = str(Path(__file__).parent / "apps" / "gunicorn_conf.py")
APP = "tests.integration.apps.served"
LONG = bool(os.environ.get("TEST_LONG"))
INTERPRETERS = pytest.mark.parametrize("python", PYTHONS)

_LISTENING = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+)")
_OURS = re.compile(r"^fapilog_otel .*$", re.MULTILINE)

KINDS = {
    "sync": ("-k", "sync", f"{APP}:wsgi"),
    "gthread": ("-k", "gthread", "--threads", "3", f"{APP}:wsgi"),
    "gevent": ("-k", "gevent", f"{APP}:wsgi"),
    "uvicorn": ("-k", "uvicorn.workers.UvicornWorker", "-c", CONFIGURATION, f"{APP}:asgi"),
}


@contextmanager
def running(protocol: str, *arguments: str, python: str, beside: bool) -> Iterator[tuple[Child, OtlpReceiver]]:
    """gunicorn with the application, and the receiver it delivers to."""
    with OtlpReceiver(grpc_port=0) as receiver:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "PYTHONWARNINGS": "ignore",  # of forks in processes with threads, and of uvicorn's own
            "SERVED_BESIDE": "1" if beside else "",
        }
        usual = ("-b", "127.0.0.1:0", "--workers", str(WORKERS), "--graceful-timeout", "10", "--timeout", "20")
        with Child("gunicorn_server", *usual, *arguments, environ=environ, python=python) as child:
            yield child, receiver


def port_of(child: Child) -> int:
    child.wait_for("Listening at")
    found = _LISTENING.search(child.err)
    assert found is not None
    return int(found[1])


def ask(port: int) -> str:
    """Send one request, again if need be: a worker leaves connections that wait when it reaches its number."""
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10.0)
        try:
            connection.request("GET", "/")
            body = connection.getresponse().read().decode()
            if body.startswith("pid "):
                return body.removeprefix("pid ")
        except (OSError, http.client.HTTPException):
            continue
        finally:
            connection.close()
    raise AssertionError("no answer for 20 s")


def answers_of(port: int, workers: int) -> Counter[str]:
    """Send requests from several clients at once until so many workers have answered; gives each one's answers."""
    deadline = time.monotonic() + 40.0
    answered: Counter[str] = Counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        while len(answered) < workers or answered.total() < REQUESTS:
            assert time.monotonic() < deadline, answered
            answered.update(clients.map(ask, [port] * CLIENTS))
    return answered


def choices() -> list[object]:
    """Every kind of worker both ways, over one protocol each; with TEST_LONG over both."""
    chosen = []
    for place, kind in enumerate(KINDS):
        for preload in (False, True):
            both = ("http/protobuf", "grpc")
            protocols = both if LONG else both[(place + preload) % 2 :][:1]
            name = "preload" if preload else "each"
            chosen += [pytest.param(kind, preload, one, id=f"{kind}-{name}-{one}") for one in protocols]
    return chosen


@INTERPRETERS
@pytest.mark.parametrize(("kind", "preload", "protocol"), choices())
def test_gunicorn(kind: str, preload: bool, protocol: str, python: str) -> None:
    # With preloading: workers are forked again and again, beside the process that logs.
    more = ("--preload", "--max-requests", "20") if preload else ()
    with running(protocol, *more, *KINDS[kind], python=python, beside=preload) as (child, receiver):
        answered = answers_of(port_of(child), WORKERS + 3 if preload else 1)
        child.signal(signal.SIGTERM)
        ended = child.end(30.0)
        logs = receiver.logs
    assert _OURS.findall(ended.err) == []
    assert ended.code == 0, ended.err
    said = said_by_each(ended.out)
    assert_once_each(said, logs)
    assert (str(child.pid) in said) is preload
    for pid, count in answered.items():
        assert said[pid] >= count * EACH
