"""A part of the matrix, against a real Collector; ``python -m tests.servers`` runs all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.receivers import Collector
from tests.receivers.build import COLLECTOR, build
from tests.servers.cell_run import run_cell
from tests.servers.cells import SERVERS, WAYS, server, way

REQUESTS = 100

# Each server at least once, each way with each kind of server.
CELLS = (
    ("uvicorn", "configure"),
    ("uvicorn", "instrument"),
    ("uvicorn-4-workers", "configure"),
    ("uvicorn-4-workers", "run"),
    ("granian", "run"),
    ("granian", "instrument"),
    ("gunicorn-sync", "run"),
    ("gunicorn-sync-preload", "configure"),
    ("gunicorn-gthread", "configure"),
    ("gunicorn-gthread-preload", "run"),
    ("gunicorn-gthread-preload", "instrument"),
    ("gunicorn-uvicorn", "configure"),
    ("gunicorn-uvicorn-preload", "run"),
    ("werkzeug", "configure"),
    ("werkzeug", "run"),
    ("django", "configure"),
    ("django", "run"),
    ("django-asgi", "instrument"),
    ("celery", "run"),
)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    build(COLLECTOR)
    with Collector() as process:
        yield process


@pytest.mark.receiver
class TestMatrix:
    def test_has_every_server_and_every_way(self) -> None:
        assert {name for name, _ in CELLS} == {one.name for one in SERVERS}
        assert {name for _, name in CELLS} == {one.name for one in WAYS}

    @pytest.mark.timeout(240)
    @pytest.mark.parametrize(("name", "by"), CELLS)
    def test_every_record_arrives_once_in_its_own_request(self, collector: Collector, name: str, by: str) -> None:
        verdict = run_cell(server(name), way(by), collector, REQUESTS)
        assert verdict.faults == ()
