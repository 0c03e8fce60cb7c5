"""The way of a loguru record to the provider: levels, doubles, translation, containment."""

from __future__ import annotations

import threading
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fapilog_otel.sources.forwarded import comes_from_logging
from fapilog_otel.sources.loguru.compiled import MAX_TARGETS, plain_records
from fapilog_otel.sources.loguru.translate import Selection, fields_of, scope_name
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.sources.stdlib.source import OtelLogger, Provider

MAX_DEPTH: Final = 3
"""How deep messages logged while one is translated are followed (a ``__str__`` that logs itself would never end)."""


class _Target(NamedTuple):
    logger: OtelLogger
    floor: float | None  # None: the lowest of the application's handlers


class _ThreadState(threading.local):
    depth = 0


class Capture:
    """Hands records to a provider's loggers while it is active.

    Args:
        provider: Where loggers come from, one a module name.
        level: Lowest level on loguru's scale; None: the lowest of the application's handlers.
        levels: The same by module name; the longest dotted parent wins.
        selection: The attributes that records get.
    """

    def __init__(self, provider: Provider, level: int | None, levels: Mapping[str, int], selection: Selection) -> None:
        self.active = True
        self.failed = 0
        self.dropped = 0
        self._provider = provider
        self._level = level
        self._levels = levels
        self._selection = selection
        self._targets: dict[str, _Target] = {}
        self._thread = _ThreadState()
        self._plain = plain_records(self._target_of, selection)

    @property
    def follows(self) -> bool:
        """Whether the application's handlers decide which levels are captured, at least for some modules."""
        return self._level is None and "" not in self._levels

    @property
    def lowest(self) -> float:
        """The lowest level that is wanted whatever the application's handlers want; infinite: none."""
        given = [*self._levels.values(), *(() if self._level is None else (self._level,))]
        return min(given, default=inf)

    def take(self, record: Mapping[str, Any], lowest: float) -> None:
        """Capture a record; never raises an `Exception`.

        Args:
            record: loguru's.
            lowest: Lowest level of the application's handlers.
        """
        thread = self._thread
        depth = thread.depth
        if depth >= MAX_DEPTH:
            self.dropped += 1
            return
        thread.depth = depth + 1
        try:
            if self._plain is None or not self._plain.take(record, lowest):
                self._take(record, lowest)
        except Exception as error:  # noqa: BLE001 - a log call never raises because of us
            self.failed += 1
            get_diagnostics().note("loguru.failed", "a loguru record was not captured", error=type(error).__name__)
        finally:
            thread.depth = depth

    def _take(self, record: Mapping[str, Any], lowest: float) -> None:
        name = scope_name(record)
        target = self._target_of(name)
        if record["level"].no < (lowest if target.floor is None else target.floor) or comes_from_logging(record):
            return
        target.logger.emit(**fields_of(record, self._selection))

    def _target_of(self, name: str) -> _Target:
        target = self._targets.get(name)
        if target is None:
            if len(self._targets) >= MAX_TARGETS:
                self._targets.clear()
            target = self._targets[name] = _Target(self._provider.get_logger(name), self._floor_of(name))
        return target

    def _floor_of(self, name: str) -> int | None:
        while name:
            if name in self._levels:
                return self._levels[name]
            name = name.rpartition(".")[0]
        return self._levels.get("", self._level)
