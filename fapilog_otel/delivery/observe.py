"""What a destination's attempts look like from outside: its health, and the few lines said about it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from fapilog_otel.errors import DeliveryError, PermanentError, RetryableError
from fapilog_otel.telemetry.reasons import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.contracts import EncodedLogs, ExportResult
    from fapilog_otel.delivery.link import Link
    from fapilog_otel.telemetry.diagnostics import Diagnostics

_NO_ANSWER_REMEDY: Final = "see whether a receiver listens at `endpoint`; `fapilog-otel doctor` checks it"
_COMES_BACK_REMEDY: Final = "see the receiver's own log for the cause; the records wait and are sent again"
_SPLIT_REMEDY: Final = "lower `max_request_size` so that requests need no splitting"
# What only a receiver that was reached can say; gRPC's UNAVAILABLE may also come from a connection that failed.
_ANSWERED: Final = ("http_", "grpc_resource_exhausted", "grpc_aborted", "grpc_out_of_range", "grpc_data_loss")
# For these the remedy of the reason says more than that of the line.
_TELLING: Final = ("timeout", "http_401", "http_403", "http_404", "connection_tls", "connection_proxy", "headers")


@dataclass(frozen=True, slots=True)
class Health:
    """How a destination has been doing, at one instant.

    Args:
        attempts: Attempts that have ended.
        delivered_requests: Attempts that the destination took, wholly or in part.
        delivered_bytes: Their encoded size before compression.
        consecutive_failures: Attempts since the last success.
        last_success: Wall-clock time in Unix seconds; None: never.
        last_error: Text of the latest failure, kept after a success; empty: none yet.
        last_error_at: Wall-clock time in Unix seconds; None: never.
    """

    attempts: int = 0
    delivered_requests: int = 0
    delivered_bytes: int = 0
    consecutive_failures: int = 0
    last_success: float | None = None
    last_error: str = ""
    last_error_at: float | None = None


class Observe:
    """Keeps a destination's health, and says when it stops taking logs, refuses some, and takes them again.

    Stands inside the retries, so that a destination that is down is reported at once and not when retrying ends.

    Args:
        inner: What makes one attempt.
        name: Destination name.
        diagnostics: Where lines go, rate-limited.
        clock: Wall-clock seconds.
        endpoint: Where requests go, without credentials; empty: not known.
    """

    __slots__ = ("_clock", "_diagnostics", "_failing", "_health", "_inner", "_name", "_where", "told")

    def __init__(
        self,
        inner: Link,
        name: str,
        diagnostics: Diagnostics,
        clock: Callable[[], float] = time.time,
        *,
        endpoint: str = "",
    ) -> None:
        self._inner = inner
        self._name = name
        self._diagnostics = diagnostics
        self._clock = clock
        self._health = Health()
        self._failing = False
        self._where = {"endpoint": endpoint} if endpoint else {}
        self.told: set[str] = set()
        """Reasons of failed records that a line has told of, with the destination's own words."""

    @property
    def health(self) -> Health:
        """The present health; may be read from any thread."""
        return self._health

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Make one attempt."""
        try:
            result = await self._inner.export(request)
        except DeliveryError as error:
            self._failed(request, error)
            raise
        self._succeeded(request, result)
        return result

    def _succeeded(self, request: EncodedLogs, result: ExportResult) -> None:
        health = self._health
        self._health = Health(  # written out: `replace` takes several times as long, and this is done for each request
            health.attempts + 1,
            health.delivered_requests + 1,
            health.delivered_bytes + request.size,
            0,
            self._clock(),
            health.last_error,
            health.last_error_at,
        )
        if self._failing:
            self._failing = False
            self._say("recovered", f"{self._name} takes logs again", "info", failures=health.consecutive_failures)
        if result.rejected or result.message:
            self._partial(request, result)

    def _partial(self, request: EncodedLogs, result: ExportResult) -> None:
        if not result.rejected:
            self._say("remark", f"{self._name} took the records with a remark", message=result.message)
            return
        event = f"{self._name} rejected {result.rejected} of {_records(request.count)}"
        self.told.add("rejected")
        remedy = explain("rejected").remedy
        self._say("partial_success", event, message=result.message, reason="rejected", remedy=remedy)

    def _failed(self, request: EncodedLogs, error: DeliveryError) -> None:
        health = self._health
        self._health = replace(
            health,
            attempts=health.attempts + 1,
            consecutive_failures=health.consecutive_failures + 1,
            last_error=str(error),
            last_error_at=self._clock(),
        )
        if isinstance(error, RetryableError):
            self._unreachable(error)
        elif isinstance(error, PermanentError) and error.too_large and request.count > 1:
            event = f"{self._name} found a request too large; it is sent again in halves"
            self._explain("too_large", event, error, _SPLIT_REMEDY, records=request.count)
        else:
            self._refused(request, error)

    def _refused(self, request: EncodedLogs, error: DeliveryError) -> None:
        event = f"{self._name} refused {_records(request.count)} for good"
        too_large = isinstance(error, PermanentError) and error.too_large
        reason = "too_large" if too_large else error.reason  # as the account calls it
        self.told.add(reason)
        self._explain(f"refused.{reason}", event, error, explain(reason).remedy, records=request.count)

    def _unreachable(self, error: RetryableError) -> None:
        if not self._failing:
            self._failing = True
            if error.reason.startswith(_ANSWERED):
                self._explain("unavailable", f"{self._name} takes no logs now", error, _COMES_BACK_REMEDY)
            else:
                self._explain("unreachable", f"cannot reach {self._name}", error, _NO_ANSWER_REMEDY)

    def _explain(self, kind: str, event: str, error: DeliveryError, remedy: str, **fields: object) -> None:
        remedy = explain(error.reason).remedy if error.reason in _TELLING else remedy
        self._say(kind, event, **self._where, cause=str(error), reason=error.reason, remedy=remedy, **fields)

    def _say(self, kind: str, event: str, level: str = "warning", /, **fields: object) -> None:
        self._diagnostics.report(f"{self._name}.{kind}", event, level=level, **fields)


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"
