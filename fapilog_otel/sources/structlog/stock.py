"""OpenTelemetry's own ``StructlogProcessor`` in a chain: nothing arrives twice, and one line says so.

As with its ``LoggingHandler``: the processor stays, and its provider gets every event. Where that provider delivers to
us, what it emits is the event that the source captures, and is left out on its way in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.sources.stdlib.stock import say_beside
from fapilog_otel.telemetry.origin import exporting

if TYPE_CHECKING:
    from collections.abc import Callable

_CLASS: Final = "StructlogProcessor"


def beside_ours(processor: Any) -> Callable[[Any, str, Any], Any]:
    """Give what is to be called in place of a processor: itself, unless it exports to OpenTelemetry."""
    if not _is_stock(type(processor)):
        called: Callable[[Any, str, Any], Any] = processor
        return called
    provider = getattr(processor, "_logger_provider", None)
    say_beside("structlog.stock_processor", "StructlogProcessor is in the chain", "events", provider)

    def marked(logger: Any, method: str, event_dict: Any) -> Any:
        with exporting():
            return processor(logger, method, event_dict)

    return marked


def _is_stock(kind: type) -> bool:
    return any(base.__name__ == _CLASS and base.__module__.startswith("opentelemetry.") for base in kind.__mro__)
