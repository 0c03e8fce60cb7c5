# shop.py
import logging

from fastapi import FastAPI

import fapilog_otel

fapilog_otel.configure(service_name="shop")
log = logging.getLogger("shop")
app = FastAPI()


@app.get("/orders/{number}")
async def order(number: int) -> dict[str, int]:
    log.info("order %d looked up", number)
    return {"number": number}
