"""What nobody logged becomes a record, and reaches the hooks that were there before."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from fapilog_otel.bootstrap.facade import facade
from fapilog_otel.bootstrap.uncaught import UncaughtCapture
from fapilog_otel.testing import capture_logs
from fapilog_otel.testing.capture import Capture


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What reaches the hooks that were there."""
    seen: list[Any] = []
    monkeypatch.setattr(sys, "excepthook", lambda *args: seen.append(args[1]))
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_value))
    monkeypatch.setattr(sys, "unraisablehook", lambda args: seen.append(args.exc_value))
    monkeypatch.setattr(warnings, "showwarning", lambda message, *rest: seen.append(message))
    return seen


@pytest.fixture
def capture(before: list[Any]) -> Iterator[Capture]:
    with capture_logs() as captured:
        hooks = UncaughtCapture(facade()).install()
        yield captured
        hooks.uninstall()


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


class TestExceptions:
    def test_in_the_main_thread(self, capture: Capture, before: list[Any]) -> None:
        error = raised(ValueError("no"))
        sys.excepthook(ValueError, error, error.__traceback__)
        (record,) = capture.records
        assert (record.severity_text, record.scope.name) == ("FATAL", "python.uncaught")
        assert record.attributes["exception.type"] == "ValueError"
        assert "raised" in str(record.attributes["exception.stacktrace"])
        assert before == [error]

    def test_that_the_user_made_are_none(self, capture: Capture, before: list[Any]) -> None:
        error = raised(KeyboardInterrupt())
        sys.excepthook(KeyboardInterrupt, error, None)
        assert capture.records == []
        assert before == [error]

    def test_in_a_thread(self, capture: Capture, before: list[Any]) -> None:
        def work() -> None:
            raise KeyError("k")

        thread = threading.Thread(target=work, name="worker-7")
        thread.start()
        thread.join()
        (record,) = capture.records
        assert (record.severity_text, record.attributes["thread.name"]) == ("ERROR", "worker-7")
        assert len(before) == 1

    def test_that_end_a_thread_are_none(self, capture: Capture) -> None:
        thread = threading.Thread(target=sys.exit)
        thread.start()
        thread.join()
        assert capture.records == []

    def test_in_a_finaliser(self, capture: Capture, before: list[Any]) -> None:
        error = raised(OSError("late"))
        args = SimpleNamespace(exc_type=OSError, exc_value=error, exc_traceback=None, err_msg=None, object=len)
        sys.unraisablehook(args)  # type: ignore[arg-type]
        (record,) = capture.records
        assert (record.body, record.attributes["exception.message"]) == ("exception ignored", "late")
        assert before == [error]


class TestEventLoop:
    def test_the_default_handlers_record_is_the_only_one(self, capture: Capture) -> None:
        async def main() -> None:
            asyncio.get_running_loop().call_exception_handler({"message": "default", "exception": ValueError("x")})

        asyncio.run(main())
        (record,) = capture.records
        assert record.scope.name == "asyncio"

    def test_a_handler_of_the_applications_own_is_called_and_a_record_made(self, capture: Capture) -> None:
        seen: list[str] = []

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: seen.append(context["message"]))
            loop.call_exception_handler({"message": "lost task", "exception": ValueError("x")})

        asyncio.run(main())
        (record,) = capture.records
        assert (record.body, record.attributes["exception.type"]) == ("lost task", "ValueError")
        assert seen == ["lost task"]


class TestWarnings:
    def test_become_records_and_are_shown(self, capture: Capture, before: list[Any]) -> None:
        warnings.showwarning(UserWarning("old"), UserWarning, "shop.py", 7)
        (record,) = capture.records
        assert (record.severity_text, record.scope.name, record.body) == ("WARN", "py.warnings", "old")
        assert record.attributes == {
            "warning.category": "UserWarning",
            "code.file.path": "shop.py",
            "code.line.number": 7,
        }
        assert len(before) == 1

    def test_that_logging_captures_come_once(self, before: list[Any]) -> None:
        logging.captureWarnings(True)
        try:
            with capture_logs() as capture:
                hooks = UncaughtCapture(facade()).install()
                warnings.showwarning(UserWarning("old"), UserWarning, "shop.py", 7)
                hooks.uninstall()
            assert len(capture.records) == 1
        finally:
            logging.captureWarnings(False)


class TestUninstall:
    def test_puts_the_hooks_back_and_is_silent_under_others(self, before: list[Any]) -> None:
        theirs = sys.excepthook
        with capture_logs() as capture:
            hooks = UncaughtCapture(facade()).install()
            ours = sys.excepthook
            sys.excepthook = lambda *args: ours(*args)
            over = sys.excepthook
            hooks.uninstall()
            assert sys.excepthook is over
            error = raised(ValueError("x"))
            sys.excepthook(ValueError, error, None)
            assert capture.records == []
        assert before == [error]
        assert threading.excepthook is not ours
        sys.excepthook = theirs

    def test_is_what_shutdown_does(self, before: list[Any]) -> None:
        theirs = sys.excepthook
        with capture_logs(capture_uncaught=True):
            assert sys.excepthook is not theirs
        assert sys.excepthook is theirs
