"""Trace context on records of ``logging``, for what handlers print of them; it is never exported as attributes.

As OpenTelemetry's own instrumentation does it, under its variables and names: a record factory over the one in place,
and ``basicConfig`` with a format that shows what it adds.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.sources.correlation import trace_values

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_FORMAT: Final = (
    "%(asctime)s %(levelname)s [%(name)s] [%(filename)s:%(lineno)d] [trace_id=%(otelTraceID)s span_id=%(otelSpanID)s "
    "resource.service.name=%(otelServiceName)s trace_sampled=%(otelTraceSampled)s] - %(message)s"
)
"""What ``OTEL_PYTHON_LOG_FORMAT`` is where it is not set."""


class Correlation:
    """Has records carry ``otelTraceID``, ``otelSpanID``, ``otelTraceSampled`` and ``otelServiceName`` while installed.

    Args:
        service_name: Gives ``service.name``; asked once, for the first record.
        text_format: What ``basicConfig`` is given; None: `DEFAULT_FORMAT`.
        level: The same; None: INFO.
    """

    def __init__(self, service_name: Callable[[], str], text_format: str | None, level: int | None) -> None:
        self._service_name = service_name
        self._name: str | None = None
        self._format = text_format or DEFAULT_FORMAT
        self._level = logging.INFO if level is None else level
        self._below: Any = None
        self._factory: Any = None
        self._root_level = logging.NOTSET
        self._configured: tuple[logging.Handler, ...] = ()

    @property
    def alone(self) -> bool:
        """Whether the factory under ours is logging's own."""
        return self._below is logging.LogRecord

    @property
    def factory(self) -> Callable[..., logging.LogRecord]:
        """What is installed as record factory."""
        made: Callable[..., logging.LogRecord] = self._factory
        return made

    def install(self) -> None:
        """Put the factory over the one in place, and configure the root logger if nobody has yet."""
        root = logging.getLogger()
        before, self._root_level = root.handlers[:], root.level
        logging.basicConfig(format=self._format, level=self._level)
        self._configured = tuple(handler for handler in root.handlers if handler not in before)
        below = self._below = logging.getLogRecordFactory()

        def correlated(*args: Any, **kwargs: Any) -> logging.LogRecord:
            return self._add_to(below(*args, **kwargs))

        self._factory = correlated
        logging.setLogRecordFactory(correlated)

    def uninstall(self) -> None:
        """Put back what was there before, where nobody has put something else in its place."""
        if logging.getLogRecordFactory() is self._factory:
            logging.setLogRecordFactory(self._below)
        else:
            self._add_to = _unchanged  # type: ignore[method-assign]
        root = logging.getLogger()
        for handler in self._configured:
            root.removeHandler(handler)
        if self._configured and root.level == self._level:
            root.setLevel(self._root_level)

    def _add_to(self, record: logging.LogRecord) -> logging.LogRecord:
        fields = record.__dict__
        fields["otelTraceID"], fields["otelSpanID"], fields["otelTraceSampled"] = trace_values()
        if self._name is None:
            self._name = self._service_name()
        fields["otelServiceName"] = self._name
        return record


def _unchanged(record: logging.LogRecord) -> logging.LogRecord:
    return record


def service_name_of(provider: object) -> str:
    """Give ``service.name`` of a provider's resource; empty without."""
    attributes = getattr(getattr(provider, "resource", None), "attributes", None)
    return str(attributes.get("service.name") or "") if attributes else ""
