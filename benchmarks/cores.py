"""Emit cores over a host that throws chunks away, so that encoding alone is measured."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from benchmarks.compare.workload import BODY, FIRST_NUMBER, LOGGER_NAME, ORDER_ID, PAID, REGION, SERVICE_NAME, TOTAL
from fapilog_otel.encode import emit, log_methods
from fapilog_otel.model import chunk
from fapilog_otel.model.scope import Resource, Scope
from fapilog_otel.pipeline import DEFAULT_STAGES, build_chain, default_redaction

if TYPE_CHECKING:
    from types import ModuleType

    from fapilog_otel.encode.plan import EncodePlan

CHUNK_BYTES = 256 * 1024
SCOPE = Scope(LOGGER_NAME, resource=Resource({"service.name": SERVICE_NAME}))


def native() -> ModuleType:
    """Give the native module; raises `ImportError` where it was not built, for there is nothing to measure then."""
    from fapilog_otel.encode import _native

    return _native


def plan(*, stages: bool) -> EncodePlan:
    """Give the plan of the default stages, or of none."""
    if stages:
        return build_chain(redaction=default_redaction()).plan
    return build_chain(without=DEFAULT_STAGES).plan


class Recycler:
    """A host that reuses the memory of a sealed chunk for the next one, as the pool does for delivered ones."""

    def __init__(self, chunk_type: Any, *, is_native: bool) -> None:
        self._chunk_type = chunk_type
        self._is_native = is_native
        self.core: Any = None

    def acquire(self, band: int, need: int, may_wait: bool) -> Any:
        """Give an empty chunk."""
        del may_wait
        size = max(need, CHUNK_BYTES)
        if self._is_native and self.core.sealed:
            donor = self.core.sealed.popleft()
            self.core.sealed.clear()
            if donor.size == size:
                return self._chunk_type(size, band, donor)
        self.core.sealed.clear()
        return self._chunk_type(size, band)

    def release(self, chunk: Any) -> None:
        """Take nothing back."""

    def await_count(self, band: int) -> bool:
        """Never wait."""
        del band
        return False

    def wake(self) -> None:
        """Wake nobody."""


def _types(is_native: bool) -> tuple[Any, Any, Any]:
    """Give the emit core, the chunk, and where the level methods are."""
    if is_native:
        return native().EmitCore, native().Chunk, native()
    return emit.EmitCore, chunk.Chunk, log_methods


def logger(*, is_native: bool, stages: bool = True, encode_plan: EncodePlan | None = None) -> Any:
    """Give a logger whose records are encoded and thrown away.

    Args:
        is_native: Whether by the native encoder.
        stages: Whether through the default stages, or none.
        encode_plan: The stages in place of those.
    """
    core_type, chunk_type, methods = _types(is_native)
    host = Recycler(chunk_type, is_native=is_native)
    host.core = core_type(encode_plan or plan(stages=stages), host, threading.RLock())
    port = methods.Port(lambda _: (SCOPE, 0))
    port.core = host.core
    return methods.LoggerBase(port, LOGGER_NAME, "", "", None, None)


class _OneChunk(Recycler):
    """Gives one chunk with room for all records."""

    def __init__(self, chunk_type: Any, records: int) -> None:
        super().__init__(chunk_type, is_native=False)
        self._bytes = records * 256 + 4096

    def acquire(self, band: int, need: int, may_wait: bool) -> Any:
        """Give the chunk."""
        del may_wait
        return self._chunk_type(max(need, self._bytes), band)


def filled_chunk(*, is_native: bool, records: int, scopes: tuple[Scope, ...] = (SCOPE,)) -> Any:
    """Give a sealed chunk of the comparison's record, written under each scope in turn."""
    core_type, chunk_type, _ = _types(is_native)
    core = core_type(plan(stages=False), _OneChunk(chunk_type, records), threading.RLock())
    for index in range(records):
        attributes = {
            "order_id": ORDER_ID,
            "number": FIRST_NUMBER + index,
            "total": TOTAL,
            "paid": PAID,
            "region": REGION,
        }
        core.submit(scopes[index % len(scopes)], -1, 0, 9, "INFO", BODY, attributes, None, (7, 8, 1), None, "")
    core.seal_open()
    return core.sealed.popleft()
