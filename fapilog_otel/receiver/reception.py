"""Everything received so far, shared between the transports that add to it and the threads that wait for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.receiver.decode import Decoded
    from fapilog_otel.receiver.records import ReceivedLog, ReceivedRequest, ReceivedSpan

_Item = TypeVar("_Item")


class Reception:
    """A thread-safe account of logs, spans and requests.

    Args:
        keep: How many of each are kept, newest first to stay; None: all.
    """

    def __init__(self, keep: int | None = None) -> None:
        self._changed = threading.Condition()
        self._logs: deque[ReceivedLog] = deque(maxlen=keep)
        self._spans: deque[ReceivedSpan] = deque(maxlen=keep)
        self._requests: deque[ReceivedRequest] = deque(maxlen=keep)

    @property
    def logs(self) -> list[ReceivedLog]:
        """The log records accepted so far, in order of arrival; a copy."""
        return self._copy(self._logs)

    @property
    def spans(self) -> list[ReceivedSpan]:
        """The spans accepted so far, in order of arrival; a copy."""
        return self._copy(self._spans)

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Every request so far, accepted or not, in order of arrival; a copy."""
        return self._copy(self._requests)

    def add_request(self, request: ReceivedRequest) -> None:
        """Record that a request came, before anything is answered."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    def add_records(self, records: Decoded) -> None:
        """Record what an accepted request held."""
        with self._changed:
            self._logs.extend(records.logs)
            self._spans.extend(records.spans)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget everything received so far."""
        with self._changed:
            self._logs.clear()
            self._spans.clear()
            self._requests.clear()

    def wait_for_logs(self, count: int, timeout: float) -> list[ReceivedLog]:
        """Give all log records as soon as there are at least so many.

        Args:
            count: Log records to wait for.
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: Fewer had arrived by then; the text says how many.
        """
        return self._wait_for(self._logs, lambda: len(self._logs) >= count, f"{count} log records", timeout)

    def wait_for_spans(self, count: int, timeout: float) -> list[ReceivedSpan]:
        """Give all spans as soon as there are at least so many; see `wait_for_logs`."""
        return self._wait_for(self._spans, lambda: len(self._spans) >= count, f"{count} spans", timeout)

    def wait_for_requests(self, count: int, timeout: float) -> list[ReceivedRequest]:
        """Give all requests, refused ones too, as soon as there are at least so many; see `wait_for_logs`."""
        return self._wait_for(self._requests, lambda: len(self._requests) >= count, f"{count} requests", timeout)

    def _copy(self, items: deque[_Item]) -> list[_Item]:
        with self._changed:
            return list(items)

    def _wait_for(self, items: deque[_Item], reached: Callable[[], bool], wanted: str, timeout: float) -> list[_Item]:
        started = time.monotonic()
        with self._changed:
            if not self._changed.wait_for(reached, timeout):
                waited = time.monotonic() - started
                raise TimeoutError(f"waited {waited:.1f} s for {wanted}, received {len(items)} {self._summary()}")
            return list(items)

    def _summary(self) -> str:
        return f"({len(self._logs)} logs, {len(self._spans)} spans, {len(self._requests)} requests in all)"
