"""Logging from ``__del__``, weak references, collections, signal handlers and ``__str__`` at a high rate.

A minute and more: ``TEST_STORM_SECONDS=600 python -m pytest -s tests/faults/test_storm.py``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.integration.child import PYTHONS, Child

SECONDS = float(os.environ.get("TEST_STORM_SECONDS", "15"))
SOURCES = {"main", "thread", "signal", "finaliser", "weakref", "collection", "str"}


class Taking(BaseHTTPRequestHandler):
    """Takes every request and keeps nothing, however long it lasts."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.timeout(90 + SECONDS)
@pytest.mark.parametrize("python", PYTHONS)
def test_nothing_hangs_and_every_record_is_accounted_for(endpoint: str, python: str) -> None:
    with Child("storm", str(SECONDS), environ={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, python=python) as child:
        ended = child.end(60.0 + SECONDS)
    assert (ended.code, ended.err) == (0, "")
    said = ended.said()
    stats = said["stats"]
    print({**said, "stats": {name: stats[name] for name in ("submitted", "delivered", "dropped", "failed")}})
    assert set(said["sources"]) == SOURCES
    assert said["balanced"]
    assert stats["submitted"] == said["attempted"] - said["too_deep"]
    assert (stats["in_flight"], stats["failed"], stats["filtered"]) == (0, 0, 0)
    assert stats["delivered"] + stats["dropped"] == stats["submitted"]
    assert set(stats["dropped_by_reason"]) <= {"queue_full"}
    assert stats["delivered"] > 1000 * min(SECONDS, 15.0) / 15.0
