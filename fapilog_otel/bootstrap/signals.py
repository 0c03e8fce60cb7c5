"""SIGTERM: its default action runs no Python, so what is pending would be lost."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from fapilog_otel.bootstrap.handle import Handle


def flush_on_sigterm(handle: Handle) -> None:
    """Shut a handle down on SIGTERM, then die of it; only in the main thread and only over the default action."""
    if threading.current_thread() is not threading.main_thread():
        return
    if not hasattr(signal, "SIGTERM") or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def on_sigterm(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature is signal's
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        handle.shutdown()
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, on_sigterm)
