"""A Celery worker with a prefork pool and a broker that is a folder; each process says how many records it wrote.

Its second argument says where it is configured: with the ``app``'s module, or in each ``child``.
"""

from __future__ import annotations

import atexit
import faulthandler
import itertools
import json
import os
import sys
import threading
from pathlib import Path

from celery import Celery, signals

import fapilog_otel

EACH = 20

folder, where, per_child = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
transport = {"data_folder_in": str(folder), "data_folder_out": str(folder), "control_folder": str(folder)}
app = Celery("shop", broker="filesystem://", set_as_current=False)
app.conf.update(
    broker_transport_options=transport,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=per_child,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
)
numbers = itertools.count()
count = 0


@app.task(name="shop.order", ignore_result=True)
def order() -> None:
    log()


def log() -> None:
    global count
    for _ in range(EACH):
        index = next(numbers)
        logger.info("order placed", index=index, side=str(os.getpid()))
        count = index + 1


def report(**_: object) -> None:
    os.write(1, (json.dumps({"pid": os.getpid(), "written": count}) + "\n").encode())


def begin_anew() -> None:
    global numbers, count
    numbers, count = itertools.count(), 0


def log_beside() -> None:
    while not stopped.wait(0.005):
        log()


@signals.worker_process_init.connect
def configure_child(**_: object) -> None:
    if where == "child":
        fapilog_otel.configure(sources=[])


if __name__ == "__main__":
    faulthandler.enable()
    logger = fapilog_otel.get_logger("shop")
    signals.worker_process_shutdown.connect(report)
    stopped = threading.Event()
    if where == "app":
        atexit.register(report)
        fapilog_otel.configure(sources=[])
        os.register_at_fork(after_in_child=begin_anew)
        beside = threading.Thread(target=log_beside, daemon=True)
        beside.start()
        atexit.register(beside.join)
        atexit.register(stopped.set)
    app.worker_main(
        ["worker", "--pool=prefork", "--concurrency=2", "--loglevel=INFO", "--without-gossip", "--without-mingle"]
    )
