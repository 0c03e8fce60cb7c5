"""Halving what a destination finds too large."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fapilog_otel.delivery.boundary import exporter_error
from fapilog_otel.errors import DeliveryError, PermanentError

if TYPE_CHECKING:
    from fapilog_otel.contracts import EncodedLogs, ExportResult
    from fapilog_otel.delivery.link import Link


class Part(NamedTuple):
    """What became of a request, or of a part of it; exactly one of result and error is set.

    Args:
        request: The records that this is about.
        result: Success or partial success.
        error: Why they were not delivered.
    """

    request: EncodedLogs
    result: ExportResult | None
    error: DeliveryError | None


class Split:
    """Delivers a request in as many parts as the destination's size limit asks for.

    Args:
        inner: What delivers one request, retries included.
    """

    __slots__ = ("_inner",)

    def __init__(self, inner: Link) -> None:
        self._inner = inner

    async def send(self, request: EncodedLogs) -> list[Part]:
        """Deliver a request; halved, and the halves halved, while it is too large (HTTP 413, gRPC message size).

        Returns:
            Its parts in the order of the records, each of which is in exactly one. Only a cancellation is raised.
        """
        parts: list[Part] = []
        waiting = [request]
        while waiting:
            part = await self._deliver(waiting.pop())
            if part.error is None or not _divisible(part):
                parts.append(part)
            else:
                left, right = part.request.split()
                waiting += (right, left)
        return parts

    async def _deliver(self, request: EncodedLogs) -> Part:
        try:
            return Part(request, await self._inner.export(request), None)
        except PermanentError as error:
            if error.too_large and request.count == 1:
                return Part(request, None, _record_too_large(error))
            return Part(request, None, error)
        except DeliveryError as error:
            return Part(request, None, error)
        except Exception as error:  # noqa: BLE001 - a bug of ours: the records must be accounted for all the same
            return Part(request, None, exporter_error(error))


def _divisible(part: Part) -> bool:
    return isinstance(part.error, PermanentError) and part.error.too_large and part.request.count > 1


def _record_too_large(error: PermanentError) -> PermanentError:
    return PermanentError(str(error), reason="too_large", too_large=True)
