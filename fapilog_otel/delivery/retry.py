"""Exponential backoff with jitter, obeying the server and giving up early."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fapilog_otel.errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.contracts import EncodedLogs, ExportResult
    from fapilog_otel.delivery.control import Control
    from fapilog_otel.delivery.link import Link


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait between attempts.

    Args:
        initial: Seconds before the first retry.
        maximum: No backoff is longer, in seconds.
        multiplier: Each backoff is so many times the one before it.
        jitter: Part of a backoff left to chance, 0 to 1: 0.5 waits between half of it and all of it.
        retry_after_cap: The longest wait, in seconds, that a server can ask for.
    """

    initial: float = 0.5
    maximum: float = 30.0
    multiplier: float = 1.5
    jitter: float = 0.5
    retry_after_cap: float = 120.0

    def grown(self, backoff: float) -> float:
        """Give the backoff that follows one, in seconds."""
        return min(self.maximum, backoff * self.multiplier)

    def wait(self, backoff: float, delay: float | None, chance: float) -> float:
        """Give the seconds to wait.

        Args:
            backoff: The present backoff, in seconds.
            delay: What the server asked for (Retry-After, RetryInfo), in seconds; it replaces the backoff, unless it is
                not positive, which would make a tight loop.
            chance: A random number from 0 to 1.
        """
        if delay is not None and delay > 0:
            # Never earlier than asked; a little later, so that many clients turned away at once do not return at once.
            return min(delay * (1 + 0.05 * chance), self.retry_after_cap)
        return backoff * (1 - self.jitter * chance)


class Retry:
    """Tries again until the request is delivered, refused for good, or out of time.

    Without a deadline it never gives up: the byte bound of the buffer or the spool decides what is kept (OTLP spec,
    "Failures": retryable). When shutdown begins, the present wait ends at once and one attempt follows at once.

    Args:
        inner: What makes one attempt.
        policy: How long to wait between attempts.
        control: Its deadlines end the retrying, and shutdown ends a wait.
        rng: Random numbers from 0 to 1.
        kept: Whether a spool keeps what is given up: then shutdown gives each request one attempt and no more.
    """

    __slots__ = ("_control", "_inner", "_kept", "_policy", "_rng")

    def __init__(
        self,
        inner: Link,
        policy: RetryPolicy,
        control: Control,
        rng: Callable[[], float] = random.random,
        *,
        kept: bool = False,
    ) -> None:
        self._inner = inner
        self._policy = policy
        self._control = control
        self._rng = rng
        self._kept = kept

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Deliver one request.

        Raises:
            PermanentError: The destination refuses it.
            RetryableError: The deadline comes before the next try: reason ``shutdown``, or the last attempt's own where
                the deadline is the request's.
        """
        backoff = min(self._policy.initial, self._policy.maximum)
        while True:
            if self._control.remaining() <= 0:
                raise self._given_up(RetryableError("no time was left for an attempt", reason="timeout"))
            try:
                return await self._inner.export(request)
            except RetryableError as error:
                wait = self._policy.wait(backoff, error.delay, self._rng())
                if wait >= self._control.remaining() or (self._kept and self._control.closing):
                    raise self._given_up(error) from error
            await self._control.pause(wait)
            backoff = self._policy.grown(backoff)

    def _given_up(self, error: RetryableError) -> RetryableError:
        if not self._control.closing:
            return error
        return RetryableError(f"given up at shutdown: {error}", reason="shutdown")
