"""Putting functions over those of servers: once, undone together, and now or when the module is imported."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Mapping
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

Action: TypeAlias = Callable[[ModuleType], None]

_ABSENT = object()


class Patches:
    """Attributes that were replaced, and what stood there before.

    Args:
        last_words: Delivers what is pending, for servers that end the process without running Python's exit.
    """

    def __init__(self, last_words: Callable[[], object]) -> None:
        self.last_words = last_words
        self._undo: list[Callable[[], object]] = []

    def cover(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Put a function over another.

        Args:
            owner: Class or module.
            name: Attribute; one that the owner does not have is left alone.
            make: Gives the function from the one that stands there.
        """
        original = getattr(owner, name, None)
        if original is None or getattr(original, "_fapilog_otel", False):
            return
        over: Any = functools.wraps(original)(make(original))
        over._fapilog_otel = True  # noqa: SLF001 - our own mark
        self.replace(owner, name, over)

    def replace(self, owner: Any, name: str, over: object) -> None:
        """Put something in an attribute's place.

        Args:
            owner: Class or module.
            name: Attribute.
            over: What it is until `undo`.
        """
        before = owner.__dict__.get(name, _ABSENT)
        setattr(owner, name, over)
        self.on_undo(lambda: _restore(owner, name, before, over))

    def on_undo(self, action: Callable[[], object]) -> None:
        """Have something done by `undo`."""
        self._undo.append(action)

    def undo(self) -> None:
        """Put back what stood there, unless somebody has covered ours; a second call does nothing."""
        while self._undo:
            self._undo.pop()()


def _restore(owner: Any, name: str, before: Any, over: Any) -> None:
    if owner.__dict__.get(name) is not over:
        return
    if before is _ABSENT:
        delattr(owner, name)
    else:
        setattr(owner, name, before)


def contained(name: str, action: Action, module: ModuleType) -> None:
    """Run an action; what it raises is told once and goes no further: a server must start without us."""
    try:
        action(module)
    except Exception as error:  # noqa: BLE001 - a version of the server that we do not know
        text = f"{name} is of a version that is not known; its access records keep the trace they are written in"
        get_diagnostics().report(f"integration.{name}", text, cause=repr(error))


class ImportWatch(MetaPathFinder):
    """Acts on modules as soon as they are imported; those that are there already, at once.

    Args:
        actions: Module name to what is done with the module.
    """

    def __init__(self, actions: Mapping[str, Action]) -> None:
        self._actions = dict(actions)
        self._lock = threading.Lock()

    def install(self) -> None:
        """Act on what is imported, and watch for the rest."""
        sys.meta_path.insert(0, self)
        for name in tuple(self._actions):
            module = sys.modules.get(name)
            if module is not None and not getattr(module.__spec__, "_initializing", False):
                self._act(name, module)

    def uninstall(self) -> None:
        """Watch no longer."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        self._actions.clear()

    def _act(self, name: str, module: ModuleType) -> None:
        with self._lock:
            action = self._actions.pop(name, None)
        if action is not None:
            contained(name, action, module)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give the spec that the other finders find, its loader made to tell us."""
        if fullname not in self._actions:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if finder is self or find is None else find(fullname, path, target)
            if spec is not None:
                self._listen(spec)
                return spec
        return None

    def _listen(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        load = getattr(loader, "exec_module", None)
        if load is None:
            return

        def exec_module(module: ModuleType) -> None:
            load(module)
            self._act(module.__name__, module)

        try:
            loader.exec_module = exec_module  # file loaders are made anew for each module
        except AttributeError:  # one without an instance dict: its module is not watched
            return
