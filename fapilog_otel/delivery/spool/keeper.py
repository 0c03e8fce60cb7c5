"""Keeps the files in order: opens them, takes over what others left, and deals with a disk that fails.

A file whose sync failed is never written again; the next request goes to a new one. When there is no room either, the
ballast goes, nothing is stored, and once a second it is tried to make a ballast and a file again.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from fapilog_otel.delivery.spool.ballast import Ballast
from fapilog_otel.delivery.spool.database import BUSY, CORRUPT, meaning
from fapilog_otel.delivery.spool.directory import FAILED
from fapilog_otel.delivery.spool.files import Files
from fapilog_otel.delivery.spool.row import DISK_FULL, IO_ERROR, READ_ONLY, SPOOL_CORRUPT, Row
from fapilog_otel.delivery.spool.uuid7 import uuid7, uuid_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from fapilog_otel.delivery.spool.database import Head
    from fapilog_otel.delivery.spool.directory import Directory
    from fapilog_otel.delivery.spool.policy import SpoolPolicy
    from fapilog_otel.delivery.spool.row import SpoolHost
    from fapilog_otel.delivery.spool.spool_file import SpoolFile
    from fapilog_otel.telemetry.diagnostics import Diagnostics

_NO_ROOM: Final = 64 << 10  # bytes below which an I/O error is a full disk

_OS_MEANINGS: Final = {
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
    errno.EROFS: READ_ONLY,
    errno.EACCES: READ_ONLY,
    errno.EPERM: READ_ONLY,
}


class Keeper:
    """The files of one process, and whether they can be written; belongs to the spool's thread.

    Args:
        directory: Where the files are.
        policy: Sizes and intervals.
        destinations: Names that are configured.
        host: Who is told.
        diagnostics: Where the operator is told.
    """

    def __init__(
        self,
        directory: Directory,
        policy: SpoolPolicy,
        destinations: Collection[str],
        host: SpoolHost,
        diagnostics: Diagnostics,
    ) -> None:
        self.directory = directory
        self.policy = policy
        self.diagnostics = diagnostics
        self.files = Files(directory, policy, diagnostics)
        self.ballast = Ballast(directory, uuid_text(uuid7()), policy.ballast)
        self.degraded: str | None = None
        self.next_probe = 0.0
        self.doomed_at = 0.0
        """When the oldest waiting deletion came, monotonic s; 0: none waits."""
        self.outbox: list[Callable[[], object]] = []
        """What is to be said once no fork has to wait for it."""
        self._destinations = frozenset(destinations)
        self._host = host
        self._adrift: set[Row] = set()  # taken from a file that was found damaged since

    def begin(self) -> None:
        """Start: a file of a dead process that has room, or a new one."""
        try:
            self.directory.ensure()
        except OSError as error:
            self.degrade(self.why(error), str(error))
            return
        self.files.look_around()
        while self.files.more_to_adopt and self.files.active is None:
            if self.adopt():
                break
        self.open()

    def open(self) -> bool:
        """Make ballast and a file; tell whether there are both now."""
        try:
            if self.directory.ensure():
                self.diagnostics.report("spool.removed", "the spool's directory was removed, and is made again")
            self.ballast.make()
            if self.files.active is None or self.files.active.failed:
                self.files.active = self.files.make()
        except (OSError, sqlite3.Error) as error:
            self.degrade(self.why(error), str(error))
        else:
            return True
        return False

    def tidy(self) -> None:
        """Delete files that are drained, and write back the logs of those that are not added to any more."""
        for file in tuple(self.files.owned.values()):
            if file.drained and self.goes_when_drained(file):
                self.files.discard(file)
            elif file is not self.files.active and file.logged:
                self._write_back(file)
        if self.files.active is None and self.degraded is None:
            self.open()
        self.doomed_at = time.monotonic() if any(file.doomed for file in self.files.owned.values()) else 0.0

    def _write_back(self, file: SpoolFile) -> None:
        try:
            file.write_back()
        except sqlite3.Error as error:
            self.broken(file, error)

    def goes_when_drained(self, file: SpoolFile) -> bool:
        """Tell whether a file is deleted, and not emptied, once nothing of it is wanted any more."""
        return (
            file is not self.files.active
            or file.failed
            or file.size > self.policy.idle_bytes
            or self.degraded == DISK_FULL
        )

    def close(self) -> None:
        """Close every file and give up its lock; what is empty is deleted."""
        for file in tuple(self.files.owned.values()):
            if file.drained:
                self.files.discard(file)
            if file.stem not in self.files.owned:
                continue
            self.files.forget(file)
            try:
                file.close()
            except (sqlite3.Error, OSError) as error:
                self.diagnostics.report("spool.close", "a file of the spool did not close", cause=str(error))
        self.ballast.end()
        with suppress(OSError):
            self.directory.sync()

    def doom(self, row: Row) -> None:
        """Have a taken request deleted with the next commit."""
        self._adrift.discard(row)
        file = self.files.owned.get(row.file)
        if file is None or row.id not in file.taken:
            return
        if file.failed:
            file.bury((row,))
        else:
            file.doomed[row.id] = row
        self.doomed_at = self.doomed_at or time.monotonic()

    def give_back(self, row: Row) -> None:
        """Let a taken request be taken again."""
        file = self.files.owned.get(row.file)
        if file is not None and row.id not in file.doomed and file.taken.pop(row.id, None) is not None:
            self.outbox.append(partial(self._host.available, row.destination))
        elif row in self._adrift:
            self._adrift.discard(row)
            self.lose(row.destination, row.lanes, SPOOL_CORRUPT)

    def adopt(self) -> bool:
        """Try one file that is not ours; tell whether it is now."""
        file = self.files.adopt_next()
        if file is None:
            return False
        for destination, total in file.totals.items():
            if destination in self._destinations:
                self.outbox.append(partial(self._host.adopted, destination, dict(total.lanes), total.rows))
                self.outbox.append(partial(self._host.available, destination))
            else:
                self.diagnostics.report(
                    f"spool.unknown.{destination}",
                    "the spool holds requests for a destination that is not configured; they stay",
                    destination=destination,
                    requests=total.rows,
                )
        return True

    def drop_damaged(self, file: SpoolFile, head: Head) -> None:
        """Give up a request whose checksum differs, counted."""
        self.diagnostics.report(
            "spool.corrupt_row", "a stored request was damaged and is dropped", level="error", file=file.stem
        )
        self.lose(head.destination, head.lanes, SPOOL_CORRUPT)
        row = Row(file.stem, head.id, head.destination, head.lanes, head.size, head.created, b"")
        file.taken[row.id] = row
        self.doom(row)

    def lose(self, destination: str, lanes: Mapping[int, int], reason: str) -> None:
        """Say that a stored request will not be delivered."""
        if destination in self._destinations:
            self.outbox.append(partial(self._host.lost, destination, lanes, reason))
        else:
            self.diagnostics.report(
                "spool.lost", "requests for a destination that is not configured were given up", reason=reason
            )

    def why(self, error: sqlite3.Error | OSError) -> str:
        """Give the short word for what an error means here and now."""
        if isinstance(error, OSError):
            return _OS_MEANINGS.get(error.errno or 0, IO_ERROR)
        word = meaning(error)
        if word not in (IO_ERROR, READ_ONLY):
            return word
        try:
            free, _ = self.directory.room()
        except OSError:
            return word
        return DISK_FULL if free < _NO_ROOM else word

    def broken(self, file: SpoolFile, error: sqlite3.Error | OSError) -> None:
        """Deal with a file whose transaction has failed."""
        word = self.why(error)
        file.rollback()
        if word == CORRUPT:
            self.put_aside(file, str(error))
            return
        if word != BUSY and not (isinstance(error, sqlite3.Error) and meaning(error) == DISK_FULL):
            self._freeze(file, str(error))  # what of it is on disk is not known, even if the disk is full
        if word == DISK_FULL:
            self.degrade(word, str(error))

    def _freeze(self, file: SpoolFile, cause: str) -> None:
        text = "a file of the spool could not be written, and is never written again"
        self.diagnostics.report("spool.failed", text, level="error", file=file.stem, cause=cause)
        if self.files.active is file:
            self.files.active = None
        file.freeze()
        try:
            os.close(self.directory.create(file.stem, FAILED))
        except OSError:
            return

    def unreadable(self, file: SpoolFile, error: sqlite3.Error) -> None:
        """Deal with a file that cannot be read."""
        if meaning(error) != BUSY:
            self.put_aside(file, str(error))

    def put_aside(self, file: SpoolFile, cause: str) -> None:
        """Give up a damaged file, all that it held counted."""
        self.files.forget(file)
        self._adrift.update(row for row in file.taken.values() if row.id not in file.doomed)
        for destination, lanes in file.waiting().items():
            self.lose(destination, lanes, SPOOL_CORRUPT)
        with suppress(sqlite3.Error):
            file.database.freeze()
        self.files.put_aside(file.stem, cause)
        with suppress(sqlite3.Error):
            file.close()

    def degrade(self, reason: str, cause: str) -> None:
        """Store nothing until `probe` succeeds."""
        if reason == DISK_FULL:
            self.ballast.drop()
            for file in self.files.owned.values():
                with suppress(sqlite3.Error):
                    file.write_back()
        if self.degraded is None:
            self.diagnostics.report(
                "spool.degraded", "the spool cannot be written", level="error", reason=reason, cause=cause
            )
            self.outbox.append(partial(self._host.degraded, reason))
            self.next_probe = time.monotonic() + self.policy.probe_interval
        self.degraded = reason

    def probe(self) -> None:
        """Try whether requests can be stored again."""
        self.next_probe = time.monotonic() + self.policy.probe_interval
        if self.open():
            self.degraded = None
            self.diagnostics.report("spool.healed", "the spool can be written again", level="info")
            self.outbox.append(self._host.healed)
