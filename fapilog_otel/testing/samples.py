"""Records of every shape that an exporter or a stage may be given."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from fapilog_otel.model import severity as sev
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope

if TYPE_CHECKING:
    from fapilog_otel.model.anyvalue import AnyValue

_TIME: Final = 1_700_000_000_123_456_789
_TRACE: Final = 0x4BF92F3577B34DA6A3CE929D0E0E4736
_SPAN: Final = 0x00F067AA0BA902B7
_RESOURCE: Final = Resource({"service.name": "contract", "host.cores": 2})
_CART: Final = Scope("shop.cart", "1.2", "https://schemas.example/1", {"kind": "sample"}, resource=_RESOURCE)
_OTHER: Final = Scope("shop.mail", resource=Resource({"service.name": "contract-2"}))


def sample_records() -> list[Record]:
    """Give one record of each shape: with and without body, trace, level and attributes, and every kind of value."""
    plain = Record(
        timestamp=_TIME,
        observed_timestamp=_TIME + 1,
        severity_number=sev.INFO,
        severity_text="INFO",
        body="order placed",
        scope=_CART,
    )
    traced = plain.replace(trace_id=_TRACE, span_id=_SPAN, trace_flags=1)
    return [
        plain,
        traced.with_attributes({"order_id": "o-1", "total": 12.5}),
        traced.with_attributes(_values()),
        traced.replace(body={"action": "place", "items": ["tea pot", 2, None]}, event_name="order.placed"),
        traced.replace(body=None, event_name="order.cancelled"),
        plain.replace(body="", attributes={"empty": ""}),
        plain.replace(body="naïve 茶壺 🫖 \x00\x1b[31m\n\u202e second line"),
        plain.replace(body=[1, "two", b"\x00\xff"], dropped_attributes_count=3),
        plain.replace(timestamp=0, severity_number=0, severity_text=""),
        traced.replace(severity_number=sev.ERROR, severity_text="ERROR", attributes=_exception()),
        plain.replace(body="long " * 4000),
        # Last: a request groups its records by scope, and so keeps this order.
        plain.replace(severity_number=sev.SECURITY, severity_text="SECURITY", scope=_OTHER),
    ]


def _values() -> dict[str, AnyValue]:
    values: dict[str, AnyValue] = {
        "text": "naïve",
        "whole": -3,
        "greatest": 2**63 - 1,
        "least": -(2**63),
        "half": 2.5,
        "infinite": math.inf,
        "true": True,
        "none": None,
        "bytes": b"\x00\xff",
        "list": [1, "two", [3.0, None]],
        "map": {"deep": {"er": [True]}},
        "empty_list": [],
        "empty_map": {},
        "key with spaces, ünïcode": 1,
    }
    return values


def _exception() -> dict[str, AnyValue]:
    return {
        "exception.type": "ValueError",
        "exception.message": "no such order",
        "exception.stacktrace": "Traceback (most recent call last):\n  File shop.py\nValueError: no such order\n",
    }
