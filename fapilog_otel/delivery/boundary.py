"""Where an exporter's code ends and ours begins: what crosses is one of three things, whatever a plugin does."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from fapilog_otel.contracts import ExportResult
from fapilog_otel.errors import DeliveryError, PermanentError

if TYPE_CHECKING:
    from fapilog_otel.contracts import EncodedLogs
    from fapilog_otel.delivery.link import Link


class Boundary:
    """Lets only a sane `ExportResult`, a `PermanentError` or a `RetryableError` out of an exporter.

    Args:
        inner: The exporter.
    """

    __slots__ = ("_inner",)

    def __init__(self, inner: Link) -> None:
        self._inner = inner

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Send one request.

        Returns:
            The exporter's result, its rejected count within 0 and the request's count.

        Raises:
            PermanentError: The exporter's own, or ``exporter_error`` for anything else that it raised or returned: a
                bug, which would come back at every retry.
            RetryableError: The exporter's own.
        """
        try:
            result: object = await self._inner.export(request)
        except (DeliveryError, asyncio.CancelledError):
            raise
        except Exception as error:  # a plugin's bug costs its own request and is named in the error
            raise exporter_error(error) from error
        except BaseException as error:
            # On the main thread it may be a real exit; on ours it would end the delivery of every destination.
            if threading.current_thread() is threading.main_thread():
                raise
            raise exporter_error(error) from error
        if not isinstance(result, ExportResult):
            raise PermanentError(
                f"the exporter returned {type(result).__name__}, not ExportResult", reason="exporter_error"
            )
        return _clamped(result, request.count)


def exporter_error(error: BaseException) -> PermanentError:
    """Describe an exception that no exporter should raise."""
    return PermanentError(f"{type(error).__name__}: {error_text(error)}", reason="exporter_error")


def error_text(error: BaseException) -> str:
    """Give an exception's text, even if its ``__str__`` raises."""
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - foreign code; the text names what it did
        return f"(its __str__ raised {type(broken).__name__})"


def _clamped(result: ExportResult, count: int) -> ExportResult:
    rejected = min(max(result.rejected, 0), count)
    return result if rejected == result.rejected else replace(result, rejected=rejected)
