"""SIGTERM at awkward moments: while a shutdown is under way, and in a child that has not begun anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from fapilog_otel.bootstrap.signals import TermHandler
from fapilog_otel.buffer import fork


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """A process as it is once something has been configured, whatever other tests have installed in this one."""
    fork.watch(TermHandler(lambda: None, lambda: False)._nudge)  # forked children know that they are children
    handler, descriptor = signal.signal(signal.SIGTERM, signal.SIG_DFL), signal.set_wakeup_fd(-1)
    yield
    signal.signal(signal.SIGTERM, handler)
    signal.set_wakeup_fd(descriptor)


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


def die_later(seconds: float = 20.0) -> None:
    threading.Thread(target=lambda: (time.sleep(seconds), os._exit(98)), daemon=True).start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose process wrote to the wakeup descriptor")
class TestNudge:
    @pytest.mark.parametrize("forked", [False, True])
    def test_wakes_a_main_thread_that_the_signal_did_not_interrupt(self, forked: bool) -> None:
        def sleep_through_it() -> None:
            die_later()
            # In C the handler runs in the thread that the signal is sent to, and notes it for the main thread.
            by_stander = lambda: (time.sleep(0.1), signal.pthread_kill(threading.get_ident(), signal.SIGTERM))  # noqa: E731
            threading.Thread(target=by_stander).start()
            os.read(os.pipe()[0], 1)

        def in_child() -> None:
            TermHandler(lambda: os._exit(97), lambda: False).install()
            os._exit(end_of(sleep_through_it)) if forked else sleep_through_it()

        assert end_of(in_child) == 97

    def test_leaves_the_parent_alone_when_a_child_gets_the_signal(self) -> None:
        def in_child() -> None:
            handler = TermHandler(lambda: os._exit(97), lambda: False)
            handler.install()
            fork.unwatch(handler._nudge)  # so that the child writes to its parent's descriptor
            child = os.fork()
            if not child:
                signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(20)
                os._exit(95)
            os.waitpid(child, 0)
            time.sleep(0.3)
            os._exit(96)

        assert end_of(in_child) == 96

    def test_is_not_taken_for_a_second_signal(self) -> None:
        def in_child() -> None:
            handler = TermHandler(lambda: os._exit(97), lambda: False)
            handler.install()
            assert not handler._nudge.is_echo()
            handler._nudge._sent = True
            assert handler._nudge.is_echo()
            assert not handler._nudge.is_echo()
            os._exit(96)

        assert end_of(in_child) == 96

    def test_a_wakeup_descriptor_of_others_stays_theirs(self) -> None:
        def in_child() -> None:
            write = os.pipe()[1]
            os.set_blocking(write, False)
            signal.set_wakeup_fd(write)
            handler = TermHandler(lambda: os._exit(97), lambda: False)
            handler.install()
            handler.uninstall()
            assert signal.set_wakeup_fd(-1) == write
            handler.install()
            assert signal.set_wakeup_fd(write) != -1
            handler.uninstall()
            assert signal.set_wakeup_fd(-1) == write
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            os._exit(96)

        assert end_of(in_child) == 96

    def test_a_child_that_gets_the_signal_before_it_has_run_dies_of_it(self) -> None:
        def in_child() -> None:
            die_later(60)
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the child waits until its parent does
            TermHandler(lambda: None, lambda: False).install()
            for _ in range(100):
                pid = os.fork()
                if not pid:
                    time.sleep(60)
                    os._exit(95)
                os.kill(pid, signal.SIGTERM)
                assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
            os._exit(96)

        assert end_of(in_child) == 96


def test_a_child_that_is_the_first_to_configure_is_no_heir() -> None:
    script = (
        "import os, fapilog_otel.buffer.fork as fork\n"
        "from fapilog_otel.bootstrap.signals import TermHandler\n"
        "if os.fork(): raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
        "handler = TermHandler(lambda: None, lambda: False)\n"
        "handler.install()\n"
        "assert not fork.is_inherited()\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0
