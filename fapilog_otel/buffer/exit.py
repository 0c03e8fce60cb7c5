"""One exit hook for the whole process: what is still open is shut down, together, within its own deadline.

Targets are held weakly. ``atexit`` runs while daemon threads still do, so the pipeline threads can deliver.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from typing import Protocol


class ShutsDown(Protocol):
    """What is shut down at exit."""

    def shutdown(self) -> object:
        """Deliver what is pending and stop, within the target's own deadline."""


_watched: weakref.WeakSet[ShutsDown] = weakref.WeakSet()
_state = {"registered": False}


def watch(target: ShutsDown) -> None:
    """Shut an object down when the process ends, if somebody else keeps it alive until then."""
    _watched.add(target)
    if not _state["registered"]:
        _state["registered"] = True
        atexit.register(_at_exit)


def unwatch(target: ShutsDown) -> None:
    """Leave an object alone at exit (it has been shut down)."""
    _watched.discard(target)


def _at_exit() -> None:
    targets = list(_watched)
    beside: list[threading.Thread] = []
    for target in targets[1:]:
        # Side by side where threads can still be had, so that deadlines do not add up.
        thread = threading.Thread(target=target.shutdown, daemon=True)
        try:
            thread.start()
            beside.append(thread)
        except RuntimeError:
            target.shutdown()
    for target in targets[:1]:
        target.shutdown()
    for thread in beside:
        thread.join()
