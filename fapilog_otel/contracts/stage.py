"""The Stage contract: one step of the pipeline filter, enrich, redact, process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from fapilog_otel.model.record import Record

Phase: TypeAlias = Literal["filter", "enrich", "redact", "process"]
PHASES: Final[tuple[Phase, ...]] = ("filter", "enrich", "redact", "process")


@runtime_checkable
class Stage(Protocol):
    """A callable that receives a record and returns it, changed or not, or None to filter it out.

    A stage with ``inline = True`` runs on the caller's thread and must be cheap, without I/O or await; any other runs
    on the pipeline thread's event loop, on records decoded from the chunk, and may return an awaitable.
    """

    @property
    def name(self) -> str:
        """Name under which the stage is configured, counted and left out."""
        ...

    @property
    def phase(self) -> Phase:
        """Where in the order filter, enrich, redact, process the stage stands."""
        ...

    @property
    def inline(self) -> bool:
        """Whether the stage runs on the caller's thread."""
        ...

    def __call__(self, record: Record) -> Record | Awaitable[Record | None] | None:
        """Process one record."""
        ...
