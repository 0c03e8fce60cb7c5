"""The attributes bound to the running context, read by the emit path on the caller's thread."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BOUND: ContextVar[Mapping[str, object] | None] = ContextVar("fapilog_otel_bound_context", default=None)


@contextmanager
def bound_context(**attributes: object) -> Iterator[None]:
    """Add attributes to every log written in the block, on any source; nested blocks add to the outer ones.

    Args:
        **attributes: Attribute values; they follow ``contextvars`` into tasks and copied contexts.
    """
    outer = BOUND.get()
    token = BOUND.set({**outer, **attributes} if outer else dict(attributes))
    try:
        yield
    finally:
        BOUND.reset(token)
