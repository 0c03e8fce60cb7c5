"""The pipeline's stages, ordered and cut in two, decided once.

    filter → enrich → redact → process          defaults first in each phase, then the user's, in the order given
    ────────── inline ─────────┃── deferred ──  everything from the first deferred stage on is deferred
         EncodePlan            ┃  run_deferred

Redactors run inside the encoder where redaction is the last thing that the inline half does; otherwise they are record
stages. The encoder's limits always have the last word, and never the first: what is cut before it is redacted may lose
what a secret is told by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fapilog_otel.contracts.stage import PHASES
from fapilog_otel.encode.plan import EncodePlan, Limits, Redaction
from fapilog_otel.errors import ConfigError
from fapilog_otel.model.anyvalue import AnyValue, normalise, normalise_key
from fapilog_otel.model.trace_context import NO_TRACE, TraceContext
from fapilog_otel.pipeline.containment import ContainedStage, DeferredStage, StageLedger
from fapilog_otel.pipeline.limits import UNLIMITED, without_cuts
from fapilog_otel.pipeline.redact import DefaultRedaction, RedactStage, combine

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from fapilog_otel.contracts.stage import Stage
    from fapilog_otel.model.record import Record

REDACTORS: Final = ("url_credentials", "field_mask", "regex_mask")
DEFAULT_STAGES: Final = ("context_vars", *REDACTORS, "limits")
REDACTION: Final = "redaction"  # under which the default redactors, run as one, are counted

_RECORDS_A_TURN: Final = 256


class Chain:
    """A built pipeline.

    Args:
        plan: The inline half.
        deferred: The rest, to be run on the pipeline thread's loop.
        deferred_plan: Limits for encoding again what deferred stages returned.
        filters: Inline filters that can answer without a record.
        ledger: Counts by stage.
        redaction: The default redaction, for what stages do not see: the attributes of resources and scopes.
    """

    __slots__ = ("_filters", "_ledger", "deferred", "deferred_plan", "plan", "redaction")

    def __init__(
        self,
        plan: EncodePlan,
        deferred: tuple[DeferredStage, ...],
        deferred_plan: EncodePlan,
        filters: tuple[Stage, ...],
        ledger: StageLedger,
        redaction: Redaction | None = None,
    ) -> None:
        self.plan = plan
        self.redaction = redaction
        self.deferred = deferred
        self.deferred_plan = deferred_plan
        self._filters = filters
        self._ledger = ledger

    @property
    def errors(self) -> dict[str, int]:
        """Errors contained so far, by stage."""
        return self._ledger.errors

    @property
    def filtered(self) -> dict[str, int]:
        """Records filtered out so far, by stage."""
        return self._ledger.filtered

    def filters_enabled(self, severity_number: int, scope: str = "", trace: TraceContext = NO_TRACE) -> bool:
        """Tell whether the inline filters could let a record pass; a filter that cannot tell, or fails, could.

        Args:
            severity_number: 0-24.
            scope: Scope (logger) name.
            trace: Ids of the span that the record would carry.
        """
        for stage in self._filters:
            try:
                if not stage.admits(severity_number, scope, trace):  # type: ignore[attr-defined]
                    return False
            except Exception as error:  # noqa: BLE001 - a user's filter; counted and reported
                self._ledger.failed(stage.name, error)
        return True

    async def run_deferred(self, records: Sequence[Record]) -> list[Record | None]:
        """Give each record after the deferred stages, or None in its place where one filtered it out.

        Args:
            records: Decoded from a chunk; processed one after the other, in order.
        """
        from asyncio import sleep  # the loop that runs this has loaded it; `import fapilog_otel` must not

        results: list[Record | None] = []
        for position, record in enumerate(records, 1):
            results.append(await self._run_deferred(record))
            if position % _RECORDS_A_TURN == 0:
                await sleep(0)  # let timers and sockets of the loop have their turn
        return results

    async def _run_deferred(self, record: Record) -> Record | None:
        current: Record | None = record
        for stage in self.deferred:
            if current is None:
                break
            current = await stage(current)
        return current


def build_chain(
    *,
    stages: Sequence[Stage] = (),
    without: Collection[str] = (),
    limits: Limits | None = None,
    redaction: Redaction | None = None,
    static_attributes: Mapping[str, object] | None = None,
    context_vars: bool = True,
    report: Callable[[str, BaseException], None] | None = None,
) -> Chain:
    """Give the pipeline of the default stages and the user's.

    Args:
        stages: The user's, in any order of phases; within a phase their order is kept, after the default stages.
        without: Default stages to leave out, by name: see ``DEFAULT_STAGES``.
        limits: Bounds of one record; None: the defaults.
        redaction: The default redactors, as `default_redaction` gives them; None: no default redaction.
        static_attributes: Attributes of every record; all others win over them.
        context_vars: Whether ``bound_context`` values become attributes.
        report: Told of the first error of each stage, on whatever thread it happens.

    Raises:
        ConfigError: A name in ``without`` is no default stage, or a stage breaks the contract.
    """
    left_out = _checked_names(without)
    bounds = UNLIMITED if "limits" in left_out else limits or Limits()
    ledger = StageLedger(report)
    default = _default_redaction(redaction, left_out)
    ordered = _ordered(stages, [] if default is None else [RedactStage(REDACTION, default, bounds)])
    cut = next((index for index, stage in enumerate(ordered) if not stage.inline), len(ordered))
    inline, deferred = ordered[:cut], ordered[cut:]
    native = _native_redaction(inline)
    if native is not None:
        inline = [stage for stage in inline if stage.phase != "redact"]
    plan = EncodePlan(
        limits=without_cuts(bounds) if any(stage.phase == "redact" for stage in deferred) else bounds,
        redaction=native,
        context_vars=context_vars and "context_vars" not in left_out,
        static_attributes=_normalised(static_attributes),
        stages=tuple(ContainedStage(stage, ledger) for stage in inline),
        on_redaction_error=lambda error: ledger.failed(REDACTION, error),
    )
    return Chain(
        plan,
        tuple(DeferredStage(stage, ledger) for stage in deferred),
        EncodePlan(limits=bounds, context_vars=False),
        tuple(stage for stage in inline if stage.phase == "filter" and hasattr(stage, "admits")),
        ledger,
        default,
    )


def _checked_names(without: Collection[str]) -> frozenset[str]:
    names = {without} if isinstance(without, str) else set(without)
    unknown = sorted(names - set(DEFAULT_STAGES))
    if unknown:
        remedy = f"Write some of: {', '.join(DEFAULT_STAGES)}"
        raise ConfigError("without", unknown, "names no default stage", remedy)
    return frozenset(names)


def _default_redaction(redaction: Redaction | None, left_out: frozenset[str]) -> Redaction | None:
    if isinstance(redaction, DefaultRedaction):
        return redaction.excluding(left_out)
    return None if left_out >= set(REDACTORS) else redaction


def _ordered(stages: Sequence[Stage], defaults: Sequence[Stage]) -> list[Stage]:
    for stage in stages:
        _check_stage(stage)
    return sorted([*defaults, *stages], key=lambda stage: PHASES.index(stage.phase))


def _check_stage(stage: object) -> None:
    name = getattr(stage, "name", None)
    if not callable(stage) or isinstance(stage, type):
        raise ConfigError("stages", stage, "is not a stage", "Pass an instance that is callable with a Record")
    if not isinstance(name, str) or not name:
        raise ConfigError("stages", stage, "has no name", "Give it an attribute `name`")
    if getattr(stage, "phase", None) not in PHASES:
        raise ConfigError(f"stages.{name}", stage, "has no phase", f"Set `phase` to one of: {', '.join(PHASES)}")
    if not isinstance(getattr(stage, "inline", None), bool):
        raise ConfigError(f"stages.{name}", stage, "does not say whether it is inline", "Set `inline` to True or False")


def _native_redaction(inline: Sequence[Stage]) -> Redaction | None:
    """Give all redactors as one where the encoder can run them: ours only, of one mask, nothing after them."""
    last = [stage for stage in inline if stage.phase in ("redact", "process")]
    redactions = [stage.redaction for stage in last if isinstance(stage, RedactStage)]
    if not redactions or len(redactions) < len(last) or len({redaction.mask for redaction in redactions}) > 1:
        return None
    return combine(*redactions)


def _normalised(attributes: Mapping[str, object] | None) -> dict[str, AnyValue]:
    return {normalise_key(key): normalise(value) for key, value in (attributes or {}).items()}
