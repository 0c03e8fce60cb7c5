"""Flask: one route that answers at once, one that streams its answer."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator

import tracing

tracing.prepare()

from flask import Flask, Response  # noqa: E402 - opentelemetry-instrument has replaced it by now

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
app = Flask(__name__)


@app.get("/orders/<int:number>")
def order(number: int) -> Response:
    log.info("order %d", number, extra={"number": number})
    return Response(json.dumps(tracing.span_id()), mimetype="application/json")


@app.get("/stock/<int:number>")
def stock(number: int) -> Response:
    log.info("stock %d", number, extra={"number": number})
    span = json.dumps(tracing.span_id())

    def answer() -> Iterator[str]:
        yield span[:1]
        yield span[1:]

    return Response(answer(), mimetype="application/json")


if tracing.TRACED:
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    FlaskInstrumentor().instrument_app(app)

if __name__ == "__main__":
    app.run(port=int(os.environ["SHOP_PORT"]), threaded=True)
