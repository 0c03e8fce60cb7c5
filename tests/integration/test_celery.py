"""A Celery prefork pool whose children are replaced again and again, beside a parent that logs."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
from celery import Celery

from fapilog_otel.receiver import OtlpReceiver
from tests.integration.child import PYTHONS, Child
from tests.integration.families import assert_once_each, numbered, said_by_each

EACH = 20
PER_CHILD = 3
TASKS = 150 if os.environ.get("TEST_LONG") else 12

PLACES = [("app", "grpc"), ("child", "http/protobuf")]
if os.environ.get("TEST_LONG"):
    PLACES += [("app", "http/protobuf"), ("child", "grpc")]

_OURS = re.compile(r"^fapilog_otel .*$", re.MULTILINE)


def send_tasks(folder: Path) -> None:
    transport = {"data_folder_in": str(folder), "data_folder_out": str(folder), "control_folder": str(folder)}
    app = Celery("shop", broker="filesystem://", set_as_current=False)
    app.conf.update(broker_transport_options=transport)
    for _ in range(TASKS):
        app.send_task("shop.order")
    app.close()


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(("where", "protocol"), PLACES)
def test_every_child_delivers_what_its_tasks_wrote(tmp_path: Path, where: str, protocol: str, python: str) -> None:
    send_tasks(tmp_path)
    with OtlpReceiver(grpc_port=0) as receiver:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "PYTHONWARNINGS": "ignore",  # of forks in processes with threads, and of a worker run by root
            "C_FORCE_ROOT": "1",
        }
        with Child("celery_worker", str(tmp_path), where, str(PER_CHILD), environ=environ, python=python) as child:
            parent = str(child.pid)
            deadline = time.monotonic() + 60.0 + TASKS
            while sum(map(len, tasks_of(receiver, parent))) < TASKS * EACH:
                assert time.monotonic() < deadline, child.err
                time.sleep(0.1)
            child.signal(signal.SIGTERM)
            ended = child.end(30.0)
        logs = receiver.logs
    assert _OURS.findall(ended.err) == []
    assert ended.code == 0, ended.err
    said = said_by_each(ended.out)
    assert_once_each(said, logs)
    assert (parent in said) is (where == "app")
    written = [count for pid, count in said.items() if pid != parent]
    assert sum(written) == TASKS * EACH
    assert len(written) >= TASKS // PER_CHILD  # children were replaced


def tasks_of(receiver: OtlpReceiver, parent: str) -> list[list[object]]:
    return [list(found) for side, found in numbered(receiver.logs).items() if side != parent]
