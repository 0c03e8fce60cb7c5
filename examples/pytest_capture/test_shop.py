"""How an application's logs are tested: the fixture comes with the package, and nothing leaves the process.

pytest examples/pytest_capture
"""

import asyncio
import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider
from shop import confirm, main, place_order

from fapilog_otel.testing import Capture

TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("test")


def test_an_order_is_logged_with_its_number(fapilog_capture: Capture) -> None:
    place_order("o-1", 12.5)
    [record] = fapilog_capture.find("order placed", order_id="o-1")
    assert record.attributes["total"] == 12.5


def test_a_large_order_is_a_warning(fapilog_capture: Capture) -> None:
    place_order("o-2", 1000)
    assert fapilog_capture.messages == ["order placed", "large order o-2"]
    assert fapilog_capture.find(level=logging.WARNING, logger="shop.fraud")


def test_logs_belong_to_the_trace_of_the_request(fapilog_capture: Capture) -> None:
    with TRACER.start_as_current_span("request") as span:
        logging.getLogger("shop").warning("within")
    assert fapilog_capture.find("within", trace_id=span.get_span_context().trace_id)


def test_secrets_do_not_leave(fapilog_capture: Capture) -> None:
    asyncio.run(confirm("o-3"))
    [record] = fapilog_capture.records
    assert record.attributes["password"] == "***"


@pytest.mark.fapilog_capture(level="WARN")
def test_the_marker_takes_what_configure_takes(fapilog_capture: Capture) -> None:
    place_order("o-4", 1000)
    assert fapilog_capture.messages == ["large order o-4"]


def test_an_application_that_configures_itself_is_captured_all_the_same(fapilog_capture: Capture) -> None:
    main()
    assert fapilog_capture.messages == ["starting", "order placed"]
    assert fapilog_capture.records[0].scope.resource.attributes["service.name"] == "shop"
