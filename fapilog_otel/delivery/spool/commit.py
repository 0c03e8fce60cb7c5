"""One group commit: what is to go and what is new, durable together, and only then told.

::

    deletions ─┐
    puts ──────┼─► transactions, usually one ─► COMMIT (fsync) ─► futures done, evictions told
    evictions ─┘         └ failed ─► rolled back, the file dealt with, its puts refused
"""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import TYPE_CHECKING

from fapilog_otel.delivery.spool.files import needed
from fapilog_otel.delivery.spool.row import SPOOL_FULL, Row, SpoolError

if TYPE_CHECKING:
    from fapilog_otel.delivery.spool.commands import Put
    from fapilog_otel.delivery.spool.database import Head
    from fapilog_otel.delivery.spool.keeper import Keeper
    from fapilog_otel.delivery.spool.spool_file import SpoolFile


class _Change:
    """What one file's transaction holds."""

    __slots__ = ("added", "evicted")

    def __init__(self) -> None:
        self.added: list[tuple[Put, Row]] = []
        self.evicted: list[Head] = []


class Commit:
    """Deletes what is doomed and stores requests, in one commit a file.

    Args:
        keeper: The files.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._changes: dict[SpoolFile, _Change] = {}
        self._refused: list[Put] = []

    def run(self, puts: list[Put]) -> list[Put]:
        """Do it.

        Returns:
            Requests that a failing disk has refused; all others are stored, or their futures say why not.
        """
        for file in tuple(self._keeper.files.owned.values()):
            self._delete(file)
        for put in puts:
            self._add(put)
        for file, change in self._changes.items():
            self._finish(file, change)
        return self._refused

    def _delete(self, file: SpoolFile) -> None:
        if not file.doomed or (file.drained and self._keeper.goes_when_drained(file)):
            return
        try:
            file.drop(file.doomed.values())
        except sqlite3.Error as error:
            self._keeper.broken(file, error)
        else:
            self._changes[file] = _Change()

    def _add(self, put: Put) -> None:
        if self._keeper.degraded is not None:
            self._refused.append(put)
            return
        body = b"".join(put.body)
        file: SpoolFile | None = None
        try:
            while (file := self._keeper.files.target(len(body))) is None:
                if not self._evict(put, len(body)):
                    error = SpoolError("the spool is full", reason=SPOOL_FULL)
                    self._keeper.outbox.append(partial(put.future.set_exception, error))
                    return
            row = file.add(put.destination, body, put.lanes, put.created)
        except (sqlite3.Error, OSError) as failure:
            self._refused.append(put)
            self._give_up(file, failure)
        else:
            self._changes.setdefault(file, _Change()).added.append((put, row))

    def _evict(self, put: Put, size: int) -> bool:
        if needed(size) >= self._keeper.policy.capacity:
            return False
        victim = self._victim(max(put.lanes, default=0))
        if victim is None:
            return False
        file, head = victim
        try:
            file.drop((head,))
        except sqlite3.Error as error:
            self._give_up(file, error)
            return self._keeper.degraded is None
        self._changes.setdefault(file, _Change()).evicted.append(head)
        return True

    def _victim(self, severity: int) -> tuple[SpoolFile, Head] | None:
        """Give the request that gives way: the lowest severity, at most ``severity``, and of these the oldest."""
        found: list[tuple[Head, SpoolFile]] = []
        for file in tuple(self._keeper.files.owned.values()):
            try:
                head = None if file.failed else file.least(severity)
            except sqlite3.Error as error:
                self._give_up(file, error)
                continue
            if head is not None:
                found.append((head, file))
        if not found:
            return None
        head, file = min(found, key=lambda pair: (pair[0].severity, pair[0].created, pair[1].stem, pair[0].id))
        return file, head

    def _give_up(self, file: SpoolFile | None, error: sqlite3.Error | OSError) -> None:
        if file is None:
            self._keeper.degrade(self._keeper.why(error), str(error))
            return
        change = self._changes.pop(file, None)
        if change is not None:
            self._refused += [put for put, _ in change.added]
        self._keeper.broken(file, error)

    def _finish(self, file: SpoolFile, change: _Change) -> None:
        keeper = self._keeper
        try:
            file.commit()
        except sqlite3.Error as error:
            self._refused += [put for put, _ in change.added]
            keeper.broken(file, error)
            return
        for head in change.evicted:
            keeper.lose(head.destination, head.lanes, SPOOL_FULL)
        if change.added and not file.in_place():
            self._refused += [put for put, _ in change.added]
            file.bury(row for _, row in change.added)
            keeper.broken(file, sqlite3.OperationalError("unable to open: the file was removed"))
            return
        for put, row in change.added:
            keeper.outbox.append(partial(put.future.set_result, row))
