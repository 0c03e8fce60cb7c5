"""The record that everybody writes, and the loops that write it.

A 40-character body, INFO, and five attributes (str int float bool str), inside a recording span: about 200 bytes on the
wire.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import SeverityNumber

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from typing import TypeAlias

    Emit: TypeAlias = Callable[[int, int], None]

LOGGER_NAME: Final = "shop.checkout"
SERVICE_NAME: Final = "benchmark"
BODY: Final = "order placed, payment taken, mail queued"
FIRST_NUMBER: Final = 100_000
LAST_NUMBER: Final = (1 << 21) - 1
"""Numbers from first to last all take three bytes on the wire, which the verdict counts on."""

ORDER_ID: Final = "o-17423"
TOTAL: Final = 12.5
PAID: Final = True
REGION: Final = "eu-west-1"


def own_logger(log: Any) -> Emit:
    """Give the loop over a logger of ours: the message and keywords."""
    info = log.info

    def emit(first: int, count: int) -> None:
        for number in range(first, first + count):
            info(BODY, order_id=ORDER_ID, number=number, total=TOTAL, paid=PAID, region=REGION)

    return emit


def api_logger(log: Any) -> Emit:
    """Give the loop over an OpenTelemetry API logger, ours or the SDK's: ``Logger.emit`` with its fields."""
    call, now, info = log.emit, time.time_ns, SeverityNumber.INFO

    def emit(first: int, count: int) -> None:
        for number in range(first, first + count):
            call(
                timestamp=now(),
                severity_number=info,
                severity_text="INFO",
                body=BODY,
                attributes={"order_id": ORDER_ID, "number": number, "total": TOTAL, "paid": PAID, "region": REGION},
            )

    return emit


def stdlib_logger(log: logging.Logger) -> Emit:
    """Give the loop over a ``logging.Logger``: attributes by ``extra``."""
    info = log.info

    def emit(first: int, count: int) -> None:
        for number in range(first, first + count):
            info(
                BODY,
                extra={"order_id": ORDER_ID, "number": number, "total": TOTAL, "paid": PAID, "region": REGION},
            )

    return emit
