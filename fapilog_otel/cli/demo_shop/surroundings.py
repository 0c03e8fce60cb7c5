"""What the demo runs in: for its time no foreign setting reaches it, and nothing but its own output is printed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SETTINGS: Final = ("OTEL_", "FAPILOG_OTEL_")
_LOOPBACK: Final = "127.0.0.1"
_NATIVE: Final = "FAPILOG_OTEL_NATIVE"  # chooses the encoder when it is imported, and is no setting


@contextmanager
def plain_environment(*, keep_settings: bool) -> Iterator[None]:
    """Keep proxies from loopback and, unless told otherwise, every ``OTEL_*`` and ``FAPILOG_OTEL_*`` variable away.

    Args:
        keep_settings: Whether those variables stay: a real collector may need the credentials in them.
    """
    before = dict(os.environ)
    if not keep_settings:
        for name in before:
            if name.startswith(_SETTINGS) and name != _NATIVE:
                del os.environ[name]
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), _LOOPBACK)))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def quiet_logging(*names: str) -> Iterator[None]:
    """Keep what these loggers write from the terminal; what is captured from them stays as it is."""
    loggers = [logging.getLogger(name) for name in names]
    silent = logging.NullHandler()
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(silent)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(silent)
            logger.propagate = propagate
