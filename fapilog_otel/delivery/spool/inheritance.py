"""What a forked child does with the parent's open files: give up the locks, and never touch SQLite's connections."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fapilog_otel.delivery.spool.worker import Worker

_KEPT: Final[list[object]] = []


def disown(worker: Worker) -> set[int]:
    """Give up what belongs to the parent.

    A lock of flock's is shared by both processes: while the child has its descriptor, nobody can adopt the files of a
    parent that is gone. A connection closed here, be it by a finaliser at exit, would write to the parent's file.

    Args:
        worker: The parent's, which does not run in this process.

    Returns:
        Inodes of databases that SQLite takes for open in this process.
    """
    files = tuple(worker.keeper.files.owned.values())
    for lock in (*worker.keeper.files.locks(), worker.keeper.ballast.lock):
        if lock >= 0:
            with suppress(OSError):
                os.close(lock)
    for file in files:
        _keep_for_ever(file.database.connection)
    _KEPT.append(worker)
    return {file.inode for file in files}


def _keep_for_ever(target: object) -> None:
    _KEPT.append(target)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(target))
