"""A host for an emit core that needs no engine: chunks as they are asked for."""

from __future__ import annotations

import threading
from typing import Any

from fapilog_otel.encode.plan import EncodePlan


class UnboundedHost:
    """Gives a chunk of the wanted form whenever one is asked for."""

    def __init__(self, chunk_type: Any, size: int = 1 << 16) -> None:
        self._chunk_type = chunk_type
        self._size = size

    def acquire(self, band: int, need: int, may_wait: bool) -> Any:
        return self._chunk_type(max(need, self._size), band)

    def release(self, chunk: Any) -> None:
        pass

    def await_count(self, band: int) -> bool:
        return False

    def wake(self) -> None:
        pass


def new_core(core_type: Any, chunk_type: Any, plan: EncodePlan | None = None, size: int = 1 << 16) -> Any:
    """Give an emit core over an unbounded host."""
    return core_type(plan or EncodePlan(), UnboundedHost(chunk_type, size), threading.RLock())


def sealed_payloads(core: Any) -> list[bytes]:
    """Seal, and give every LogRecord message, in the order of chunks and records."""
    core.seal_open()
    return [bytes(payload) for chunk in core.sealed for payload, _ in chunk.payloads(0, chunk.count)]
