"""What the emit path does to a record, decided once when the pipeline is built and never per record."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fapilog_otel.model.anyvalue import AnyValue
    from fapilog_otel.model.record import Record

KEEP: Final = 0
MASK: Final = 1
DROP: Final = 2

_EMPTY: Mapping[str, AnyValue] = MappingProxyType({})


def _empty() -> Mapping[str, AnyValue]:
    return _EMPTY


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one record.

    Args:
        record_bytes: Encoded size of a record, bytes; longer: text is cut in the middle and marked.
        attributes: Attributes a record; those beyond are dropped and counted, ``exception.*`` last of all.
        value_length: Characters of a string value or bytes of a bytes value; None: unbounded.
        depth: Nesting of lists and mappings.
        nodes: Values inside of lists and mappings, all of a record together.
    """

    record_bytes: int = 262_144
    attributes: int = 128
    value_length: int | None = None
    depth: int = 16
    nodes: int = 4096


@dataclass(frozen=True, slots=True)
class Redaction:
    """What redactors do, in the form that the encoders run.

    Args:
        verdict: Dotted path of a key (``"password"``, ``"user.token"``) to KEEP, MASK or DROP; pure, cached by key.
        scrub: Text to the text without secrets; returns the very same object when nothing was found; None: keys only.
        literals: Texts one of which occurs (ASCII case folded) in all that ``scrub`` changes but long digit runs.
        digits: Whether ``scrub`` also changes runs of 12 or more digits (with single spaces and dashes between them).
        always: Call ``scrub`` for every text, whatever it holds (a pattern without a literal).
        mask: What replaces a masked value.
    """

    verdict: Callable[[str], int]
    scrub: Callable[[str], str] | None = None
    literals: tuple[str, ...] = ()
    digits: bool = False
    always: bool = False
    mask: str = "***"


@dataclass(frozen=True, slots=True)
class EncodePlan:
    """The compiled inline half of a pipeline.

    Args:
        limits: Bounds of one record.
        redaction: Redaction inside the encoder; None: none, or done by a record stage.
        context_vars: Whether ``bound_context`` values become attributes.
        static_attributes: Attributes of every record; all others win over them.
        stages: Inline stages in order, errors contained; any makes the emit path build a `Record` first.
        on_redaction_error: Told of a redactor that raised in the encoder; the record lost its body and attributes.
    """

    limits: Limits = field(default_factory=Limits)
    redaction: Redaction | None = None
    context_vars: bool = True
    static_attributes: Mapping[str, AnyValue] = field(default_factory=_empty)
    stages: tuple[Callable[[Record], Record | None], ...] = ()
    on_redaction_error: Callable[[Exception], None] | None = None

    @property
    def redacts_later(self) -> bool:
        """Whether one of the stages redacts: nothing may be cut before they have run."""
        return any(getattr(stage, "phase", "") == "redact" for stage in self.stages)
