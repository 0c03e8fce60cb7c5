"""Access loggers write in their request's span, whatever is active, and however they are configured meanwhile."""

from __future__ import annotations

import io
import logging
import logging.config
import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.trace import SpanKind, Tracer, get_current_span

from fapilog_otel.integrations._access import tie_access_loggers, untie_access_loggers
from fapilog_otel.integrations._requests import RequestScope
from fapilog_otel.testing import capture_logs

NAME = "test.access"
log = logging.getLogger(NAME)


@pytest.fixture(autouse=True)
def tied() -> Iterator[None]:
    log.setLevel(logging.INFO)
    tie_access_loggers((NAME,))
    tie_access_loggers((NAME,))
    yield
    untie_access_loggers()
    assert "handle" not in log.__dict__


class TestAccessLogger:
    def test_writes_in_the_span_that_has_ended(self, tracer: Tracer) -> None:
        with capture_logs(integrations=False) as capture, RequestScope(None):
            with tracer.start_as_current_span("GET /", kind=SpanKind.SERVER) as span:
                pass
            log.info("GET / 200")
        assert [record.span_id for record in capture.records] == [span.get_span_context().span_id]

    def test_writes_in_the_servers_span_under_another(self, tracer: Tracer) -> None:
        with (
            capture_logs(integrations=False) as capture,
            RequestScope(None),
            tracer.start_as_current_span("GET /", kind=SpanKind.SERVER) as span,
            tracer.start_as_current_span("GET / http send"),
        ):
            log.info("GET / 200")
            logging.getLogger("shop").warning("sent")
        access, sent = capture.records
        assert access.span_id == span.get_span_context().span_id
        assert sent.span_id not in (access.span_id, 0)

    def test_handlers_see_the_span_too_and_it_ends_with_the_record(self, tracer: Tracer) -> None:
        seen: list[int] = []
        handler = logging.Handler()
        handler.emit = lambda record: seen.append(get_current_span().get_span_context().span_id)  # type: ignore[method-assign]
        log.addHandler(handler)
        try:
            with RequestScope(f"00-{1:032x}-{2:016x}-01"):
                log.info("x")
                assert not get_current_span().get_span_context().is_valid
        finally:
            log.removeHandler(handler)
        assert seen == [2]

    def test_survives_dict_config(self) -> None:
        stream = io.StringIO()
        logging.config.dictConfig(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "handlers": {"h": {"class": "logging.StreamHandler", "stream": stream}},
                "loggers": {NAME: {"handlers": ["h"], "level": "INFO", "propagate": False}},
            }
        )
        try:
            with capture_logs(integrations=False) as capture, RequestScope(f"00-{1:032x}-{2:016x}-01"):
                log.info("x")
        finally:
            log.handlers.clear()
            log.propagate = True
        assert capture.records[0].trace_id == 1
        assert stream.getvalue() == "x\n"

    def test_outside_a_request_is_as_it_was(self) -> None:
        with capture_logs(integrations=False) as capture:
            log.info("x")
        assert capture.records[0].trace_id == 0

    def test_is_not_made_before_its_server_has_a_request(self) -> None:
        code = (
            "import logging, sys, fapilog_otel\n"
            "import werkzeug.serving\n"
            "before = set(logging.root.manager.loggerDict)\n"
            "fapilog_otel.configure(exporters={'m': {'type': 'memory'}})\n"
            "import uvicorn.protocols.http.h11_impl\n"
            "print(sorted({'werkzeug', 'uvicorn.access', 'django.server'} & set(logging.root.manager.loggerDict)))\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout == "[]\n"
