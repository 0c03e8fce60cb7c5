"""The pipeline thread: one event loop that seals, stages, assembles and sends, woken once a sealed chunk or timer.

    log calls ──► EmitCore ──► sealed ──► collect ──► [deferred stages] ──► Branch.offer ──► Branch.pump ──► Sender
                     ▲                       │
                     └── seal_open ◄── timer, flush, shutdown

An engine is what every face has behind it. A forked child rebuilds it in place, empty and with zero counts.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from fapilog_otel.buffer import fork
from fapilog_otel.buffer.closing import close_down
from fapilog_otel.buffer.loop import run_to_the_end
from fapilog_otel.buffer.losses import Losses
from fapilog_otel.buffer.opening import start_exporter
from fapilog_otel.buffer.pausing import NO_THREADS_AT_EXIT, OPENING, pause, resume
from fapilog_otel.buffer.pending import Pending
from fapilog_otel.buffer.queue import ChunkQueue, chunk_size_for, required
from fapilog_otel.buffer.spooled import SpoolHost, flush_spooled, make_branch, make_spool
from fapilog_otel.buffer.staging import Staging
from fapilog_otel.delivery import Control
from fapilog_otel.encode.select import EmitCore
from fapilog_otel.telemetry.accounting import Intake, Stats, destination_stats, global_stats
from fapilog_otel.telemetry.origin import OUR_THREADS, forget_threads, our_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fapilog_otel.buffer.spec import EngineSpec
    from fapilog_otel.delivery.claims import Hold, Ticket
    from fapilog_otel.delivery.fanout import Branch

_THREAD_NAME = "fapilog-otel-pipeline"


class Engine:
    """Buffer, pipeline thread and destinations of one provider or processor.

    Args:
        spec: What to build; kept for the rebuilding in a forked child.
        start: Start the pipeline thread at once, so that transports are warm; otherwise with the first record.
    """

    def __init__(self, spec: EngineSpec, *, start: bool = True) -> None:
        self.spec = spec
        self.on_child: Callable[[], None] | None = None
        self.closed = False
        self._build()
        fork.watch(self)
        if start:
            self.start()

    def _build(self) -> None:
        spec = self.spec
        self.lock = threading.RLock()
        self.control = Control()
        self.staging = Staging(spec.chain, self.lock)
        smallest = min((one.settings.max_bytes for one in spec.destinations), default=spec.chunk_size)
        self.queue = ChunkQueue(
            self.lock,
            chunk_size=chunk_size_for(spec.chunk_size, smallest),
            block_timeout=spec.block_timeout,
            wake=self.wake,
            collect=self.collect,
            ensure=self._ensure,
        )
        self.spool = make_spool(spec)
        self.branches = tuple(make_branch(self, destination) for destination in spec.destinations)
        self.core: EmitCore = EmitCore(spec.chain.plan, self.queue, self.lock)
        self.core.count_limit = spec.max_queue_size or 0
        self.core.seal_count = spec.max_batch or 0
        self.queue.attach(self.core, self.branches)
        self.losses = Losses(spec.diagnostics, self.lock, self.core, self.branches)
        self.thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.up = threading.Event()
        self._cold = set(self.branches)
        self._warm = threading.Event()  # every exporter's first start() is over
        self._woken = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._progress: asyncio.Event | None = None

    # -- the branches' host --------------------------------------------------------------------------------------------

    def on_release(self, hold: Hold) -> None:
        """Learn, under the lock, that a branch has finished with a chunk."""
        self.queue.on_release(hold)
        if self._progress is not None and threading.get_ident() in OUR_THREADS:
            self._progress.set()

    def on_settled(self) -> None:
        """Learn, under the lock, that records are done with."""
        self.queue.on_settled()

    # -- the thread ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the pipeline thread; does nothing where it runs or the engine is closed."""
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self.thread is None and not self.closed:
                thread = threading.Thread(target=self._run, name=_THREAD_NAME, daemon=True)
                self.thread = thread
                thread.start()
                if NO_THREADS_AT_EXIT:
                    self._warm.wait(OPENING)
        except RuntimeError as error:  # no new thread while the interpreter goes down, or at the system's limit
            self.thread = None
            self.spec.diagnostics.report("pipeline.start", "the pipeline thread could not start", cause=str(error))
        finally:
            self._starting.release()

    def _ensure(self) -> None:
        if self.thread is None:
            self.start()

    def _run(self) -> None:
        with our_thread():
            loop = asyncio.new_event_loop()
            try:
                run_to_the_end(loop, self._main(loop), self.spec.diagnostics)
            finally:
                self.loop = None
                loop.close()

    async def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        self._stop: asyncio.Future[None] = loop.create_future()
        self._progress = asyncio.Event()
        self._context = copy_context()
        self.loop = loop
        self.up.set()
        self.forking = asyncio.Lock()
        if self.spool is not None:
            host = SpoolHost(self)
            self.spool.start(host.destinations, host)
        for branch in self.branches:
            self.open_branch(branch)
        self._arm_timer(loop)
        self.advance()
        await self._stop
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=0.2)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def open_branch(self, branch: Branch) -> None:
        """Start a branch's exporter, again and again until it does; on the loop."""
        branch.opening = self._spawn(start_exporter(self, branch))

    def attempted(self, branch: Branch) -> None:
        """Learn that a first start of a branch's exporter is over, whatever came of it."""
        self._cold.discard(branch)
        if not self._cold:
            self._warm.set()

    def wake(self) -> None:
        """Have the loop look at the sealed chunks soon; callable from anywhere, takes no lock."""
        loop = self.loop
        if self._woken or loop is None:
            return
        self._woken = True
        try:
            loop.call_soon_threadsafe(self._on_wake, context=self._context)
        except RuntimeError:  # the loop has just closed
            self._woken = False

    def _on_wake(self) -> None:
        self._woken = False
        self.advance()

    def _arm_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(self.spec.schedule_delay, self._tick)

    def _tick(self) -> None:
        loop = self.loop
        if loop is None:
            return
        self.core.seal_open()
        self.advance()
        self.losses.tell()
        self.spec.diagnostics.write()
        self._arm_timer(loop)

    def advance(self) -> None:
        """Move sealed chunks on and start requests; on the loop."""
        self.collect()
        if self.staging.waiting and not self.staging.running:
            self._spawn(self.staging.run(self._offered))
        for branch in self.branches:
            branch.pump()

    def _offered(self) -> None:
        for branch in self.branches:
            branch.pump()

    def collect(self) -> None:
        """Move sealed chunks on: to the deferred stages, or to the branches."""
        with self.lock:
            while self.core.sealed:
                try:
                    chunk: Any = self.core.sealed.popleft()
                except IndexError:
                    return
                self._compact(chunk)
                ticket: Ticket = chunk.owner
                for branch in ticket.missed:
                    branch.missing.discard(ticket)
                    branch.ledger.drop("queue_full", chunk.severity_counts(0, chunk.count))
                    branch.settled_records += chunk.count
                    self.on_settled()
                if self.staging.active:
                    self.staging.waiting.append(chunk)
                    continue
                for branch in tuple(ticket.holds):
                    branch.offer(chunk)

    def _compact(self, chunk: Any) -> None:
        before = chunk.allocated
        donor = chunk.compact()
        if chunk.allocated != before:
            for branch in chunk.owner.holds:
                branch.recharge(before, chunk.allocated)
            if donor is not None:
                self.queue.pool.put(donor)

    # -- flush, shutdown, stats ----------------------------------------------------------------------------------------

    def submit(self, work: Coroutine[Any, Any, bool]) -> Future[bool]:
        """Run a coroutine on the pipeline thread's loop.

        Raises:
            RuntimeError: The thread does not run.
        """
        loop = self.loop
        if loop is None:
            work.close()
            raise RuntimeError("the pipeline thread does not run")
        return asyncio.run_coroutine_threadsafe(self._entered(work), loop)

    async def _entered(self, work: Coroutine[Any, Any, bool]) -> bool:
        # The caller's context has its spans and variables; nothing that runs on for longer may inherit them.
        return await self._context.run(asyncio.ensure_future, work)

    def begin_flush(self, timeout: float) -> Future[bool]:
        """Start delivering all that is pending now.

        Args:
            timeout: Seconds.

        Returns:
            A future of: True if all of it was delivered (to every non-optional destination) in time.
        """
        deadline = time.monotonic() + timeout
        self.core.seal_open()
        with self.lock:
            pending = Pending(required(self.branches))
        if self.loop is None and not self.nothing_pending():
            self._ensure()
            self.up.wait(min(timeout, 1.0))
        try:
            return self.submit(self._flush(pending, deadline))
        except RuntimeError:
            done: Future[bool] = Future()
            done.set_result(self.nothing_pending())
            return done

    def flush(self, timeout: float) -> bool:
        """Deliver all that is pending; see `begin_flush`. Called on the pipeline thread itself it gives False."""
        if threading.current_thread() is self.thread:
            return False
        future = self.begin_flush(timeout)
        try:
            return future.result(timeout + 0.1)
        except FutureTimeoutError:
            future.cancel()
            return False

    def nothing_pending(self) -> bool:
        """Tell whether no non-optional destination holds a record."""
        with self.lock:
            return not any(hold.chunk.count for branch in required(self.branches) for hold in list(branch.holds))

    async def _flush(self, pending: Pending, deadline: float) -> bool:
        self.advance()
        if self.spool is None:
            return await self.settled(pending, deadline) and not pending.lost()
        return await flush_spooled(self, pending, deadline)

    async def settled(self, pending: Pending, deadline: float) -> bool:
        """Wait on the loop until all that was pending is done, or until the deadline (monotonic s); tell which."""
        progress = self._progress
        while progress is not None and not pending.done():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            progress.clear()
            try:
                await asyncio.wait_for(progress.wait(), min(left, 0.25))
            except asyncio.TimeoutError:
                continue
        return True

    def shutdown(self, timeout: float) -> bool:
        """Stop taking records, deliver what is pending, close every transport and end the thread; see `closing`."""
        if self.closed:
            return True
        self.closed = True
        return close_down(self, timeout)

    def stop_loop(self) -> None:
        """End the loop; on the loop, as the last act."""
        if not self._stop.done():
            self._stop.set_result(None)

    def stats(self) -> Stats:
        """Count everything at one instant."""
        while True:
            with self.lock:
                before = self.core.ops
                intake = Intake(self.core.submitted_counts(), self.core.filtered_counts(), self.core.dropped_counts())
                found = [
                    destination_stats(intake, branch.ledger, branch.in_flight(), branch.missed(), branch.recovered)
                    for branch in self.branches
                ]
                if self.core.ops == before:  # no record slipped in between the readings
                    return global_stats(found)

    # -- fork ----------------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Close transports that cannot live through a fork, in the parent."""
        pause(self)
        if self.spool is not None:
            self.spool.before_fork()
        self.spec.diagnostics.before_fork()

    def after_fork_in_parent(self) -> None:
        """Reopen what `before_fork` closed."""
        self.spec.diagnostics.after_fork_in_parent()
        if self.spool is not None:
            self.spool.after_fork_in_parent()
        resume(self)

    def after_fork_in_child(self) -> None:
        """Begin anew: empty buffer, zero counts, own locks; the thread starts with the first record."""
        if self.spool is not None:
            self.spool.after_fork_in_child()
        self.spec.diagnostics.after_fork_in_child()
        for destination in self.spec.destinations:
            abandon = getattr(destination.exporter, "abandon", None)
            if callable(abandon):
                abandon()
        forget_threads()
        self._build()
        if self.on_child is not None:
            self.on_child()
