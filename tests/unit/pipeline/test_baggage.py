"""Chosen baggage and bound values are attributes on every source alike."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import structlog
from opentelemetry import baggage, context

import fapilog_otel as fo
from fapilog_otel.bootstrap.facade import facade
from fapilog_otel.testing import capture_logs


def _stdlib() -> None:
    logging.getLogger("shop").warning("x")


def _structlog() -> None:
    structlog.wrap_logger(structlog.ReturnLogger(), processors=[lambda logger, name, event: str(event)]).warning("x")


def _own() -> None:
    fo.get_logger("shop").warning("x")


def _api() -> None:
    facade().get_logger("shop").emit(body="x")


SOURCES = [_stdlib, _structlog, _own, _api]


@pytest.mark.parametrize("write", SOURCES)
class TestEverySource:
    def test_carries_the_chosen_baggage_alone(self, write: Callable[[], None]) -> None:
        with capture_logs(baggage=("tenant", "absent"), sources=["stdlib", "structlog"]) as capture:
            token = context.attach(baggage.set_baggage("other", "o", baggage.set_baggage("tenant", "t-1")))
            try:
                write()
            finally:
                context.detach(token)
        (record,) = capture.records
        assert record.attributes["tenant"] == "t-1"
        assert not {"other", "absent"} & record.attributes.keys()

    def test_carries_bound_values(self, write: Callable[[], None]) -> None:
        with capture_logs(sources=["stdlib", "structlog"]) as capture, fo.bound_context(request_id="r-1", n=2):
            write()
        (record,) = capture.records
        assert {key: record.attributes[key] for key in ("request_id", "n")} == {"request_id": "r-1", "n": 2}


class TestBaggage:
    def test_loses_against_the_records_own(self) -> None:
        with capture_logs(baggage=["tenant"]) as capture:
            token = context.attach(baggage.set_baggage("tenant", "t-1"))
            try:
                fo.get_logger("shop").warning("x", tenant="own")
            finally:
                context.detach(token)
        assert capture.records[0].attributes["tenant"] == "own"

    def test_is_not_looked_at_unless_chosen(self) -> None:
        with capture_logs() as capture:
            token = context.attach(baggage.set_baggage("tenant", "t-1"))
            try:
                _stdlib()
            finally:
                context.detach(token)
        assert "tenant" not in capture.records[0].attributes

    def test_is_redacted_like_all_else(self) -> None:
        with capture_logs(baggage=["password"]) as capture:
            token = context.attach(baggage.set_baggage("password", "hunter2"))
            try:
                _stdlib()
            finally:
                context.detach(token)
        assert capture.records[0].attributes["password"] != "hunter2"
