# shop.py
import logging

from celery import Celery

import fapilog_otel

fapilog_otel.configure(service_name="shop")
log = logging.getLogger("shop")
log.setLevel(logging.INFO)
app = Celery("shop", broker="filesystem://")
app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "queue"}


@app.task
def pay(number: int) -> None:
    log.info("order %d paid", number)
