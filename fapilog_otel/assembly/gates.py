"""Which severities a logger lets through, by the dotted name of the logger."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class LevelGate:
    """The level gate of a provider.

    Args:
        default: Lowest severity number of loggers without a rule; 0: all.
        levels: Severity numbers by logger name; the longest name that is the logger or a dotted parent of it wins, and
            the empty one, the root's, holds for all others.
    """

    __slots__ = ("_levels", "default")

    def __init__(self, default: int = 0, levels: Mapping[str, int] | None = None) -> None:
        self.default = default
        self._levels = dict(levels or {})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LevelGate):
            return NotImplemented
        return (self.default, self._levels) == (other.default, other._levels)

    def __hash__(self) -> int:
        return hash((self.default, tuple(sorted(self._levels.items()))))

    def of(self, name: str, default: int | None = None) -> int:
        """Give the lowest severity number that a logger lets through.

        Args:
            name: Dotted logger name.
            default: In place of the gate's own default.
        """
        levels = self._levels
        while levels:
            if name in levels:
                return levels[name]
            if not name:
                break
            name = name.rpartition(".")[0]
        return self.default if default is None else default
