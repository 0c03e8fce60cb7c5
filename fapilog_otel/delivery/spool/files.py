"""The files that a process owns: where a request goes, what gives way for it, what dead processes have left.

::

    target      the file that is added to ─► one with room inside ─► a new one, within the bound ─► none: evict
    adoption    lock obtained ─► no database: swept away
                              ─► damaged: put aside    ─► newer: left alone    ─► ours, drained where it is
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from fapilog_otel.delivery.spool.database import CORRUPT, Database, NewerFileError, meaning
from fapilog_otel.delivery.spool.directory import FAILED
from fapilog_otel.delivery.spool.policy import PAGE
from fapilog_otel.delivery.spool.row import IO_ERROR
from fapilog_otel.delivery.spool.spool_file import SpoolFile
from fapilog_otel.delivery.spool.uuid7 import uuid7, uuid_text

if TYPE_CHECKING:
    from fapilog_otel.delivery.spool.directory import Directory
    from fapilog_otel.delivery.spool.policy import SpoolPolicy
    from fapilog_otel.telemetry.diagnostics import Diagnostics

MOST_FILES: Final = 64
"""Files that one process opens; what is beyond waits for one of them to be drained."""

_EMPTY: Final = 8 * PAGE  # a file without requests
_ROW: Final = 2 * PAGE  # what a request needs besides its payload, at most


def needed(size: int) -> int:
    """Give the bytes of pages that a request of so many bytes takes."""
    return (size // (PAGE - 4) + 1) * PAGE + _ROW


class Files:
    """All databases of one process; belongs to the spool's thread.

    Args:
        directory: Where they are.
        policy: What they obey.
        diagnostics: Where what is found is said.
    """

    def __init__(self, directory: Directory, policy: SpoolPolicy, diagnostics: Diagnostics) -> None:
        self.directory = directory
        self.policy = policy
        self.owned: dict[str, SpoolFile] = {}
        self.active: SpoolFile | None = None
        self._diagnostics = diagnostics
        self._foreign: set[int] = set()  # inodes that were open when this process was forked off
        self._left_alone: set[str] = set()
        self._orphans: list[str] = []

    # -- where a request goes ------------------------------------------------------------------------------------------

    def used(self) -> int:
        """Give the bytes of all databases."""
        return sum(file.size for file in self.owned.values())

    def target(self, size: int) -> SpoolFile | None:
        """Give the file that a request of ``size`` bytes goes into; None: something must give way first.

        Raises:
            OSError: A new file cannot be made.
            sqlite3.Error: Likewise.
        """
        need = needed(size)
        room = self.policy.capacity - self.used()
        active = self.active
        if active is not None and not active.failed:
            if active.free >= need:
                return active
            if need <= room and (active.size + need <= self.policy.segment or not active.rows):
                return active
        spacious = max((file for file in self.owned.values()), key=lambda file: file.free, default=None)
        tight = need + _EMPTY > room
        if spacious is not None and spacious.free >= need and (tight or 2 * spacious.free >= spacious.size):
            self.active = spacious
        elif tight:
            return None
        else:
            self.active = self.make()
        return self.active

    def make(self) -> SpoolFile:
        """Give a new file.

        Raises:
            OSError: It cannot be made.
            sqlite3.Error: Likewise.
        """
        stem = uuid_text(uuid7())
        lock = self.directory.lock(stem)
        if lock is None:
            raise OSError(11, "a new lock is taken")
        try:
            with self.directory.made_whole(stem) as unfinished:
                Database.lay_out(unfinished)
            database = Database.begin_with(self.directory.file(stem), self.policy.log_pages)
            try:
                made = SpoolFile(self.directory, stem, lock, database)
            except BaseException:
                database.close()
                raise
        except BaseException:
            with suppress(OSError):
                self.directory.remove(stem)
            os.close(lock)
            raise
        self.owned[stem] = made
        return made

    # -- what others have left -----------------------------------------------------------------------------------------

    def look_around(self) -> None:
        """Note the files in the directory that are not ours; `adopt_next` then tries them one by one."""
        self._orphans = [stem for stem in self.directory.stems() if stem not in self.owned]

    @property
    def more_to_adopt(self) -> bool:
        """Whether `adopt_next` has something to try."""
        return bool(self._orphans)

    def adopt_next(self) -> SpoolFile | None:
        """Try one file; give it where its process is gone and it holds something."""
        stem = self._orphans.pop(0)
        if stem in self.owned or stem in self._left_alone:
            return None
        size = self.directory.size(stem)
        holding = any(file.rows for file in self.owned.values())
        if len(self.owned) >= MOST_FILES or (holding and self.used() + size > self.policy.max_bytes):
            return None
        try:
            lock = self.directory.lock(stem)
        except OSError as error:
            self._say("adopt", "a file in the spool cannot be locked", file=stem, cause=str(error))
            return None
        if lock is None:
            return None
        adopted: SpoolFile | None = None
        try:
            adopted = self._adopt(stem, lock)
        except OSError as error:
            self._say("adopt", "a file in the spool cannot be taken over yet", file=stem, cause=str(error))
        finally:
            if adopted is None or adopted.lock != lock:
                os.close(lock)
        return adopted

    def _adopt(self, stem: str, lock: int) -> SpoolFile | None:
        if not self.directory.has(stem):
            self.directory.remove(stem)
            return None
        if not self.directory.is_ours(stem):
            self._left_alone.add(stem)
            self._say("foreign", "a file in the spool is a link or another user's, and is left alone", file=stem)
            return None
        if self.directory.file(stem).stat().st_ino in self._foreign:
            return self._adopt_copy(stem)
        try:
            file = self._opened(stem, lock)
        except NewerFileError as newer:
            self._left_alone.add(stem)
            self._say(
                "newer", "a later version wrote a file in the spool, which is left alone", file=stem, version=str(newer)
            )
            return None
        except sqlite3.Error as error:
            if meaning(error) == CORRUPT:
                self.put_aside(stem, str(error))
            else:
                self._say("adopt", "a file in the spool cannot be taken over yet", file=stem, cause=str(error))
            return None
        if file.drained:
            file.database.close()
            self.directory.remove(stem)
            return None
        self.owned[stem] = file
        if self.active is None and not file.failed and 2 * file.size <= self.policy.segment:
            self.active = file  # so that a process that dies again and again leaves one file, not many
        return file

    def _adopt_copy(self, stem: str) -> SpoolFile | None:
        """Take over what this process was forked with, in another file: SQLite here still thinks that one open."""
        copy = uuid_text(uuid7())
        lock = self.directory.lock(copy)
        if lock is None:
            return None
        adopted: SpoolFile | None = None
        try:
            self.directory.copy(stem, copy)
            self.directory.remove(stem)
            adopted = self._adopt(copy, lock)
        except OSError:
            if self.directory.has(stem):
                self.directory.remove(copy)
            raise
        finally:
            if adopted is None:
                os.close(lock)
        return adopted

    def _opened(self, stem: str, lock: int) -> SpoolFile:
        failed = self.directory.has(stem, FAILED)
        database = Database.open(self.directory.file(stem), self.policy.log_pages, frozen=failed)
        try:
            file = SpoolFile(self.directory, stem, lock, database)
            file.count()
            if not failed and not file.drained:
                self._count_takeover(file)
        except BaseException:
            database.close()
            raise
        return file

    def _count_takeover(self, file: SpoolFile) -> None:
        try:
            file.database.count_takeover()
        except sqlite3.Error as error:
            word = meaning(error)
            if word == CORRUPT:
                raise
            if word == IO_ERROR:
                file.freeze()
            file.rollback()  # a full disk: that it was taken over is the least of what matters

    # -- the end of a file ---------------------------------------------------------------------------------------------

    def put_aside(self, stem: str, cause: str) -> None:
        """Rename a damaged file, and keep what is put aside within its bounds."""
        try:
            name = self.directory.put_aside(stem)
            self.directory.shrink_quarantine(self.policy.quarantine_files, self.policy.quarantine_bytes)
        except OSError as error:
            self._left_alone.add(stem)
            self._say("corrupt", "a file in the spool is damaged and cannot be put aside", file=stem, cause=str(error))
        else:
            self._say(
                "corrupt", "a file in the spool was damaged and is put aside", level="error", file=name, cause=cause
            )

    def forget(self, file: SpoolFile) -> None:
        """Own a file no longer."""
        self.owned.pop(file.stem, None)
        if self.active is file:
            self.active = None

    def discard(self, file: SpoolFile) -> None:
        """Delete a file that is drained; what cannot be deleted stays ours, so that nobody delivers it once more."""
        if self.active is file:
            self.active = None
        try:
            file.discard()
        except OSError as error:
            self._say("delete", "a drained file of the spool cannot be deleted", file=file.stem, cause=str(error))
        else:
            self.forget(file)

    def locks(self) -> list[int]:
        """Give the descriptors that hold locks."""
        return [file.lock for file in tuple(self.owned.values())]

    def disinherit(self, foreign: set[int]) -> None:
        """Note inodes that SQLite in this process still takes for open, because it was forked while they were."""
        self._foreign = foreign

    def _say(self, kind: str, event: str, *, level: str = "warning", **facts: str) -> None:
        self._diagnostics.report(f"spool.{kind}", event, level=level, **facts)
