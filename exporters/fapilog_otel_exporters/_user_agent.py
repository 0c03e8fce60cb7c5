"""The name that the exporters give themselves."""

from __future__ import annotations

import functools
from importlib.metadata import PackageNotFoundError, version


@functools.cache
def user_agent() -> str:
    """Give the ``User-Agent`` of every request (OTLP exporter specification, "User Agent")."""
    try:
        return f"fapilog-otel/{version('fapilog-otel')}"
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "fapilog-otel/0"
