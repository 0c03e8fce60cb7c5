"""Room kept for the day on which the disk is full: without it not even a deletion succeeds."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from fapilog_otel.delivery.spool.directory import BALLAST, LOCK

if TYPE_CHECKING:
    from fapilog_otel.delivery.spool.directory import Directory

_SHARE: Final = 16  # of a tiny file system
_BLOCK: Final = 4096


class Ballast:
    """A file of this process's that is removed when room is needed.

    Args:
        directory: Where it is.
        stem: Its name without ending; its lock says that the process lives.
        size: Bytes on a file system that is large enough.
    """

    def __init__(self, directory: Directory, stem: str, size: int) -> None:
        self.lock = -1
        self.held = False
        self._directory = directory
        self._stem = stem
        self._size = size

    def make(self) -> None:
        """Take up the room, really.

        Raises:
            OSError: There is none.
        """
        if self.held and self._directory.has(self._stem, BALLAST):
            return
        self.held = False
        if self.lock < 0 or not self._directory.has(self._stem, LOCK):
            self._renew_lock()
        free, whole = self._directory.room()
        size = max(min(self._size, whole // _SHARE // _BLOCK * _BLOCK), _BLOCK)
        if free < 2 * size:
            raise OSError(28, "no room for the ballast")
        descriptor = self._directory.create(self._stem, BALLAST)
        try:
            _fill(descriptor, size)
            os.fsync(descriptor)
        except BaseException:
            self.drop()
            raise
        finally:
            os.close(descriptor)
        self.held = True

    def _renew_lock(self) -> None:
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1
        lock = self._directory.lock(self._stem)
        if lock is None:
            raise OSError(11, "the ballast's lock is taken")
        self.lock = lock

    def drop(self) -> None:
        """Give the room back."""
        self.held = False
        with suppress(OSError):
            self._directory.file(self._stem, BALLAST).unlink(missing_ok=True)

    def end(self) -> None:
        """Leave nothing behind."""
        self.drop()
        if self.lock >= 0:
            with suppress(OSError):
                self._directory.file(self._stem, LOCK).unlink(missing_ok=True)
            os.close(self.lock)
            self.lock = -1


def _fill(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    block = os.urandom(_BLOCK)  # nothing that a file system could compress
    for _ in range(size // _BLOCK):
        os.write(descriptor, block)
