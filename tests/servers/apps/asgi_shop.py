"""FastAPI: one route on the event loop, one in the thread pool."""

from __future__ import annotations

import logging

import tracing

tracing.prepare()

from fastapi import FastAPI  # noqa: E402 - opentelemetry-instrument has replaced it by now

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
app = FastAPI()


@app.get("/orders/{number}")
async def order(number: int) -> str:
    log.info("order %d", number, extra={"number": number})
    return tracing.span_id()


@app.get("/stock/{number}")
def stock(number: int) -> str:
    log.info("stock %d", number, extra={"number": number})
    return tracing.span_id()


if tracing.TRACED:
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    FastAPIInstrumentor.instrument_app(app)
