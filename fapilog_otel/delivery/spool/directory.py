"""The directory's files: made for us alone, locked while their process lives, put aside when they are damaged.

::

    <uuid>.db  .db-wal  .db-shm     requests of one process, SQLite's
    <uuid>.new                      a database until it is whole
    <uuid>.lock                     held with flock for as long as the process lives
    <uuid>.failed                   a sync has failed: never written to again
    <uuid>.ballast                  removed when the disk is full, so that deletions still work
    <uuid>.db.corrupt-<n>           damaged, and put aside
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE: Final = ".db"
LOCK: Final = ".lock"
BALLAST: Final = ".ballast"
FAILED: Final = ".failed"
NEW: Final = ".new"
_PARTS: Final = (DATABASE, ".db-wal", ".db-shm", ".db-journal", BALLAST, FAILED, NEW, f"{NEW}-wal", f"{NEW}-shm")
_NAME: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CORRUPT: Final = re.compile(r"(.+)\.db\.corrupt-(\d+)(-wal)?")
_COPY: Final = 1 << 20
_OPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


class Directory:
    """One directory of spool files.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def ensure(self) -> bool:
        """Make it again where somebody has removed it.

        Returns:
            Whether it was missing.

        Raises:
            OSError: It cannot be made.
        """
        if self.path.is_dir():
            return False
        self.path.mkdir(0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        return True

    def file(self, stem: str, suffix: str = DATABASE) -> Path:
        """Give the path of a file."""
        return self.path / f"{stem}{suffix}"

    def sync(self) -> None:
        """Make names durable.

        Raises:
            OSError: They may not be.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def create(self, stem: str, suffix: str) -> int:
        """Make a file that nobody else may read; give its descriptor.

        Raises:
            OSError: It is there already, or cannot be made.
        """
        descriptor = os.open(self.file(stem, suffix), _OPEN | os.O_CREAT | os.O_EXCL, 0o600)
        os.fchmod(descriptor, 0o600)
        return descriptor

    @contextmanager
    def made_whole(self, stem: str) -> Iterator[Path]:
        """Have a database written in the block under another name, and give it its own once it is durable.

        Raises:
            OSError: It could not be made.
        """
        path = self.file(stem, NEW)
        descriptor = self.create(stem, NEW)
        os.close(descriptor)  # before SQLite opens it: closing would end SQLite's own locks
        yield path
        descriptor = os.open(path, _OPEN)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        path.rename(self.file(stem))
        self.sync()

    def lock(self, stem: str) -> int | None:
        """Take the lock of a file's process, made where it is missing.

        Returns:
            The descriptor that holds it; None: a process that lives has it, or has just removed it.

        Raises:
            OSError: It cannot be opened.
        """
        path = self.file(stem, LOCK)
        descriptor = os.open(path, _OPEN | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fchmod(descriptor, 0o600)
            mine, named = os.fstat(descriptor), path.lstat()
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.ENOENT):
                return None
            raise
        if (mine.st_dev, mine.st_ino) != (named.st_dev, named.st_ino):  # removed between the two steps
            os.close(descriptor)
            return None
        return descriptor

    def stems(self) -> list[str]:
        """Give the names of all files without ending, oldest first; empty where there is no directory."""
        try:
            names = [path.name for path in self.path.iterdir()]
        except OSError:
            return []
        stems = {name.partition(".")[0] for name in names if name.endswith((LOCK, *_PARTS))}
        return sorted(stem for stem in stems if _NAME.fullmatch(stem))

    def is_ours(self, stem: str) -> bool:
        """Tell whether a database is a plain file of this user's, and its log too where there is one."""
        return all(self._is_plain(self.file(stem, suffix)) is not False for suffix in _PARTS[:4]) and bool(
            self._is_plain(self.file(stem))
        )

    def _is_plain(self, path: Path) -> bool | None:
        try:
            found = path.lstat()
        except OSError:
            return None
        return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1

    def has(self, stem: str, suffix: str = DATABASE) -> bool:
        """Tell whether a file is there."""
        return self._is_plain(self.file(stem, suffix)) is not None

    def size(self, stem: str) -> int:
        """Give the bytes that a database takes, its log included."""
        total = 0
        for suffix in _PARTS[:2]:
            with suppress(OSError):
                total += self.file(stem, suffix).stat().st_size
        return total

    def remove(self, stem: str) -> None:
        """Remove a database with all that belongs to it, its lock last.

        Raises:
            OSError: Something stays.
        """
        self.file(stem).unlink(missing_ok=True)
        if self.has(stem, ".db-wal"):  # a log without its database is nothing, a database without its log a lie
            self.sync()
        for suffix in (*_PARTS, LOCK):
            self.file(stem, suffix).unlink(missing_ok=True)

    def copy(self, stem: str, to: str) -> None:
        """Copy a database with its log, durably.

        Raises:
            OSError: It could not be copied in full.
        """
        for suffix in (".db-wal", DATABASE):
            if not self.has(stem, suffix):
                continue
            descriptor = self.create(to, suffix)
            with os.fdopen(descriptor, "wb") as target, self.file(stem, suffix).open("rb") as source:
                shutil.copyfileobj(source, target, _COPY)
                target.flush()
                os.fsync(descriptor)
        self.sync()

    def room(self) -> tuple[int, int]:
        """Give the bytes that are free here for this user, and those of the whole file system.

        Raises:
            OSError: Nothing can be told.
        """
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize

    def put_aside(self, stem: str) -> str:
        """Rename a damaged database and its log, so that nobody opens it again.

        Returns:
            Its new name.

        Raises:
            OSError: It cannot be renamed.
        """
        number = 1
        while self.file(stem, f"{DATABASE}.corrupt-{number}").exists():
            number += 1
        name = f"{stem}{DATABASE}.corrupt-{number}"
        self.file(stem).rename(self.path / name)
        with suppress(FileNotFoundError):
            self.file(stem, ".db-wal").rename(self.path / f"{name}-wal")
        self.remove(stem)
        return name

    def quarantined(self) -> list[tuple[Path, int]]:
        """Give the damaged files that are put aside, each with its bytes, oldest first."""
        found: list[tuple[float, Path, int]] = []
        for path in self.path.iterdir():
            if _CORRUPT.fullmatch(path.name) and not path.name.endswith("-wal"):
                with suppress(OSError):
                    status = path.lstat()
                    found.append((status.st_mtime, path, status.st_size + _size(_log_of(path))))
        return [(path, size) for _, path, size in sorted(found)]

    def shrink_quarantine(self, files: int, size: int) -> int:
        """Delete the oldest damaged files until at most so many, and so many bytes, are left; give how many went."""
        kept = self.quarantined()
        gone = 0
        while kept and (len(kept) > files or sum(one for _, one in kept) > size):
            path, _ = kept.pop(0)
            path.unlink(missing_ok=True)
            _log_of(path).unlink(missing_ok=True)
            gone += 1
        return gone


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
