"""Puts one destination's wrappers together.

::

    send(request) ─► Split ─► Measure ─► Retry ─► Breaker? ─► Observe ─► Timeout ─► Boundary ─► Exporter
       ▲               │        │          │                    │           │           └ a plugin's bugs
       │               │        │          │                    │           └ one attempt's deadline
       │               │        │          │                    └ health; first failure, recovery, refusals
       │               │        │          └ waits and tries again, until a deadline
       │               │        └ how long all of that took
       │               └ 413: halves
       └ list[Part]: the branch settles its accounts from it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fapilog_otel.contracts import exporter_traits
from fapilog_otel.delivery.boundary import Boundary
from fapilog_otel.delivery.breaker import Breaker, BreakerPolicy
from fapilog_otel.delivery.measure import Measure
from fapilog_otel.delivery.observe import Health, Observe
from fapilog_otel.delivery.retry import Retry, RetryPolicy
from fapilog_otel.delivery.split import Part, Split
from fapilog_otel.delivery.timeout import Timeout
from fapilog_otel.telemetry.operations import Operations

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fapilog_otel.contracts import EncodedLogs
    from fapilog_otel.delivery.control import Control
    from fapilog_otel.delivery.link import Link
    from fapilog_otel.telemetry.diagnostics import Diagnostics
    from fapilog_otel.telemetry.health import Circuit
    from fapilog_otel.telemetry.operations import Operation


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

    @property
    def circuit(self) -> Circuit:
        """State of the circuit breaker; ``off`` without one."""
        ...

    @property
    def operations(self) -> Operations:
        """How long its deliveries took, by how they ended."""
        ...

    @property
    def told(self) -> Collection[str]:
        """Reasons of failed records that a line has told of."""
        ...

    async def send(self, request: EncodedLogs) -> list[Part]:
        """Deliver a request, retries and splits included.

        Returns:
            What became of each part, in the order of the records. Nothing but a cancellation is raised.
        """
        ...


class ChainSender:
    """A `Sender` made of a wrapper for each concern; see `build_sender`."""

    __slots__ = ("_breaker", "_observe", "_split", "name", "operations")

    def __init__(
        self, name: str, split: Split, observe: Observe, operations: Operations, breaker: Breaker | None = None
    ) -> None:
        self.name = name
        self.operations = operations
        self._split = split
        self._observe = observe
        self._breaker = breaker

    @property
    def health(self) -> Health:
        """How the destination has been doing; may be read from any thread."""
        return self._observe.health

    @property
    def circuit(self) -> Circuit:
        """State of the circuit breaker; ``off`` without one."""
        return "off" if self._breaker is None else self._breaker.circuit

    @property
    def told(self) -> Collection[str]:
        """Reasons of failed records that a line has told of."""
        return self._observe.told

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
    on_operation: Callable[[Operation], None] | None = None,
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
        on_operation: Told of each delivery that has ended; must not raise.
    """
    endpoint = exporter_traits(exporter).endpoint
    timed = Timeout(Boundary(exporter), timeout, control)
    observe = Observe(timed, name, diagnostics, endpoint=endpoint)
    circuit = None if breaker is None else Breaker(observe, breaker, control)
    measure = Measure(Retry(circuit or observe, policy, control, kept=kept), Operations(name, on_operation))
    return ChainSender(name, Split(measure), observe, measure.operations, circuit)
