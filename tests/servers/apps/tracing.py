"""How the applications of the matrix are set up in their own code, as the environment asks."""

from __future__ import annotations

import os

from opentelemetry import trace

CONFIGURED = os.environ.get("SHOP_CONFIGURE") == "1"
TRACED = os.environ.get("SHOP_TRACES") == "1"


def prepare() -> None:
    """Configure the bridge and a tracer provider in code, where the environment asks for them."""
    if CONFIGURED:
        import fapilog_otel

        fapilog_otel.configure()
    if TRACED:
        from opentelemetry.sdk.trace import TracerProvider

        trace.set_tracer_provider(TracerProvider())


def span_id() -> str:
    """The active span's id in hex; empty where there is none."""
    context = trace.get_current_span().get_span_context()
    return f"{context.span_id:016x}" if context.is_valid else ""
