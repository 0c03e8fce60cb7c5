"""Records that keep flowing while a test changes something, each told by its number."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from typing_extensions import Self

import fapilog_otel as fo


class Flow:
    """Logs numbered records on a thread of its own, a few hundred a second, from entering the block to its end."""

    def __init__(self, logger: str = "flow", pause: float = 0.003) -> None:
        self._logger = fo.get_logger(logger)
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.written = 0

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            self._logger.info("flowing", number=self.written)
            self.written += 1

    def more(self, count: int = 20) -> None:
        """Wait until so many further records have been written."""
        wanted = self.written + count
        until(lambda: self.written >= wanted)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come to hold in time"
        time.sleep(0.01)
