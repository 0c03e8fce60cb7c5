"""What nobody logged: uncaught exceptions and warnings become records, and go on to the hooks that were there."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.model.anyvalue import object_text
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel.telemetry.origin import is_internal

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.provider.logger import Logger
    from fapilog_otel.provider.provider import LoggerProvider

SCOPE: Final = "python.uncaught"
WARNINGS_SCOPE: Final = "py.warnings"  # as logging.captureWarnings has it

_LOOP: Final = asyncio.BaseEventLoop


class UncaughtCapture:
    """Hooks that are installed until `uninstall`.

    Args:
        provider: Where the records go.
    """

    def __init__(self, provider: LoggerProvider) -> None:
        self._logger: Logger | None = provider.make_logger(SCOPE, own=True)
        self._warnings: Logger | None = provider.make_logger(WARNINGS_SCOPE, own=True)
        self._told = threading.local()
        self._covered: list[tuple[Any, str, Any, Any]] = []

    def install(self) -> UncaughtCapture:
        """Cover the interpreter's hooks."""
        self._cover(sys, "excepthook", self._over_excepthook)
        self._cover(threading, "excepthook", self._over_thread_hook)
        self._cover(sys, "unraisablehook", self._over_unraisable_hook)
        self._cover(warnings, "showwarning", self._over_showwarning)
        self._cover(_LOOP, "default_exception_handler", self._over_default_handler)
        self._cover(_LOOP, "call_exception_handler", self._over_loop_handler)
        return self

    def uninstall(self) -> None:
        """Put back what was there, unless somebody has covered ours, which then only passes on."""
        while self._covered:
            owner, name, before, over = self._covered.pop()
            if getattr(owner, name) is over:
                setattr(owner, name, before)
        self._logger = self._warnings = None

    def _cover(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        before = getattr(owner, name)
        over = make(before)
        setattr(owner, name, over)
        self._covered.append((owner, name, before, over))

    def _tell(self, level: str, message: str, error: object, **attributes: Any) -> None:
        """Write a record; a hook that raises would hide the error that it is about."""
        logger = self._logger
        if logger is None or is_internal():
            return
        try:
            logger.log(level, message, exc_info=error, **attributes)
        except Exception as failure:  # noqa: BLE001 - the hooks that were there must still learn of the error
            get_diagnostics().report("uncaught", "an uncaught exception was not recorded", cause=repr(failure))

    def _over_excepthook(self, before: Any) -> Any:
        def excepthook(kind: type[BaseException], error: BaseException, trace: Any) -> None:
            if not isinstance(error, KeyboardInterrupt):
                self._tell("CRITICAL", "uncaught exception", (kind, error, trace))
            before(kind, error, trace)

        return excepthook

    def _over_thread_hook(self, before: Any) -> Any:
        def thread_excepthook(args: Any) -> None:
            if args.exc_type is not SystemExit:
                name = getattr(args.thread, "name", "")
                info = (args.exc_type, args.exc_value, args.exc_traceback)
                self._tell("ERROR", "uncaught exception in a thread", info, **{"thread.name": name})
            before(args)

        return thread_excepthook

    def _over_unraisable_hook(self, before: Any) -> Any:
        def unraisablehook(args: Any) -> None:
            message = args.err_msg or "exception ignored"
            info = (args.exc_type, args.exc_value, args.exc_traceback)
            self._tell("ERROR", message, info, **{"python.object": object_text(args.object)})
            before(args)

        return unraisablehook

    def _over_showwarning(self, before: Any) -> Any:
        def showwarning(
            message: Any, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
        ) -> None:
            logger = self._warnings
            # logging.captureWarnings(True) was called before: it makes a log record of it anyway.
            if logger is not None and file is None and before is not getattr(logging, "_showwarning", None):
                try:
                    kind = {"warning.category": category.__name__}
                    logger.warning(str(message), **kind, **{"code.file.path": filename, "code.line.number": lineno})
                except Exception as failure:  # noqa: BLE001 - the warning must still be shown
                    get_diagnostics().report("uncaught", "a warning was not recorded", cause=repr(failure))
            before(message, category, filename, lineno, file, line)

        return showwarning

    def _over_default_handler(self, before: Any) -> Any:
        told = self._told

        def default_exception_handler(loop: Any, context: dict[str, Any]) -> None:
            told.by_default = True  # through logging, where the record is captured like any other
            before(loop, context)

        return default_exception_handler

    def _over_loop_handler(self, before: Any) -> Any:
        told = self._told

        def call_exception_handler(loop: Any, context: dict[str, Any]) -> None:
            told.by_default = False
            before(loop, context)
            if not told.by_default:  # a handler of the application's own, which need not log
                error = context.get("exception")
                self._tell("ERROR", str(context.get("message") or "unhandled exception in an event loop"), error)

        return call_exception_handler
