"""What keeps an error in a stage from reaching the application: caught, counted by stage, reported once a stage.

A filter, enricher or processor that fails keeps the record as it was; a redactor that fails takes everything out of it
that could hold a secret.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from fapilog_otel.encode.values import REDACTION_FAILED
from fapilog_otel.model.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.contracts.stage import Stage


class StageLedger:
    """Counts what stages did, by stage name.

    Args:
        report: Told of the first error of each stage.
    """

    __slots__ = ("_report", "errors", "filtered")

    def __init__(self, report: Callable[[str, BaseException], None] | None = None) -> None:
        self.errors: dict[str, int] = {}
        self.filtered: dict[str, int] = {}
        self._report = report

    def failed(self, name: str, error: BaseException) -> None:
        """Count an error, and report it if it is the stage's first."""
        count = self.errors.get(name, 0) + 1
        self.errors[name] = count
        if count == 1 and self._report is not None:
            try:
                self._report(name, error)
            except Exception:  # noqa: BLE001 - a log call must not fail for want of a report; counted
                self.errors["report"] = self.errors.get("report", 0) + 1

    def dropped(self, name: str) -> None:
        """Count a record that a stage filtered out."""
        self.filtered[name] = self.filtered.get(name, 0) + 1


def fail_closed(record: Record) -> Record:
    """Give what is left of a record whose redaction failed: ids, times, severity, scope and event name."""
    return record.replace(body=REDACTION_FAILED, attributes={})


class _Contained:
    """What both kinds of contained stages share.

    Args:
        stage: The user's stage.
        ledger: Where errors and filtered records are counted.
    """

    __slots__ = ("_ledger", "_stage", "name", "phase")

    def __init__(self, stage: Stage, ledger: StageLedger) -> None:
        self._stage = stage
        self._ledger = ledger
        self.name = stage.name
        self.phase = stage.phase

    def _checked(self, result: object) -> Record | None:
        if isinstance(result, Record):
            return result
        if result is not None:
            raise TypeError(f"stage {self.name!r} returned {type(result).__name__}, not a Record or None")
        self._ledger.dropped(self.name)
        return None

    def _contained(self, record: Record, error: BaseException) -> Record:
        self._ledger.failed(self.name, error)
        return fail_closed(record) if self.phase == "redact" else record

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class ContainedStage(_Contained):
    """An inline stage that never raises an `Exception` and returns a record or None."""

    __slots__ = ()

    def __call__(self, record: Record) -> Record | None:
        """Run the stage on one record."""
        try:
            result = self._stage(record)
            if inspect.iscoroutine(result):
                result.close()  # or Python would warn, on stderr, that it was never awaited
            return self._checked(result)
        except Exception as error:  # noqa: BLE001 - a user's stage; counted and reported
            return self._contained(record, error)


class DeferredStage(_Contained):
    """A stage on the pipeline thread's loop, whose result may be awaitable; otherwise as `ContainedStage`."""

    __slots__ = ()

    async def __call__(self, record: Record) -> Record | None:
        """Run the stage on one record."""
        from asyncio import CancelledError  # noqa: PLC0415 - loaded by the loop that runs this

        try:
            result = self._stage(record)
            if inspect.isawaitable(result):
                result = await result
            return self._checked(result)
        except CancelledError:  # shutdown's
            raise
        except BaseException as error:  # noqa: BLE001 - a user's stage, whose SystemExit would end all delivery here
            return self._contained(record, error)
