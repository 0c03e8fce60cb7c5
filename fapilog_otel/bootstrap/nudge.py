"""A worker of ``multiprocessing`` that has slept through SIGTERM is sent it again.

CPython's C handler only notes a signal. One that comes just before the main thread goes to sleep in a system call
interrupts nothing, and ``Pool.terminate``, which sends one to workers that have just handed in a result, waits for
ever. The C handler also writes to the wakeup descriptor (``signal.set_wakeup_fd``), where a thread of ours sleeps.

Only in such workers, on Linux: a descriptor that is never closed, and one more thread, are no burden there. A process
that the worker forks writes to its descriptor until told otherwise, so the writer is asked for (``SO_PASSCRED``).
Where another library has the wakeup descriptor, and under gevent, whose threads are greenlets, nothing is done.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.buffer import fork

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE: Final = 0.05  # s that the main thread is given, four times as long after each signal sent


class Nudge:
    """Sends a signal again to a main thread that has not noticed it.

    Args:
        number: The signal.
        handler: Its handler; while another one is installed nothing is sent.
    """

    def __init__(self, number: int, handler: Callable[..., object]) -> None:
        self._number = number
        self._handler = handler
        self._lock = threading.RLock()  # the handler may interrupt itself while it holds it
        self._noticed = False
        self._sent = False
        self._mouth: Any = None

    def start(self) -> None:
        """Listen from now on; in a worker's main thread."""
        import _socket  # noqa: PLC0415 - the class that gevent leaves alone, and not at import

        self._lock, self._noticed, self._sent = threading.RLock(), False, False
        if not (hasattr(_socket, "SO_PASSCRED") and isinstance(_thread.start_new_thread, BuiltinFunctionType)):
            return
        if self._mouth is not None or signal.getsignal(self._number) is not self._handler:
            return
        with contextlib.suppress(OSError, RuntimeError):  # no descriptor, or no thread, can be had
            ears, mouth = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_DGRAM)
            ears.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
            mouth.setblocking(False)
            _thread.start_new_thread(self._listen, (ears, os.getpid()))
            self._mouth = mouth  # open for good: other libraries restore the descriptor that they have found
            other = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
            if other != -1:
                signal.set_wakeup_fd(other)
            fork.watch(self)

    def is_echo(self) -> bool:
        """Tell a handler, first thing, whether it has been called before and this call is due to a signal from here."""
        with self._lock:
            first, self._noticed = not self._noticed, True
        if first:
            os.getppid()  # what was sent before the lock was had arrives before a system call returns
            return False
        echo, self._sent = self._sent, False
        return echo

    def before_fork(self) -> None:
        """Do nothing."""

    def after_fork_in_parent(self) -> None:
        """Do nothing."""

    def after_fork_in_child(self) -> None:
        """Leave the parent's descriptor; a worker of its own begins anew."""
        mouth, self._mouth = self._mouth, None
        fork.unwatch(self)
        if mouth is not None:
            other = signal.set_wakeup_fd(-1)
            if other not in (-1, mouth.fileno()):
                signal.set_wakeup_fd(other)

    def _listen(self, ears: Any, pid: int) -> None:
        patience: float | None = None
        while True:
            try:
                ears.settimeout(patience)
                signals, credentials, *_ = ears.recvmsg(64, 64)
            except TimeoutError:
                patience = self._send(patience or _PATIENCE)
                continue
            except OSError:  # somebody has closed it
                return
            if credentials and _pid_in(credentials[0][2]) == pid and self._number in signals:
                patience = patience or _PATIENCE

    def _send(self, patience: float) -> float | None:
        """Send the signal unless it has been noticed; returns the seconds until the next time, None: never."""
        with self._lock:
            if self._noticed or signal.getsignal(self._number) is not self._handler:
                return None
            self._sent = True
            signal.pthread_kill(threading.main_thread().ident or 0, self._number)
        return patience * 4


def _pid_in(credentials: bytes) -> int:
    return int.from_bytes(credentials[:4], sys.byteorder)  # struct ucred begins with it, see unix(7)
