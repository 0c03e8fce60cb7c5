"""Both encoders behind one bench: a core, a port and a logger over a host that the tests steer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.contracts.encoded_logs import Segment
from fapilog_otel.encode import _native as native
from fapilog_otel.encode import emit, log_methods
from fapilog_otel.encode.plan import EncodePlan
from fapilog_otel.model import chunk
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope

SCOPE = Scope("bench")
NO_IDS = (0, 0, 0)


class Twin(NamedTuple):
    """One of the two implementations."""

    name: str
    core: Any
    chunk: Any
    logger: Any
    port: Any


NATIVE = Twin("native", native.EmitCore, native.Chunk, native.LoggerBase, native.Port)
PYTHON = Twin("python", emit.EmitCore, chunk.Chunk, log_methods.LoggerBase, log_methods.Port)


class Host:
    """Gives chunks until told to refuse; runs what a test puts into its hooks."""

    def __init__(self, chunk_type: Any, size: int) -> None:
        self.chunk_type = chunk_type
        self.size = size
        self.refusing = False
        self.acquired: list[Any] = []
        self.released: list[Any] = []
        self.wakes = 0
        self.on_acquire: Callable[[], None] = lambda: None
        self.on_wake: Callable[[], None] = lambda: None
        self.on_await: Callable[[int], bool] = lambda band: False

    def acquire(self, band: int, need: int, may_wait: bool) -> Any:
        self.on_acquire()
        if self.refusing:
            return None
        made = self.chunk_type(max(need, self.size), band)
        self.acquired.append(made)
        return made

    def release(self, unneeded: Any) -> None:
        self.released.append(unneeded)

    def await_count(self, band: int) -> bool:
        return self.on_await(band)

    def wake(self) -> None:
        self.wakes += 1
        self.on_wake()


class Bench:
    """A core with its host, and a logger on it.

    Args:
        twin: Which implementation.
        plan: What is done to records.
        size: Bytes a chunk.
    """

    def __init__(self, twin: Twin, plan: EncodePlan | None = None, size: int = 1 << 16) -> None:
        self.twin = twin
        self.host = Host(twin.chunk, size)
        self.core = self.new_core(plan)
        self.scope = SCOPE
        self.gate = 0
        self.resolved = 0
        self.port = twin.port(self._resolve)
        self.port.core = self.core
        self.log = self.logger()

    def new_core(self, plan: EncodePlan | None = None) -> Any:
        """Give one more core over the same host."""
        return self.twin.core(plan or EncodePlan(), self.host, threading.RLock())

    def logger(self, bound: dict[str, Any] | None = None, kind: Any = None) -> Any:
        return (kind or self.twin.logger)(self.port, "bench", "", "", None, bound)

    def _resolve(self, logger: Any) -> tuple[Scope, int]:
        self.resolved += 1
        return self.scope, self.gate

    def submit(self, body: Any = "body", attributes: Any = None, severity: int = 9, **changes: Any) -> None:
        fields: dict[str, Any] = {
            "scope": SCOPE, "timestamp": 5, "observed": 6, "severity": severity, "text": "INFO", "body": body,
            "attributes": attributes, "bound": None, "ids": NO_IDS, "context": None, "event_name": "",
        }  # fmt: skip
        fields.update(changes)
        self.core.submit(*fields.values())

    def submit_fields(self, body: Any = "body", attributes: Any = None, severity: int = 9, **changes: Any) -> None:
        fields: dict[str, Any] = {
            "scope": SCOPE, "timestamp": 5, "observed": 6, "severity": severity, "text": "INFO", "body": body,
            "attributes": attributes, "ids": NO_IDS, "event_name": "", "dropped": 0,
        }  # fmt: skip
        fields.update(changes)
        self.core.submit_fields(*fields.values())

    def records(self, core: Any = None) -> list[Record]:
        """Seal, and give everything that was written, in the order of chunks and records."""
        core = core or self.core
        core.seal_open()
        segments = [Segment(sealed, 0, sealed.count) for sealed in core.sealed if sealed.count]
        return list(EncodedLogs(segments).records()) if segments else []

    def record(self) -> Record:
        """Give the only record that was written."""
        (record,) = self.records()
        return record

    @property
    def dropped(self) -> dict[str, int]:
        """Dropped records by reason."""
        return {reason: sum(lanes) for reason, lanes in self.core.dropped_counts().items()}

    @property
    def submitted(self) -> int:
        return sum(self.core.submitted_counts())

    def balanced(self) -> bool:
        """Tell whether every submitted record is stored, filtered or dropped."""
        return self.submitted == self.core.stored_total() + sum(self.core.filtered_counts()) + sum(
            self.dropped.values()
        )
