"""A file that this process owns: its lock, its database, and what of it is taken, going or gone."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from fapilog_otel.delivery.spool.policy import PAGE
from fapilog_otel.delivery.spool.row import Row, pack_lanes
from fapilog_otel.delivery.spool.uuid7 import uuid7

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fapilog_otel.delivery.spool.database import Database, Head
    from fapilog_otel.delivery.spool.directory import Directory

_STEP = 64  # rows looked at in one go


class Total:
    """What a file holds for one destination."""

    __slots__ = ("lanes", "rows", "size")

    def __init__(self) -> None:
        self.rows = 0
        self.size = 0
        self.lanes: Counter[int] = Counter()

    def change(self, head: Head | Row, sign: int) -> None:
        """Add or take away one request."""
        self.rows += sign
        self.size += sign * head.size
        for severity, number in head.lanes.items():
            self.lanes[severity] += sign * number


class SpoolFile:
    """One database under one lock; of its requests only those that are taken are objects.

    Args:
        directory: Where it is.
        stem: Its name without ending.
        lock: The descriptor that holds its lock.
        database: It, open.
    """

    def __init__(self, directory: Directory, stem: str, lock: int, database: Database) -> None:
        self.directory = directory
        self.stem = stem
        self.lock = lock
        self.database = database
        self.failed = database.frozen
        self.totals: dict[str, Total] = {}
        self.severities: Counter[int] = Counter()
        self.taken: dict[int, Row] = {}
        self.doomed: dict[int, Row] = {}  # to be deleted with the next commit
        self.buried: set[int] = set()  # deleted, where the file cannot be told
        self.inode = directory.file(stem).stat().st_ino
        self.logged = not self.failed
        """Whether its write-ahead log may hold something."""
        self._first: dict[object, int] = {}  # no request of a destination, a severity is before this
        self._changes: list[tuple[Row | Head, int]] = []
        self._pages = (0, 0)
        self._dirty = True

    def count(self) -> None:
        """Count what another process has left."""
        for head in self.database.heads():
            self._change(head, 1)

    def _change(self, head: Head | Row, sign: int) -> None:
        total = self.totals.get(head.destination)
        if total is None:
            total = self.totals[head.destination] = Total()
        total.change(head, sign)
        self.severities[head.severity] += sign
        if not total.rows:
            del self.totals[head.destination]

    @property
    def rows(self) -> int:
        """Requests in it, taken ones included."""
        return sum(total.rows for total in self.totals.values())

    def waiting(self) -> dict[str, dict[int, int]]:
        """Give the lanes of what nobody has taken, by destination."""
        lanes = {destination: Counter(total.lanes) for destination, total in self.totals.items()}
        for row in self.taken.values():
            lanes[row.destination].subtract(row.lanes)
        left = {
            destination: {one: number for one, number in found.items() if number > 0}
            for destination, found in lanes.items()
        }
        return {destination: found for destination, found in left.items() if found}

    @property
    def drained(self) -> bool:
        """Whether nothing but what is to be deleted is left."""
        return self.rows == len(self.doomed)

    @property
    def pages(self) -> tuple[int, int]:
        """Number of pages, and of free ones."""
        if self._dirty:
            with suppress(sqlite3.Error):  # whoever writes or reads next hears of it
                self._pages = self.database.pages()
            self._dirty = False
        return self._pages

    @property
    def free(self) -> int:
        """Bytes that can be added without growth."""
        return 0 if self.failed else self.pages[1] * PAGE

    @property
    def size(self) -> int:
        """Bytes of the database, its log not counted."""
        return self.pages[0] * PAGE

    def in_place(self) -> bool:
        """Tell whether the file still has its name: SQLite goes on in one that was removed, for nothing."""
        try:
            return self.directory.file(self.stem).stat().st_ino == self.inode and self.directory.has(
                self.stem, ".db-wal"
            )
        except OSError:
            return False

    # -- a transaction -------------------------------------------------------------------------------------------------

    def add(self, destination: str, body: bytes, lanes: Mapping[int, int], created: int) -> Row:
        """Add a request, taken; give its handle.

        Raises:
            sqlite3.Error: It cannot be written; `rollback` must follow.
        """
        self._dirty = True
        row = Row(self.stem, self.database.next_id, destination, lanes, len(body), created, uuid7(created))
        self.database.begin()
        self.database.insert(
            body,
            destination=destination,
            lanes=pack_lanes(lanes),
            severity=row.severity,
            records=row.records,
            batch=row.batch,
            created=created,
        )
        self.taken[row.id] = row
        self._changes.append((row, 1))
        return row

    def drop(self, heads: Iterable[Row | Head]) -> None:
        """Delete requests."""
        heads = tuple(heads)
        if self.failed:
            self.bury(heads)
            return
        self._dirty = True
        self.database.begin()
        self.database.delete(head.id for head in heads)
        self._changes += [(head, -1) for head in heads]

    def bury(self, heads: Iterable[Row | Head]) -> None:
        """Take requests as deleted though the file does not say so."""
        for head in heads:
            if head.id not in self.buried:
                self.buried.add(head.id)
                self._change(head, -1)
                self.taken.pop(head.id, None)

    def commit(self) -> None:
        """Make the transaction durable.

        Raises:
            sqlite3.Error: It may not be; `rollback` must follow.
        """
        self.database.commit()
        self.logged = True
        for head, sign in self._changes:
            if sign < 0:
                self.taken.pop(head.id, None)
                self.doomed.pop(head.id, None)
            self._change(head, sign)
        self._changes.clear()

    def write_back(self) -> None:
        """Move the write-ahead log into the database.

        Raises:
            sqlite3.Error: It could not be done; nothing is lost by that.
        """
        if not self.failed:
            self.database.write_back()
            self.logged = False

    def rollback(self) -> None:
        """Forget the transaction."""
        self._dirty = True
        for head, sign in self._changes:
            if sign > 0:
                self.taken.pop(head.id, None)
        self._changes.clear()
        self._first.clear()
        with suppress(sqlite3.Error):  # SQLite has rolled back by itself, or cannot any more
            self.database.rollback()

    # -- looking for requests ------------------------------------------------------------------------------------------

    def of_destination(self, destination: str, limit: int) -> list[Head]:
        """Give the first requests for a destination that nobody has taken, without payload."""
        return self._search("destination", destination, limit) if destination in self.totals else []

    def least(self, severity: int) -> Head | None:
        """Give the first of the lowest severity, at most ``severity``, that nobody has taken."""
        for lowest in sorted(one for one, rows in self.severities.items() if rows > 0 and one <= severity):
            found = self._search("severity", lowest, 1)
            if found:
                return found[0]
        return None

    def _search(self, column: str, value: object, limit: int) -> list[Head]:
        found: list[Head] = []
        start = self._first.get((column, value), 0)
        passed = False  # a request that may come back was passed: the next search must begin before it
        while len(found) < limit:
            page = self.database.after(column, value, start, min(_STEP, limit + len(self.taken)))
            for head in page:
                if head.id in self.buried:
                    continue
                if not passed:
                    self._first[column, value] = head.id
                    passed = True
                if head.id not in self.taken:
                    found.append(head)
            if len(page) < min(_STEP, limit + len(self.taken)):
                break
            start = page[-1].id + 1
        return found[:limit]

    def take(self, head: Head) -> tuple[Row, bytes] | None:
        """Take a request; None: its checksum differs.

        Raises:
            sqlite3.Error: It cannot be read.
        """
        found = self.database.read(head.id)
        if found is None:
            return None
        body, batch = found
        attempts = self.database.takeovers - head.attempts
        row = Row(self.stem, head.id, head.destination, head.lanes, head.size, head.created, batch, attempts)
        self.taken[row.id] = row
        return row, body

    # -- the end -------------------------------------------------------------------------------------------------------

    def freeze(self) -> None:
        """Never write to it again; what it holds can still be read, if anything can."""
        self.failed = True
        self.logged = False
        self.rollback()
        self._dirty = False
        self.bury(tuple(self.doomed.values()))
        self.doomed.clear()
        with suppress(sqlite3.Error, OSError):  # then it is read through the connection that wrote, and closed late
            self.database.freeze()

    def close(self) -> None:
        """Close it and give up its lock."""
        try:
            self.database.close()
        finally:
            os.close(self.lock)

    def discard(self) -> None:
        """Close it and delete it, its lock last.

        Raises:
            OSError: It could not be deleted, and is still open and locked.
        """
        self.freeze()  # what is to go need not be written back
        self.directory.remove(self.stem)
        try:
            with suppress(sqlite3.Error):
                self.database.close()
        finally:
            os.close(self.lock)
