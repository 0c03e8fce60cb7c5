"""From one request to one destination: a wrapper for each concern around its exporter; see `chain` for their order."""

from __future__ import annotations

from fapilog_otel.delivery.blocking import BlockingRunner
from fapilog_otel.delivery.breaker import BreakerPolicy
from fapilog_otel.delivery.chain import Sender, build_sender
from fapilog_otel.delivery.control import Control
from fapilog_otel.delivery.observe import Health
from fapilog_otel.delivery.retry import RetryPolicy
from fapilog_otel.delivery.split import Part

__all__ = [
    "BlockingRunner",
    "BreakerPolicy",
    "Control",
    "Health",
    "Part",
    "RetryPolicy",
    "Sender",
    "build_sender",
]
