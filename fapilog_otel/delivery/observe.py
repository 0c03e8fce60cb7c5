"""What a destination's attempts look like from outside: its health, and the few lines said about it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from fapilog_otel.errors import DeliveryError, PermanentError, RetryableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.contracts import EncodedLogs, ExportResult
    from fapilog_otel.delivery.link import Link
    from fapilog_otel.telemetry.diagnostics import Diagnostics

_REMEDIES: Final = {
    "timeout": "see whether the receiver is slow or a firewall swallows the packets; `timeout` sets the limit",
    "http_401": "check `headers`: the credentials are missing or wrong",
    "http_403": "check `headers`: the credentials do not permit this",
    "http_404": "check `endpoint`: its path should end in /v1/logs",
    "too_large": "lower `max_request_size` so that requests need no splitting",
    "exporter_error": "this is a bug in the exporter: report it to its author",
}
_NO_ANSWER_REMEDY: Final = "see whether a receiver listens at `endpoint`; `fapilog-otel doctor` checks it"
_COMES_BACK_REMEDY: Final = "see the receiver's own log for the cause; the records wait and are sent again"
# What only a receiver that was reached can say; gRPC's UNAVAILABLE may also come from a connection that failed.
_ANSWERED: Final = ("http_", "grpc_resource_exhausted", "grpc_aborted", "grpc_out_of_range", "grpc_data_loss")
_REFUSED_REMEDY: Final = "see the receiver's own log for the cause"


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

    __slots__ = ("_clock", "_diagnostics", "_failing", "_health", "_inner", "_name", "_where")

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
        event = f"{self._name} took the records with a remark"
        if result.rejected:
            event = f"{self._name} rejected {result.rejected} of {_records(request.count)}"
        self._say("partial_success", event, message=result.message)

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
            self._explain("too_large", event, error, _REMEDIES["too_large"], records=request.count)
        else:
            event = f"{self._name} refused {_records(request.count)} for good"
            self._explain("refused", event, error, _REFUSED_REMEDY, records=request.count)

    def _unreachable(self, error: RetryableError) -> None:
        if not self._failing:
            self._failing = True
            if error.reason.startswith(_ANSWERED):
                self._explain("unavailable", f"{self._name} takes no logs now", error, _COMES_BACK_REMEDY)
            else:
                self._explain("unreachable", f"cannot reach {self._name}", error, _NO_ANSWER_REMEDY)

    def _explain(self, kind: str, event: str, error: DeliveryError, remedy: str, **fields: object) -> None:
        remedy = _REMEDIES.get(error.reason, remedy)
        self._say(kind, event, **self._where, cause=str(error), reason=error.reason, remedy=remedy, **fields)

    def _say(self, kind: str, event: str, level: str = "warning", /, **fields: object) -> None:
        self._diagnostics.report(f"{self._name}.{kind}", event, level=level, **fields)


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"
