"""The short way of a log call: from the level check to the encoder, where nobody else needs the record."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.sources.stdlib.compiled import compiled_functions
from fapilog_otel.sources.stdlib.patch import Patch, is_of_logging

if TYPE_CHECKING:
    from fapilog_otel.sources._stdlib_native import RecordPath
    from fapilog_otel.sources.stdlib.hook import Hook

_USED: Final = ("_log", "handle", "getEffectiveLevel")


@functools.cache
def level_methods() -> list[tuple[str, Any, Any]]:
    """Give name, native method and logging's own of each level method; empty where they were not built."""
    module = compiled_functions()
    return [] if module is None else module.level_methods()


class Shortcut:
    """Log calls that go the short way while it is installed.

    Args:
        hook: The installed hook.
        path: The way of its records to the provider.
    """

    def __init__(self, hook: Hook, path: RecordPath) -> None:
        self._patches: list[Patch] = []
        self._path = path
        if not hook.covers_logging_alone or not _is_as_made():
            return
        for name, method, original in level_methods():
            if logging.Logger.__dict__.get(name) is method:  # put back by somebody who had covered it meanwhile
                setattr(logging.Logger, name, original)
            if logging.Logger.__dict__.get(name) is original and is_of_logging(original):
                self._patches.append(Patch(logging.Logger, name, method))
        path.open()

    @property
    def active(self) -> bool:
        """Whether log calls can go the short way at all."""
        return bool(self._patches)

    def uninstall(self) -> None:
        """Put logging's own methods back."""
        self._path.close()
        while self._patches:
            self._patches.pop().undo()


def _is_as_made() -> bool:
    """Tell whether nobody has changed what makes and passes on records."""
    functions = [getattr(logging.Logger, name) for name in _USED]
    functions += [logging.LogRecord.__init__, logging.LogRecord.getMessage, logging.NullHandler.handle]
    return all(is_of_logging(function) for function in functions)
