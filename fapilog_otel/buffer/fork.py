"""One set of fork hooks for the whole process, holding its engines weakly."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

from fapilog_otel.buffer import native_threads


class ForkAware(Protocol):
    """What is told of forks."""

    def before_fork(self) -> None:
        """In the parent, before."""

    def after_fork_in_parent(self) -> None:
        """In the parent, after."""

    def after_fork_in_child(self) -> None:
        """In the child."""


_watched: weakref.WeakSet[ForkAware] = weakref.WeakSet()
_state = {"registered": False}
_owner = {"pid": os.getpid()}
# Two threads that fork at once: the first one's reopening must not come before the second one's fork.
_one_fork = {"lock": threading.RLock()}


def watch(target: ForkAware) -> None:
    """Tell an object of every later fork for as long as somebody else keeps it alive."""
    _watched.add(target)
    if not _state["registered"] and hasattr(os, "register_at_fork"):
        _state["registered"] = True
        _owner["pid"] = os.getpid()  # perhaps a child of the process that imported this
        os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)


def unwatch(target: ForkAware) -> None:
    """Tell an object of forks no longer (it has been shut down)."""
    _watched.discard(target)


def _before() -> None:
    _one_fork["lock"].acquire()
    _tell("before_fork")


def _after_in_parent() -> None:
    try:
        _tell("after_fork_in_parent")
    finally:
        _one_fork["lock"].release()


def _after_in_child() -> None:
    _one_fork["lock"] = threading.RLock()
    native_threads.forget()
    try:
        _tell("after_fork_in_child")
    finally:
        _owner["pid"] = os.getpid()


def _tell(what: str) -> None:
    """Tell every target, also where one fails or a signal handler raises meanwhile."""
    failure: BaseException | None = None
    for target in tuple(_watched):
        try:
            getattr(target, what)()
        except BaseException as error:  # noqa: BLE001 - raised again, once all have been told
            failure = error
    if failure is not None:
        raise failure


def is_inherited() -> bool:
    """Tell whether what is watched is still the parent's: this is a child that has not got as far as its hooks."""
    return _owner["pid"] != os.getpid()


def in_child_unannounced() -> None:
    """Do in a child what the hooks do, where something forked without running them."""
    _after_in_child()
