"""SIGTERM at awkward moments: while a shutdown is under way, and in a child that has not begun anew."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from fapilog_otel.bootstrap.signals import TermHandler
from fapilog_otel.buffer import fork


def end_of(in_child: Callable[[], object]) -> int:
    """The exit code of a forked child that runs a function; 99: the function returned."""
    pid = os.fork()
    if pid == 0:
        try:
            in_child()
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0)  # the handler runs before this returns


class TestTermHandler:
    def test_during_a_shutdown_lets_it_end_and_dies_then(self) -> None:
        read, write = os.pipe()

        def in_child() -> None:
            handler = TermHandler(lambda: os.write(write, b"again"), lambda: True)
            signal.signal(signal.SIGTERM, handler)
            terminate()
            os.write(write, b"went on")
            handler.uninstall()

        assert end_of(in_child) == -signal.SIGTERM
        os.close(write)
        assert os.read(read, 100) == b"went on"
        os.close(read)

    def test_a_second_signal_kills_at_once(self) -> None:
        def in_child() -> None:
            signal.signal(signal.SIGTERM, TermHandler(lambda: None, lambda: True))
            terminate()
            terminate()

        assert end_of(in_child) == -signal.SIGTERM

    def test_in_a_child_that_still_has_what_is_its_parents_shuts_nothing_down(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def in_child() -> None:
            monkeypatch.setitem(fork._owner, "pid", os.getppid())
            signal.signal(signal.SIGTERM, TermHandler(lambda: os._exit(98), lambda: False))
            terminate()

        assert end_of(in_child) == -signal.SIGTERM
