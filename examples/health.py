"""Health and metrics of the bridge over HTTP: /healthz for people and probes, /metrics for Prometheus; plain WSGI.

    python health.py            places one order through the application, shows both pages, and ends
    python health.py --serve    serves http://127.0.0.1:8000 until Ctrl-C

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

import json
import sys
import threading
import urllib.request
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, make_wsgi_app

import fapilog_otel as fo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = fo.get_logger("shop.cart")


class Application:
    """A WSGI application that takes orders and tells how its logs are doing."""

    def __init__(self, handle: fo.Handle) -> None:
        self._handle = handle
        registry = CollectorRegistry()
        handle.register_prometheus(registry)
        self._metrics: Any = make_wsgi_app(registry)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            answer: Iterable[bytes] = self._metrics(environ, start_response)
            return answer
        if path == "/healthz":
            report = self._handle.health()
            status = "200 OK" if report.healthy else "503 Service Unavailable"
            start_response(status, [("Content-Type", "application/json")])
            return [json.dumps(report.as_dict(), indent=1).encode()]
        with trace.get_tracer("shop").start_as_current_span("place order"):
            log.info("order placed", path=path)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"thank you\n"]


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is wsgiref's
        """Write no access log."""


def read(server: WSGIServer, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{path}", timeout=5) as reply:
        text: str = reply.read().decode()
    return text


def show(server: WSGIServer, handle: fo.Handle) -> None:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    read(server, "/order")
    handle.flush(timeout=2)
    report = json.loads(read(server, "/healthz"))
    print({name: one["state"] for name, one in report["destinations"].items()})
    for line in read(server, "/metrics").splitlines():
        if line.startswith("otel_sdk_exporter_log_exported_total"):
            print(line)
    server.shutdown()


def main() -> None:
    trace.set_tracer_provider(TracerProvider())
    serves = "--serve" in sys.argv[1:]
    with fo.configure(service_name="shop", shutdown_timeout=1) as handle:
        server = make_server("127.0.0.1", 8000 if serves else 0, Application(handle), handler_class=QuietHandler)
        with server:
            if serves:
                server.serve_forever()
            else:
                show(server, handle)


if __name__ == "__main__":
    main()
