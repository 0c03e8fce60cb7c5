"""Celery with a broker that is a folder."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import tracing

tracing.prepare()

from celery import Celery  # noqa: E402 - opentelemetry-instrument has replaced it by now

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
folder = Path(os.environ["SHOP_BROKER"])
app = Celery("shop", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
    },
    task_ignore_result=True,
    worker_prefetch_multiplier=8,
)


@app.task(name="shop.order")
def order(number: int) -> int:
    log.info("order %d", number, extra={"number": number, "span": tracing.span_id()})
    return number


if tracing.TRACED:
    from opentelemetry.instrumentation.celery import CeleryInstrumentor

    CeleryInstrumentor().instrument()
