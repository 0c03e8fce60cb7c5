"""Puts one destination's wrappers together.

::

    send(request) ─► Split ─► Retry ─► Breaker? ─► Observe ─► Timeout ─► Boundary ─► Exporter
       ▲               │        │                    │           │           └ a plugin's bugs become errors of ours
       │               │        │                    │           └ one attempt's deadline
       │               │        │                    └ health; first failure, recovery, refusals
       │               │        └ waits and tries again, until a deadline
       │               └ 413: halves
       └ list[Part]: the branch settles its accounts from it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fapilog_otel.contracts import exporter_traits
from fapilog_otel.delivery.boundary import Boundary
from fapilog_otel.delivery.breaker import Breaker, BreakerPolicy
from fapilog_otel.delivery.observe import Health, Observe
from fapilog_otel.delivery.retry import Retry, RetryPolicy
from fapilog_otel.delivery.split import Part, Split
from fapilog_otel.delivery.timeout import Timeout

if TYPE_CHECKING:
    from fapilog_otel.contracts import EncodedLogs
    from fapilog_otel.delivery.control import Control
    from fapilog_otel.delivery.link import Link
    from fapilog_otel.telemetry.diagnostics import Diagnostics


class Sender(Protocol):
    """Delivers requests to one destination."""

    @property
    def name(self) -> str:
        """Destination name."""
        ...

    @property
    def health(self) -> Health:
        """How the destination has been doing; may be read from any thread."""
        ...

    async def send(self, request: EncodedLogs) -> list[Part]:
        """Deliver a request, retries and splits included.

        Returns:
            What became of each part, in the order of the records. Nothing but a cancellation is raised.
        """
        ...


class ChainSender:
    """A `Sender` made of a wrapper for each concern; see `build_sender`."""

    __slots__ = ("_observe", "_split", "name")

    def __init__(self, name: str, split: Split, observe: Observe) -> None:
        self.name = name
        self._split = split
        self._observe = observe

    @property
    def health(self) -> Health:
        """How the destination has been doing; may be read from any thread."""
        return self._observe.health

    async def send(self, request: EncodedLogs) -> list[Part]:
        """Deliver a request; see `Sender.send`."""
        return await self._split.send(request)


def build_sender(
    name: str,
    exporter: Link,
    *,
    timeout: float,
    policy: RetryPolicy,
    control: Control,
    diagnostics: Diagnostics,
    breaker: BreakerPolicy | None = None,
    kept: bool = False,
) -> Sender:
    """Give the sender of one destination.

    Args:
        name: Destination name.
        exporter: Its transport, started; a blocking one inside a `BlockingRunner`.
        timeout: Seconds for one attempt.
        policy: How long to wait between attempts.
        control: Deadlines and shutdown.
        diagnostics: Where failures and recoveries are reported.
        breaker: When to stop trying for all requests together; None: never.
        kept: Whether a spool keeps what is given up at shutdown.
    """
    endpoint = exporter_traits(exporter).endpoint
    observe = Observe(Timeout(Boundary(exporter), timeout, control), name, diagnostics, endpoint=endpoint)
    attempt: Link = observe if breaker is None else Breaker(observe, breaker, control)
    return ChainSender(name, Split(Retry(attempt, policy, control, kept=kept)), observe)
