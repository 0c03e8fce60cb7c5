"""Covering functions of servers: now, on import, once, and back again."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from fapilog_otel.integrations._patching import ImportWatch, Patches
from fapilog_otel.telemetry import diagnostics


def doubled(original: Any) -> Any:
    return lambda *args: 2 * original(*args)


class Owner:
    def method(self) -> int:
        return 1


class Heir(Owner):
    pass


class TestPatches:
    def test_cover_once_and_are_undone(self) -> None:
        patches = Patches(lambda: None)
        for _ in range(2):
            patches.cover(Owner, "method", doubled)
        assert Owner().method() == 2
        patches.undo()
        patches.undo()
        assert Owner().method() == 1

    def test_of_an_inherited_method_leave_nothing_behind(self) -> None:
        patches = Patches(lambda: None)
        patches.cover(Heir, "method", doubled)
        assert (Heir().method(), Owner().method()) == (2, 1)
        patches.undo()
        assert "method" not in Heir.__dict__

    def test_under_somebody_elses_stay(self) -> None:
        patches, theirs = Patches(lambda: None), Patches(lambda: None)
        patches.cover(Owner, "method", doubled)
        theirs.replace(Owner, "method", over := lambda self: 7)
        patches.undo()
        assert Owner.__dict__["method"] is over
        theirs.undo()
        Owner.method = Owner.method.__wrapped__  # type: ignore[attr-defined,method-assign]

    def test_of_what_is_not_there_do_nothing(self) -> None:
        Patches(lambda: None).cover(Owner, "missing", doubled)
        assert not hasattr(Owner, "missing")


@pytest.fixture
def module_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = "watched_for_a_test"
    (tmp_path / f"{name}.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


class TestImportWatch:
    def test_acts_once_the_module_has_run(self, module_name: str) -> None:
        seen: list[int] = []
        watch = ImportWatch({module_name: lambda module: seen.append(module.value)})
        watch.install()
        try:
            assert seen == []
            module = importlib.import_module(module_name)
            assert seen == [1]
            importlib.reload(module)
            assert seen == [1]
        finally:
            watch.uninstall()
        assert watch not in sys.meta_path

    def test_acts_at_once_on_what_is_there(self, module_name: str) -> None:
        importlib.import_module(module_name)
        seen: list[ModuleType] = []
        watch = ImportWatch({module_name: seen.append})
        watch.install()
        watch.uninstall()
        assert len(seen) == 1

    def test_does_not_act_on_what_was_only_looked_for(self, module_name: str) -> None:
        seen: list[ModuleType] = []
        watch = ImportWatch({module_name: seen.append})
        watch.install()
        try:
            assert importlib.util.find_spec(module_name) is not None
            assert seen == []
        finally:
            watch.uninstall()

    def test_that_fails_keeps_nobody_from_importing(self, module_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        said: list[str] = []
        reporting = SimpleNamespace(report=lambda kind, text, **more: said.append(kind))
        monkeypatch.setattr("fapilog_otel.integrations._patching.get_diagnostics", lambda: reporting)
        watch = ImportWatch({module_name: lambda module: module.nothing})
        watch.install()
        try:
            assert importlib.import_module(module_name).value == 1
        finally:
            watch.uninstall()
        assert said == [f"integration.{module_name}"]
        assert diagnostics.get_diagnostics() is not reporting
