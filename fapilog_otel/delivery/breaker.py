"""A circuit breaker that holds requests back instead of failing them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fapilog_otel.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.contracts import EncodedLogs, ExportResult
    from fapilog_otel.delivery.control import Control
    from fapilog_otel.delivery.link import Link
    from fapilog_otel.telemetry.health import Circuit

_LOOK_AGAIN: Final = 1.0


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When the circuit opens and for how long.

    Args:
        failures: Consecutive failed attempts that open it.
        open_for: Seconds until a single attempt probes the destination.
    """

    failures: int = 5
    open_for: float = 30.0


class Breaker:
    """Stops trying a destination that keeps failing, for all its requests together.

    ::

        closed ── failures in a row ──► open ── open_for is over: one request probes ──► success: closed; failure: open

    Where each request's own backoff thins out its attempts, the breaker thins out all of them. Requests wait, they do
    not fail: nothing is lost for it. A refusal for good shows a destination that works and closes the circuit.

    Args:
        inner: What makes one attempt.
        policy: When the circuit opens and for how long.
        control: Shutdown ends a wait.
        clock: Monotonic seconds.
    """

    __slots__ = ("_clock", "_control", "_failures", "_inner", "_open_until", "_policy", "_probing")

    def __init__(
        self, inner: Link, policy: BreakerPolicy, control: Control, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._inner = inner
        self._policy = policy
        self._control = control
        self._clock = clock
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether requests are held back."""
        return self._open_until is not None

    @property
    def circuit(self) -> Circuit:
        """``closed``, ``open``, or ``probing`` while a single request tries; may be read from any thread."""
        if self._open_until is None:
            return "closed"
        return "probing" if self._probing else "open"

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Make one attempt, when the circuit lets it through.

        Raises:
            RetryableError: The attempt's own, or ``circuit_open`` if a deadline comes first.
        """
        probes = await self._admitted()
        self._probing = self._probing or probes
        try:
            result = await self._inner.export(request)
        except RetryableError:
            self._failed()
            raise
        except PermanentError:
            self._worked()
            raise
        finally:
            self._probing = self._probing and not probes
        self._worked()
        return result

    async def _admitted(self) -> bool:
        """Wait until the circuit lets a request through; tell whether it is the probe."""
        while self._open_until is not None and not self._control.closing:
            left = self._open_until - self._clock()
            if left <= 0:
                # Claims the probe: the others go on waiting, also if this request is cancelled.
                self._open_until = self._clock() + self._policy.open_for
                return True
            if left >= self._control.remaining():
                raise RetryableError("held back by the open circuit", reason="circuit_open")
            await self._control.pause(min(left, _LOOK_AGAIN))
        return False

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= self._policy.failures:
            self._open_until = self._clock() + self._policy.open_for

    def _worked(self) -> None:
        self._failures = 0
        self._open_until = None
