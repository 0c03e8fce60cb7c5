"""Access loggers: what they write belongs to the request that is being worked on, whatever span is active by then."""

from __future__ import annotations

import logging
from typing import Any, Final

from opentelemetry import context as otel_context

from fapilog_otel.integrations._requests import REQUEST

_TIED: Final = "fapilog_otel_tied"

_tied: set[str] = set()


def tie_access_loggers(names: tuple[str, ...]) -> None:
    """Have loggers write in the span of the running request; called at every request, it does something at the first.

    Not before: making a logger that the application does not have yet would have its ``dictConfig`` disable it. The
    logger's ``handle`` is covered on the instance: ``dictConfig`` does not take it away, and every way to log
    (``info``, ``log``, a record made elsewhere) comes through it.
    """
    for name in names:
        if name not in _tied:
            _tied.add(name)
            _tie(logging.getLogger(name))


def _tie(logger: logging.Logger) -> None:
    if getattr(logger.__dict__.get("handle"), _TIED, False):
        return

    def handle(record: Any) -> None:
        request = REQUEST.get()
        context = None if request is None else request.as_current()
        if context is None:
            type(logger).handle(logger, record)
            return
        token = otel_context.attach(context)
        try:
            type(logger).handle(logger, record)
        finally:
            otel_context.detach(token)

    setattr(handle, _TIED, True)
    logger.handle = handle  # type: ignore[method-assign]


def untie_access_loggers() -> None:
    """Give all loggers their own ``handle`` back."""
    while _tied:
        logger = logging.getLogger(_tied.pop())
        if getattr(logger.__dict__.get("handle"), _TIED, False):
            del logger.handle
