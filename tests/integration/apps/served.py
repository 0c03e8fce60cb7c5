"""A web application for every kind of server; each of its processes says at its end how many records it wrote.

With preloading the process that forks the workers goes on logging beside them.
"""

from __future__ import annotations

import atexit
import faulthandler
import itertools
import json
import os
import threading
import time
from typing import Any

import fapilog_otel

EACH = 20


class Written:
    """Numbers the records of one process, each with its own lock against being counted twice."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self.count = 0
        self.lock = threading.Lock()

    def log(self, count: int = EACH) -> None:
        for _ in range(count):
            with self.lock:
                index = next(self._numbers)
                self.count = index + 1
            logger.info("order placed", index=index, side=str(os.getpid()))


def begin_anew() -> None:
    global written
    written = Written()
    stopped.set()  # the thread stayed with the parent


def report() -> None:
    os.write(1, (json.dumps({"pid": os.getpid(), "written": written.count}) + "\n").encode())


def log_beside() -> None:
    while not stopped.wait(0.005):
        written.log(5)


def stop() -> None:
    stopped.set()
    if beside.is_alive():
        beside.join()


def answer() -> bytes:
    return f"pid {os.getpid()}".encode()


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    written.log()
    time.sleep(0.002)
    body = answer()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


async def lifespan(receive: Any, send: Any) -> None:
    """uvicorn's workers die of the signal that ends them, so that no ``atexit`` reports for them."""
    while True:
        event = await receive()
        await send({"type": event["type"] + ".complete"})
        if event["type"] == "lifespan.shutdown":
            report()
            return


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    written.log()
    body = answer()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


faulthandler.enable()
written = Written()
stopped = threading.Event()
atexit.register(report)  # before the bridge's own, so that it runs after it
handle = fapilog_otel.configure(sources=[])
atexit.register(stop)
logger = fapilog_otel.get_logger("shop")
os.register_at_fork(after_in_child=begin_anew)
beside = threading.Thread(target=log_beside, daemon=True)
if os.environ.get("SERVED_BESIDE"):
    beside.start()
