"""Functions put over those of ``logging``, and what tells logging's own from others'."""

from __future__ import annotations

import logging
from typing import Any, Final

LOGGING_FILE: Final = logging.addLevelName.__code__.co_filename

_ABSENT: Final = object()


class Patch:
    """A class attribute that was replaced, and what stood there before."""

    __slots__ = ("_before", "_name", "_owner", "_value")

    def __init__(self, owner: type, name: str, value: object) -> None:
        self._owner = owner
        self._name = name
        self._value = value
        self._before = owner.__dict__.get(name, _ABSENT)
        setattr(owner, name, value)

    def undo(self) -> None:
        """Put back what stood there before, unless somebody has put something else in its place."""
        if self._owner.__dict__.get(self._name) is not self._value:
            return
        if self._before is _ABSENT:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, self._before)


def is_of_logging(function: object) -> bool:
    """Tell whether a function is logging's own and nobody's that was put over it."""
    code = getattr(function, "__code__", None)
    return getattr(code, "co_filename", None) == LOGGING_FILE and not hasattr(function, "__wrapped__")


def as_part_of_logging(function: Any) -> Any:
    """Give the function with its frames counted as logging's own.

    ``logging`` tells its frames from the application's by file name: for ``stacklevel``, and for the call stack that it
    prints when a handler fails, which would otherwise end at our function instead of the caller's line.
    """
    function.__code__ = function.__code__.replace(co_filename=LOGGING_FILE)
    return function
