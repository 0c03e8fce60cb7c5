"""The spool's thread: takes what is queued, makes it durable in one commit, then says so.

::

    inbox ─► round: Commit(deletions, puts) ─► takes ─► look for orphans ─► outbox ─► futures, host
             └────── under the gate: a fork waits for its end ─────────┘    └ outside it: other code runs
"""

from __future__ import annotations

import queue
import sqlite3
import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from fapilog_otel.delivery.spool.commands import Command, Delete, GiveBack, Look, Put, Take
from fapilog_otel.delivery.spool.commit import Commit
from fapilog_otel.delivery.spool.row import CLOSED, IO_ERROR, Row, SpoolError
from fapilog_otel.telemetry.origin import our_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from fapilog_otel.delivery.spool.database import Head
    from fapilog_otel.delivery.spool.gate import Gate
    from fapilog_otel.delivery.spool.keeper import Keeper
    from fapilog_otel.delivery.spool.spool_file import SpoolFile


class Worker:
    """Everything that touches files; runs on one thread.

    Args:
        keeper: The files.
        inbox: What is asked for.
        gate: Held while SQLite is at work; who forks takes it first.
    """

    def __init__(self, keeper: Keeper, inbox: queue.SimpleQueue[Command], gate: Gate) -> None:
        self.keeper = keeper
        self._inbox = inbox
        self._gate = gate
        self._puts: list[Put] = []
        self._takes: list[Take] = []
        self._looks: list[Look] = []
        self._next_look = 0.0
        self._stopping = False

    def run(self) -> None:
        """Work until told to stop."""
        with our_thread():
            self._guarded(self._begin)
            while not self._stopping:
                self._guarded(self._receive, nullcontext())
                self._guarded(self._round)
            self._guarded(self._end)

    def _guarded(self, step: Callable[[], None], gate: AbstractContextManager[object] | None = None) -> None:
        keeper = self.keeper
        try:
            with self._gate if gate is None else gate:
                step()
        except Exception as error:  # noqa: BLE001 - a bug of ours: who waits is told, and the thread goes on
            keeper.diagnostics.report("spool.internal", "the spool failed", level="error", cause=repr(error))
            self._refuse(SpoolError(f"the spool failed: {error!r}", reason=IO_ERROR))
        outbox, keeper.outbox = keeper.outbox, []
        for tell in outbox:
            try:
                tell()
            except Exception as error:  # noqa: BLE001 - a host's or a callback's own bug must not end the thread
                keeper.diagnostics.report("spool.host", "who is told of the spool failed", cause=repr(error))

    # -- what is asked for ---------------------------------------------------------------------------------------------

    def _patience(self) -> float:
        """Give the seconds until something is to be done unasked."""
        if self._puts or self.keeper.files.more_to_adopt:
            return 0.0
        due = [self._next_look]
        if self.keeper.doomed_at:
            due.append(self._deletion_due())
        if self.keeper.degraded is not None:
            due.append(self.keeper.next_probe)
        return max(min(due) - time.monotonic(), 0.0)

    def _deletion_due(self) -> float:
        return self.keeper.doomed_at + self.keeper.policy.delete_delay

    def _receive(self) -> None:
        patience = self._patience()
        size = sum(map(_size, self._puts))
        try:
            command = self._inbox.get(timeout=patience) if patience > 0 else self._inbox.get_nowait()
            size += self._accept(command)
            while size < self.keeper.policy.round_bytes and not self._stopping:
                size += self._accept(self._inbox.get_nowait())
        except queue.Empty:
            return

    def _accept(self, command: Command) -> int:
        if isinstance(command, Put):
            if command.future.set_running_or_notify_cancel():
                self._puts.append(command)
                return _size(command)
        elif isinstance(command, Take):
            if command.future.set_running_or_notify_cancel():
                self._takes.append(command)
        elif isinstance(command, Delete):
            self.keeper.doom(command.row)
        elif isinstance(command, GiveBack):
            self.keeper.give_back(command.row)
        elif isinstance(command, Look):
            if command.future.set_running_or_notify_cancel():
                self._looks.append(command)
        else:
            self._stopping = True
        return 0

    def _refuse(self, error: SpoolError) -> None:
        commands: tuple[Put | Take | Look, ...] = (*self._puts, *self._takes, *self._looks)
        futures: list[Future[Any]] = [command.future for command in commands]
        self._puts, self._takes, self._looks = [], [], []
        self.keeper.outbox += [partial(future.set_exception, error) for future in futures if not future.done()]

    # -- a round -------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.keeper.begin()
        self._next_look = time.monotonic() + self.keeper.policy.adopt_interval

    def _round(self) -> None:
        keeper, now = self.keeper, time.monotonic()
        if keeper.degraded is not None and now >= keeper.next_probe:
            keeper.probe()
        if self._puts or self._stopping or (keeper.doomed_at and now >= self._deletion_due()):
            self._write()
        takes, self._takes = self._takes, []
        for take in takes:
            keeper.outbox.append(partial(take.future.set_result, self._take(take)))
        self._look()
        if now >= self._next_look:
            self._next_look = now + keeper.policy.adopt_interval
            keeper.files.look_around()
        elif keeper.files.more_to_adopt and not self._stopping:
            keeper.adopt()

    def _look(self) -> None:
        looks, self._looks = self._looks, []
        if not looks:
            return
        files = self.keeper.files
        files.look_around()
        adopted = 0
        while files.more_to_adopt:
            adopted += self.keeper.adopt()
        self.keeper.outbox += [partial(look.future.set_result, adopted) for look in looks]

    def _write(self) -> None:
        keeper = self.keeper
        puts, self._puts = self._puts, []
        refused = Commit(keeper).run(puts)
        if refused and keeper.degraded is None and keeper.open():  # their file has failed; there is another
            refused = Commit(keeper).run(refused)
        if refused:
            reason = keeper.degraded or IO_ERROR
            error = SpoolError(f"the spool cannot be written: {reason}", reason=reason)
            keeper.outbox += [partial(put.future.set_exception, error) for put in refused]
        keeper.tidy()

    def _end(self) -> None:
        self._refuse(SpoolError("the spool is closed", reason=CLOSED))
        self.keeper.close()

    # -- reading -------------------------------------------------------------------------------------------------------

    def _take(self, take: Take) -> list[tuple[Row, bytes]]:
        rows: list[tuple[Row, bytes]] = []
        size = 0
        while len(rows) < take.limit:
            found = self._candidates(take.destination, take.limit - len(rows))
            if not found:
                break
            for file, head in found:
                if file.stem not in self.keeper.files.owned:  # it was found damaged a moment ago
                    continue
                size += head.size
                if rows and size > take.max_bytes:
                    return rows
                read = self._read(file, head)
                if read is None:
                    return rows
                rows += read
        return rows

    def _read(self, file: SpoolFile, head: Head) -> list[tuple[Row, bytes]] | None:
        """Give the request, nothing where it is damaged, or None where the file cannot be read just now."""
        try:
            taken = file.take(head)
        except sqlite3.Error as error:
            self.keeper.unreadable(file, error)
            return None if file.stem in self.keeper.files.owned else []
        if taken is None:
            self.keeper.drop_damaged(file, head)
            return []
        return [taken]

    def _candidates(self, destination: str, limit: int) -> list[tuple[SpoolFile, Head]]:
        """Give the oldest requests for a destination that nobody has taken."""
        found: list[tuple[SpoolFile, Head]] = []
        for file in tuple(self.keeper.files.owned.values()):
            try:
                found += [(file, head) for head in file.of_destination(destination, limit)]
            except sqlite3.Error as error:
                self.keeper.unreadable(file, error)
        found.sort(key=lambda pair: (pair[1].created, pair[0].stem, pair[1].id))
        return found[:limit]


def _size(put: Put) -> int:
    return sum(map(len, put.body))
