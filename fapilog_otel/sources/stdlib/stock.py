"""OpenTelemetry's own ``LoggingHandler`` beside the stdlib source: nothing arrives twice, and one line says so.

The handler stays and its provider gets every record. Where that provider delivers to us, by being ours or by having our
pipeline attached, what the handler emits is the record that the source has captured already, and is left out on its
way in. Where it delivers elsewhere, both go on, and a warning names the two ways.
"""

from __future__ import annotations

import functools
import logging
import sys
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.compat.api import current_logger_provider
from fapilog_otel.sources.stdlib.patch import Patch, as_part_of_logging
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel.telemetry.origin import exporting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CLASS: Final = "LoggingHandler"
_MODULES: Final = ("opentelemetry.sdk._logs", "opentelemetry.instrumentation.logging.handler")


class StockHandlers:
    """Watches for stock handlers while it is installed, those that come later too."""

    def __init__(self) -> None:
        self._classes: dict[type, Patch] = {}
        self._add_handler: Patch | None = None

    def install(self) -> None:
        """Find the stock handlers that there are, and have new ones found."""
        for name in _MODULES:  # where they are loaded: a listener's handlers are on no logger
            kind = getattr(sys.modules.get(name), _CLASS, None)
            if isinstance(kind, type):
                self._cover(kind)
        for handler in _handlers():
            self.look_at(handler)
        original = logging.Logger.addHandler

        @functools.wraps(original)
        def addHandler(logger: logging.Logger, hdlr: Any) -> None:  # noqa: N802 - the name of what it stands for
            self.look_at(hdlr)
            original(logger, hdlr)

        self._add_handler = Patch(logging.Logger, "addHandler", as_part_of_logging(addHandler))

    def uninstall(self) -> None:
        """Leave them alone."""
        if self._add_handler is not None:
            self._add_handler.undo()
        while self._classes:
            self._classes.popitem()[1].undo()

    def look_at(self, handler: object) -> None:
        """Cover the class of a handler if it is a stock one, and say what becomes of its records."""
        kind = _stock_class(type(handler))
        if kind is not None:
            self._cover(kind)
            provider = getattr(handler, "_logger_provider", None)
            say_beside("stdlib.stock_handler", "LoggingHandler is installed", "records", provider)

    def _cover(self, kind: type) -> None:
        if kind not in self._classes and "emit" in vars(kind):
            self._classes[kind] = Patch(kind, "emit", _over_emit(vars(kind)["emit"]))


def _over_emit(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def emit(handler: Any, record: logging.LogRecord) -> Any:
        with exporting():
            return original(handler, record)

    return emit


def _stock_class(kind: type) -> type | None:
    for base in kind.__mro__:
        if base.__name__ == _CLASS and base.__module__.partition(".")[0] == "opentelemetry":
            return base
    return None


def _handlers() -> Iterator[logging.Handler]:
    manager = logging.Logger.manager
    for logger in (manager.root, *list(manager.loggerDict.values())):
        yield from getattr(logger, "handlers", ())


def say_beside(kind: str, thing: str, what: str, provider: Any) -> None:
    """Say once what becomes of what a part of OpenTelemetry's own exports beside a source of ours.

    Args:
        kind: Of the line, for `Diagnostics.report`.
        thing: Its name and where it is: ``"LoggingHandler is installed"``.
        what: ``"records"`` or ``"events"``.
        provider: Where it exports to.
    """
    if delivers_to_us(provider):
        text = f"OpenTelemetry's {thing} too; what it passes on to us is left out"
        get_diagnostics().report(kind, text, level="info")
    else:
        get_diagnostics().report(
            kind,
            f"OpenTelemetry's {thing} too and exports the same {what} to another provider; both go on",
            provider=type(provider).__name__,
            remedy="remove it if both lead to the same backend",
        )


def delivers_to_us(provider: Any) -> bool:
    """Tell whether what a provider gets comes to our pipeline."""
    from fapilog_otel.provider.provider import LoggerProvider  # noqa: PLC0415 - loaded already where there is one

    if type(provider).__name__ == "ProxyLoggerProvider":  # the API's, which leads to whatever is global
        provider = current_logger_provider()
    if isinstance(provider, LoggerProvider):
        return True
    processors = getattr(getattr(provider, "_multi_log_record_processor", None), "_log_record_processors", ())
    return any(type(one).__module__.startswith("fapilog_otel.") for one in processors)
