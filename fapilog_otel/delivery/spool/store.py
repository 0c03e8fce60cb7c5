"""The spool as delivery sees it: nothing here waits for the disk, everything is handed to one thread."""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fapilog_otel.delivery.spool.admission import admit
from fapilog_otel.delivery.spool.commands import Command, Delete, GiveBack, Look, Put, Stop, Take
from fapilog_otel.delivery.spool.gate import Gate
from fapilog_otel.delivery.spool.row import CLOSED, FORKED, Row, SpoolError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from fapilog_otel.delivery.spool.policy import SpoolPolicy
    from fapilog_otel.delivery.spool.row import SpoolHost
    from fapilog_otel.delivery.spool.worker import Worker
    from fapilog_otel.telemetry.diagnostics import Diagnostics

FORK_WAIT: Final = 2.0
"""Seconds that a fork waits for the thread to leave SQLite."""

_THREAD_NAME = "fapilog-otel-spool"


class Spool:
    """Requests on disk, in files of this process's own, until they are delivered.

    Everything but `prepare`, `start` and `stop` returns at once, takes no lock, and may be called from anywhere, signal
    handlers and finalisers included. Futures are finished on the spool's thread.

    Args:
        policy: Directory and sizes.
        diagnostics: Where the operator is told of what happens.
    """

    def __init__(self, policy: SpoolPolicy, diagnostics: Diagnostics) -> None:
        self.policy = policy
        self._diagnostics = diagnostics
        self._foreign: set[int] = set()
        self._renew()

    def _renew(self) -> None:
        self._inbox: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._gate = Gate()
        self._gate_held = False
        self._worker: Worker | None = None
        self._thread: threading.Thread | None = None
        self._accepting = False
        self._refusal = SpoolError("the spool is not open", reason=CLOSED)

    def prepare(self) -> None:
        """Make the directory where it is missing, and check it.

        Raises:
            ConfigError: It cannot hold a spool.
        """
        admit(Path(self.policy.directory))

    def start(self, destinations: Collection[str], host: SpoolHost) -> None:
        """Start the thread, which makes a file of its own and takes over what dead processes left.

        Never raises for the disk's sake: the host is told.

        Args:
            destinations: Names of the configured destinations.
            host: Who is told of what happens, on the thread.
        """
        if self._thread is not None or self._refusal.reason == FORKED:
            return
        from fapilog_otel.delivery.spool.directory import Directory  # noqa: PLC0415 - sqlite3 and fcntl: who has a spool
        from fapilog_otel.delivery.spool.keeper import Keeper  # noqa: PLC0415 - likewise
        from fapilog_otel.delivery.spool.worker import Worker  # noqa: PLC0415 - likewise

        directory = Directory(Path(self.policy.directory).absolute())
        keeper = Keeper(directory, self.policy, destinations, host, self._diagnostics)
        keeper.files.disinherit(self._foreign)
        worker = Worker(keeper, self._inbox, self._gate)
        self._worker = worker
        self._thread = threading.Thread(target=self._run, args=(worker,), name=_THREAD_NAME, daemon=True)
        self._accepting = True
        try:
            self._thread.start()
        except RuntimeError as error:  # no new thread while the interpreter goes down, or at the system's limit
            self._thread = None
            self._refuse_all()
            self._diagnostics.report("spool.start", "the spool's thread could not start", cause=str(error))

    def _run(self, worker: Worker) -> None:
        try:
            worker.run()
        finally:
            self._refuse_all()

    # -- requests ------------------------------------------------------------------------------------------------------

    def put(self, destination: str, body: Iterable[bytes | memoryview], lanes: Mapping[int, int]) -> Future[Row]:
        """Store a request.

        Args:
            destination: Name of the destination that it is for.
            body: Buffers of one encoded ``ExportLogsServiceRequest``; they must not change until the future is done.
            lanes: Severity number to number of records.

        Returns:
            Done once the request is durable; it counts as taken then. Its exception is a `SpoolError`.
        """
        future: Future[Row] = Future()
        self._submit(Put(destination, tuple(body), dict(lanes), time.time_ns(), future))
        return future

    def take(self, destination: str, limit: int, max_bytes: float = inf) -> Future[list[tuple[Row, bytes]]]:
        """Take the oldest requests for a destination that nobody has taken.

        Args:
            destination: Its name.
            limit: The largest number of requests.
            max_bytes: No more than so many bytes together, but for a single request.

        Returns:
            Requests whose checksum holds, oldest first. Whoever loses interest in the future once it runs must see to
            it that its rows are given back.
        """
        future: Future[list[tuple[Row, bytes]]] = Future()
        self._submit(Take(destination, limit, max_bytes, future))
        return future

    def give_back(self, row: Row) -> None:
        """Let a request that was not delivered be taken again, or evicted."""
        self._submit(GiveBack(row))

    def delete(self, row: Row) -> None:
        """Delete a request that is delivered, with the next commit."""
        self._submit(Delete(row))

    def depth(self, destination: str) -> tuple[int, int]:
        """Give the requests and bytes that are stored for a destination, as far as the thread has got.

        Args:
            destination: Its name.
        """
        worker = self._worker
        rows = size = 0
        for file in () if worker is None else tuple(worker.keeper.files.owned.values()):
            total = file.totals.get(destination)
            if total is not None:
                rows += total.rows
                size += total.size
        return rows, size

    def look(self) -> Future[int]:
        """Look for files of dead processes now and not only at the next interval.

        Returns:
            Done once all that there are have been tried: the number of files that were taken over.
        """
        future: Future[int] = Future()
        self._submit(Look(future))
        return future

    def _submit(self, command: Command) -> None:
        self._inbox.put(command)
        if not self._accepting:
            self._refuse_all()

    def _refuse_all(self) -> None:
        self._accepting = False
        while True:
            try:
                command = self._inbox.get_nowait()
            except queue.Empty:
                return
            if isinstance(command, (Put, Take, Look)) and command.future.set_running_or_notify_cancel():
                command.future.set_exception(self._refusal)

    def stop(self, timeout: float) -> bool:
        """Commit what is queued, close every file and give up its lock; remove what is empty.

        Args:
            timeout: Seconds.

        Returns:
            Whether it was done in time.
        """
        thread = self._thread
        if thread is None or not thread.is_alive():
            return True
        self._inbox.put(Stop())
        if thread is threading.current_thread():
            return False
        thread.join(timeout)
        return not thread.is_alive()

    # -- fork ----------------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Have the thread outside SQLite, and hold it there."""
        if self._thread is None or self._thread is threading.current_thread():
            return
        self._gate_held = self._gate.hold(FORK_WAIT)

    def after_fork_in_parent(self) -> None:
        """Let the thread go on."""
        if self._gate_held:
            self._gate_held = False
            self._gate.let_go()

    def after_fork_in_child(self) -> None:
        """Give up the parent's locks and leave its connections alone; `start` begins anew, with a file of its own."""
        worker, held = self._worker, self._gate_held
        if worker is None:
            self._renew()
            return
        from fapilog_otel.delivery.spool.inheritance import disown  # noqa: PLC0415 - loaded with the worker

        self._foreign |= disown(worker)
        self._renew()
        if not held:  # SQLite's own locks may be held by a thread that this process does not have
            self._refusal = SpoolError("this process was forked off while the spool was busy", reason=FORKED)
            self._diagnostics.report("spool.fork", "a process forked off while the spool was busy has no spool")
