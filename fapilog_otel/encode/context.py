"""The attributes bound to the running context, read by the emit path on the caller's thread."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BOUND: ContextVar[Mapping[str, object] | None] = ContextVar("fapilog_otel_bound_context", default=None)
_waiting_for_use: list[Callable[[], None]] = []
_state = {"used": False}


def on_first_use(tell: Callable[[], None]) -> None:
    """Have a function called before anything is bound for the first time; at once where that has happened.

    A variable that is not set is the dearest to look up, so whoever asks for every record asks only from then on.
    """
    if _state["used"]:
        tell()
    else:
        _waiting_for_use.append(tell)


def _note_use() -> None:
    _state["used"] = True
    while _waiting_for_use:
        _waiting_for_use.pop()()


@contextmanager
def bound_context(**attributes: object) -> Iterator[None]:
    """Add attributes to every log written in the block, on any source; nested blocks add to the outer ones.

    Args:
        **attributes: Attribute values; they follow ``contextvars`` into tasks and copied contexts.
    """
    if not _state["used"]:
        _note_use()
    outer = BOUND.get()
    token = BOUND.set({**outer, **attributes} if outer else dict(attributes))
    try:
        yield
    finally:
        BOUND.reset(token)
