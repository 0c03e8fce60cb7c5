"""What was pending at one moment, and what became of it: the truth behind ``flush()``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fapilog_otel.delivery.fanout import Branch


class Pending:
    """The chunks that branches hold now; made under the buffer's lock.

    Args:
        branches: Those that matter.
    """

    __slots__ = ("_holds", "_unsettled")

    def __init__(self, branches: Iterable[Branch]) -> None:
        found = [hold for branch in branches for hold in list(branch.holds) if hold.chunk.count]
        self._holds = [(hold, hold.lost_total()) for hold in found]  # what was lost before does not count
        self._unsettled = found

    def done(self) -> bool:
        """Tell whether all of it is settled."""
        while self._unsettled and self._unsettled[-1].done():  # what is settled stays so: each is asked about once
            self._unsettled.pop()
        return not self._unsettled

    def lost(self) -> bool:
        """Tell whether any of it was lost since."""
        return any(hold.lost_total() > before for hold, before in self._holds)
