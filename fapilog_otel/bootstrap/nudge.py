"""A signal that CPython forgets, or that its main thread sleeps through, is seen to all the same.

CPython's C handler only notes a signal; Python's handler runs once the main thread is back in the interpreter. Two ways
to lose one would make ``Pool.terminate`` wait for ever for a worker that waits for ever for a task:

- It comes before a forked child has run at all, and the child begins by forgetting what was noted. So the signal is
  blocked from before the fork until after that.
- It comes just before the main thread goes to sleep in a system call, and interrupts nothing. The C handler writes to
  the wakeup descriptor too (``signal.set_wakeup_fd``), where a thread sleeps that sends the signal to the main thread
  again. A child writes to its parent's descriptor until it has its own, so the writer's process is asked for
  (``SO_PASSCRED``, Linux). Elsewhere, and where another library has the wakeup descriptor, this part is left out; in
  uWSGI too, which forks past Python's hooks: a thread that waits for the interpreter's lock just then breaks it there;
  and under gevent, whose threads are greenlets, which a waiting one would stop.
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
_END: Final = b"\0"  # no signal has this number


class Nudge:
    """Sees to it that a signal reaches its handler.

    Args:
        number: The signal.
        handler: Its handler; while another one is installed nothing is done.
    """

    def __init__(self, number: int, handler: Callable[..., object]) -> None:
        self._number = number
        self._handler = handler
        self._lock = threading.RLock()  # the handler may interrupt itself while it holds it
        self._noticed = False
        self._sent = False
        self._ears: Any = None
        self._mouth: Any = None
        self._mask: set[int] | None = None

    def start(self) -> None:
        """Begin; only in the main thread."""
        self._lock, self._noticed, self._sent = threading.RLock(), False, False
        if hasattr(signal, "pthread_sigmask"):
            fork.watch(self)
        import _socket  # noqa: PLC0415 - the class that gevent leaves alone, and not at import

        if self._ears is None and hasattr(_socket, "SO_PASSCRED") and _has_threads():
            self._ears, self._mouth = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_DGRAM)
            self._ears.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
            self._mouth.setblocking(False)
            if not _become_wakeup(self._mouth.fileno()) or not self._listens():
                self._close()

    def stop(self) -> None:
        """End; only in the main thread."""
        fork.unwatch(self)
        if self._mouth is not None:
            _leave_wakeup(self._mouth.fileno())
            with contextlib.suppress(OSError):  # so full of signals that the thread is reading
                self._mouth.send(_END)  # the thread closes what it reads from
            self._mouth.close()
            self._mouth = self._ears = None

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
        """Block the signal in the thread that forks."""
        if self._is_handled():
            self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {self._number})

    def after_fork_in_parent(self) -> None:
        """Let the signal come."""
        mask, self._mask = self._mask, None
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def after_fork_in_child(self) -> None:
        """Listen anew, in the child's main thread, which is the one that forked, and let the signal come."""
        if self._mouth is not None:
            _leave_wakeup(self._mouth.fileno())
            self._close()
        if self._is_handled():
            self.start()
        self.after_fork_in_parent()

    def _is_handled(self) -> bool:
        return signal.getsignal(self._number) is self._handler

    def _listens(self) -> bool:
        try:
            _thread.start_new_thread(self._listen, (self._ears, os.getpid()))
        except RuntimeError:  # no thread can be had
            _leave_wakeup(self._mouth.fileno())
            return False
        return True

    def _close(self) -> None:
        self._mouth.close()
        self._ears.close()
        self._mouth = self._ears = None

    def _listen(self, ears: Any, pid: int) -> None:
        patience: float | None = None
        while True:
            ears.settimeout(patience)
            try:
                signals, credentials, *_ = ears.recvmsg(64, 64)
            except TimeoutError:
                patience = self._send(patience or _PATIENCE)
                continue
            if not credentials or _pid_in(credentials[0][2]) != pid:
                continue
            if signals == _END:
                ears.close()
                return
            if self._number in signals:
                patience = patience or _PATIENCE

    def _send(self, patience: float) -> float | None:
        """Send the signal unless it has been noticed; returns the seconds until the next time, None: never."""
        with self._lock:
            if self._noticed or not self._is_handled():
                return None
            self._sent = True
            signal.pthread_kill(threading.main_thread().ident or 0, self._number)
        return patience * 4


def _has_threads() -> bool:
    return "uwsgi" not in sys.modules and isinstance(_thread.start_new_thread, BuiltinFunctionType)


def _pid_in(credentials: bytes) -> int:
    return int.from_bytes(credentials[:4], sys.byteorder)  # struct ucred begins with it, see unix(7)


def _become_wakeup(descriptor: int) -> bool:
    other = signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
    if other == -1:
        return True
    signal.set_wakeup_fd(other)
    return False


def _leave_wakeup(descriptor: int) -> None:
    other = signal.set_wakeup_fd(-1)
    if other not in (-1, descriptor):
        signal.set_wakeup_fd(other)
