"""SIGTERM at awkward moments: while a shutdown is under way, and in a child that has not begun anew."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from fapilog_otel.bootstrap.signals import TermHandler
from fapilog_otel.buffer import exit as process_exit
from fapilog_otel.buffer import fork


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """A process as it is once something has been configured, whatever other tests have installed in this one."""
    fork.watch(TermHandler(lambda: None, lambda: False)._around_forks)  # forked children know that they are children
    handler = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, handler)


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


class TestForks:
    def test_a_child_that_gets_the_signal_before_it_has_run_dies_of_it(self) -> None:
        def in_child() -> None:
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

    @pytest.mark.parametrize("blocked", [False, True])
    def test_leave_the_mask_as_it_was_on_both_sides(self, blocked: bool) -> None:
        def mask() -> bool:
            return signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())

        def in_child() -> None:
            TermHandler(lambda: None, lambda: False).install()
            if blocked:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            assert end_of(lambda: os._exit(90 + mask())) == 90 + blocked
            assert mask() is blocked
            os._exit(96)

        assert end_of(in_child) == 96

    def test_unblock_it_though_another_hook_raises_or_an_earlier_one_never_came(self) -> None:
        class Failing:
            def before_fork(self) -> None:
                raise KeyboardInterrupt

            after_fork_in_parent = after_fork_in_child = before_fork

        def in_child() -> None:
            sys.unraisablehook = lambda _: None
            handler = TermHandler(lambda: None, lambda: False)
            handler.install()
            failing = [Failing() for _ in range(8)]  # in a set: before and after ours
            for one in failing:
                fork.watch(one)
            handler._around_forks.before_fork()  # and what should come after it does not
            assert end_of(lambda: os._exit(90 + (signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())))) == 90
            assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
            os._exit(96)

        assert end_of(in_child) == 96


def worker_handler(code: int = 97) -> TermHandler:
    """A handler that ends the process, and sees to the signal as in a worker of multiprocessing."""
    handler = TermHandler(lambda: os._exit(code), lambda: False)
    handler.install()
    handler._nudge.start()
    return handler


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose process wrote to the wakeup descriptor")
class TestNudge:
    @pytest.mark.parametrize("nudged", [True, False])
    def test_wakes_a_main_thread_that_the_signal_did_not_interrupt(self, nudged: bool) -> None:
        def bystand() -> None:
            time.sleep(0.1)
            # In C the handler runs in the thread that the signal is sent to, and notes it for the main thread.
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
            time.sleep(20 if nudged else 0.5)
            os._exit(98)

        def in_child() -> None:
            if nudged:
                worker_handler()
            else:
                TermHandler(lambda: os._exit(97), lambda: False).install()
            threading.Thread(target=bystand, daemon=True).start()
            os.read(os.pipe()[0], 1)

        assert end_of(in_child) == (97 if nudged else 98)

    def test_leaves_the_parent_alone_when_a_child_gets_the_signal(self) -> None:
        def in_child() -> None:
            handler = worker_handler()
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
            nudge = worker_handler()._nudge
            assert not nudge.is_echo()
            nudge._sent = True
            assert nudge.is_echo()
            assert not nudge.is_echo()
            os._exit(96)

        assert end_of(in_child) == 96

    def test_a_wakeup_descriptor_of_others_stays_theirs(self) -> None:
        def in_child() -> None:
            write = os.pipe()[1]
            os.set_blocking(write, False)
            signal.set_wakeup_fd(write)
            worker_handler()
            assert signal.set_wakeup_fd(-1) == write
            os._exit(96)

        assert end_of(in_child) == 96

    def test_no_descriptor_to_be_had_is_no_error(self) -> None:
        def in_child() -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
            worker_handler()
            assert signal.set_wakeup_fd(-1) == -1
            os._exit(96)

        assert end_of(in_child) == 96

    def test_starts_in_workers_alone(self) -> None:
        def in_child() -> None:
            TermHandler(lambda: None, lambda: False).install()
            assert signal.set_wakeup_fd(-1) == -1
            context = multiprocessing.get_context("fork")
            results = context.SimpleQueue()
            worker = context.Process(target=lambda: results.put(signal.set_wakeup_fd(-1)))
            process_exit.watch(Nothing)
            worker.start()
            worker.join(20)
            os._exit(96 if results.get() != -1 else 95)

        assert end_of(in_child) == 96


class Nothing:
    """What is shut down at exit, and is nothing."""

    @staticmethod
    def shutdown() -> None: ...


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
