"""A whole bridge in this process, towards an endpoint that is of little use; any number of them side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import fapilog_otel

QUICK: Mapping[str, Any] = {"initial": 0.005, "maximum": 0.02}
"""Waits between attempts, seconds: short, where the test is not about them."""


class Bridge:
    """A provider with a pipeline of its own.

    Args:
        provider: The provider.
    """

    def __init__(self, provider: fapilog_otel.LoggerProvider) -> None:
        self._provider = provider
        self.log: Any = provider.get_logger("shop")

    def flush(self, seconds: float) -> bool:
        """Deliver what is pending."""
        return self._provider.force_flush(seconds * 1000)

    def shutdown(self, seconds: float) -> bool:
        """Deliver what can be delivered, and end."""
        return self._provider.shutdown(seconds * 1000)

    def stats(self) -> fapilog_otel.Stats:
        """The account at this instant, which must balance."""
        stats = self._provider.stats()
        assert stats.balanced
        return stats


@contextmanager
def bridge(endpoint: str | None, protocol: str = "http/protobuf", **settings: Any) -> Iterator[Bridge]:
    """A bridge, shut down afterwards.

    Args:
        endpoint: Where records go; None: ``exporters`` says it.
        protocol: As in ``configure()``.
        **settings: Any field of `fapilog_otel.Settings`.
    """
    retry = {**QUICK, **settings.pop("retry", {})}
    target = {} if endpoint is None else {"endpoint": endpoint, "protocol": protocol}
    made = Bridge(fapilog_otel.LoggerProvider(settings=fapilog_otel.Settings(**target, retry=retry, **settings)))
    try:
        yield made
    finally:
        made.shutdown(2.0)


def port_of(endpoint: str) -> int:
    """The port of an endpoint's URL."""
    return int(endpoint.rpartition(":")[2])
