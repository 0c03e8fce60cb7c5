"""loguru's mapping of handlers with one of ours before them, which the application neither sees nor removes.

loguru changes its handlers by copying the mapping, changing the copy and putting it in place: the copies of ours are of
ours. Handlers of the application keep their ids, and ``len``, ``in`` and iteration know only of them; ``values()``,
which is what loguru hands each record to, and truth, which it asks whether there is anybody at all, know of ours too.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fapilog_otel.sources.loguru.capture import Capture

DEFAULT_LEVEL: Final = 10
"""What is captured where the application has no handler and no level was asked for: loguru's default, DEBUG."""


class Tap:
    """A handler as loguru calls it: synchronously, on the caller's thread, whatever ``enqueue`` others have.

    Args:
        core: loguru's ``Core`` that it stands in.
        capture: What takes the records.
        levelno: Lowest level, on loguru's scale.
    """

    __slots__ = ("_capture", "_core", "_known", "_lowest", "levelno")

    def __init__(self, core: Any, capture: Capture, levelno: float) -> None:
        self.levelno = levelno
        self._core = core
        self._capture = capture
        self._known: object = None
        self._lowest: float = DEFAULT_LEVEL

    def emit(self, record: dict[str, Any], *_: object) -> None:
        """Take a record; never raises an `Exception`."""
        if self._core.handlers is not self._known:
            self._learn()
        self._capture.take(record, self._lowest)

    def _learn(self) -> None:
        """Find the lowest level of the application's handlers; loguru's own note of it still counts those of before."""
        core = self._core
        if not core.lock.acquire(blocking=False):
            return  # they are being changed, maybe by this very thread
        try:
            handlers = core.handlers
            if isinstance(handlers, Handlers):
                self._lowest = handlers.lowest()
                core.min_level = handlers.min_level()
                self._known = handlers
        finally:
            core.lock.release()

    def stop(self) -> None:
        """Nothing to stop."""

    def complete_queue(self) -> None:
        """Nothing is queued."""

    def tasks_to_complete(self) -> list[Any]:
        """Give none."""
        return []

    def update_format(self, level_id: str) -> None:
        """Nothing is formatted."""

    def __repr__(self) -> str:
        return "(fapilog_otel)"


class Handlers(dict[int, Any]):
    """The handlers of a ``Core`` by id, and ours.

    Args:
        items: The application's.
        core: The ``Core``.
        capture: What takes the records.
        taps: Ours where the application has none, and where it has some; None: new ones.
    """

    __slots__ = ("_all", "_capture", "_core", "_taps")

    def __init__(self, items: Any, core: Any, capture: Capture, taps: tuple[Tap, Tap] | None = None) -> None:
        super().__init__(items)
        self._all: tuple[Any, ...] | None = None
        self._core = core
        self._capture = capture
        lowest = capture.lowest
        self._taps = taps or (Tap(core, capture, min(DEFAULT_LEVEL, lowest) if capture.follows else lowest),
                              Tap(core, capture, lowest))  # fmt: skip

    def __bool__(self) -> bool:
        return self._capture.active or len(self) > 0

    def values(self) -> Any:
        """Give ours and the application's handlers."""
        if not self._capture.active:
            return super().values()
        found = self._all
        if found is None:
            tap = self._taps[1] if len(self) else self._taps[0]
            found = self._all = (tap, *super().values())
        return found

    def lowest(self) -> float:
        """Give the lowest level of the application's handlers; loguru's default where there are none."""
        return min((handler.levelno for handler in super().values()), default=DEFAULT_LEVEL)

    def min_level(self) -> float:
        """Give the level below which nobody wants records, as ``Core.min_level``."""
        return min((handler.levelno for handler in self.values()), default=inf)

    def copy(self) -> Handlers:
        """Give a copy that has ours too."""
        return Handlers(self, self._core, self._capture, self._taps)

    def __setitem__(self, key: int, handler: Any) -> None:
        self._all = None
        super().__setitem__(key, handler)

    def __delitem__(self, key: int) -> None:
        self._all = None
        super().__delitem__(key)

    def pop(self, *args: Any) -> Any:
        """Take one of the application's out."""
        self._all = None
        return super().pop(*args)

    def clear(self) -> None:
        """Take all of the application's out."""
        self._all = None
        super().clear()

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Put handlers in."""
        self._all = None
        super().update(*args, **kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[int, Any]:
        """Give the handlers of a copied logger, which is captured too: so loguru's users get a second logger."""
        from copy import deepcopy  # noqa: PLC0415 - loaded, as somebody is at it

        items = {key: deepcopy(handler, memo) for key, handler in self.items()}
        core = memo.get(id(self._core))
        return items if core is None else Handlers(items, core, self._capture)

    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        """Pickle the application's handlers alone: another process has its own source, or none."""
        return dict, (list(self.items()),)
