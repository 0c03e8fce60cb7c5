"""Requests, each with a trace of its own, to a running server or worker."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.cells import APPS

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIENTS = 8

_SEND = """
import json, sys
from celery_shop import order
for number, traceparent in json.load(sys.stdin):
    order.apply_async((number,), headers={"traceparent": traceparent})
"""


@dataclass(slots=True)
class Request:
    """One request.

    Args:
        number: Which one.
        trace_id: Its trace, hex.
        parent_id: The caller's span, hex.
        span_id: The span that its handler ran in, hex, as the server answered; empty: none.
    """

    number: int
    trace_id: str
    parent_id: str
    span_id: str = ""

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.parent_id}-01"


def requests(count: int) -> list[Request]:
    """So many requests to be made."""
    return [Request(number, secrets.token_hex(16), secrets.token_hex(8)) for number in range(count)]


def send(port: int, made: list[Request]) -> None:
    """Make requests over several connections at once, and note each one's span."""
    local = threading.local()

    def one(request: Request) -> None:
        connection = getattr(local, "connection", None)
        if connection is None:
            connection = local.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        path = f"/{'stock' if request.number % 2 else 'orders'}/{request.number}"
        connection.request("GET", path, headers={"traceparent": request.traceparent})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (answer.status, text)
        request.span_id = json.loads(text)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(one, made))


def send_tasks(made: list[Request], environ: Mapping[str, str]) -> None:
    """Put tasks into the broker from a process of its own, which has no bridge."""
    plain = {
        name: value for name, value in environ.items() if not name.startswith(("OTEL_", "FAPILOG_", "SHOP_T", "SHOP_C"))
    }
    subprocess.run(
        [sys.executable, "-c", _SEND],
        input=json.dumps([(request.number, request.traceparent) for request in made]),
        text=True,
        check=True,
        cwd=APPS,
        env={**plain, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
    )
