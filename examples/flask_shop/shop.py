# shop.py
import logging

from flask import Flask

import fapilog_otel

fapilog_otel.configure(service_name="shop")
log = logging.getLogger("shop")
app = Flask(__name__)


@app.get("/orders/<int:number>")
def order(number: int) -> dict[str, int]:
    log.info("order %d looked up", number)
    return {"number": number}
