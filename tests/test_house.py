"""The house rules that no linter knows: sizes, names, and exceptions that nobody hears of."""

from __future__ import annotations

import ast
import re
import statistics
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = (ROOT / "fapilog_otel", ROOT / "exporters" / "fapilog_otel_exporters")
MAX_FILE = 400
MAX_TEST_FILE = 800  # scenes and tables of cases
MAX_FUNCTION = 60
MAX_TEST_FUNCTION = 80
USUAL_FUNCTION = 40
MEDIAN_FUNCTION = 10
VAGUE_NAMES = frozenset(("utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"))
BROAD = frozenset(("Exception", "BaseException"))
REASON = re.compile(r"#.*\bnoqa: BLE001\b[^\w]*\w+")


def _sources(*patterns: str) -> list[Path]:
    found = [path for folder in LIBRARY for pattern in patterns for path in folder.rglob(pattern)]
    return sorted(path for path in found if path.is_file())


LIBRARY_MODULES = _sources("*.py")
LIBRARY_FILES = _sources("*.py", "*.pyx", "*.pxi")
TEST_FILES = sorted((ROOT / "tests").rglob("*.py"))


def shown(path: Path) -> str:
    """How a file is named in a failure."""
    return path.relative_to(ROOT).as_posix()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


class Function(NamedTuple):
    """A function and how many lines it has, its docstring not counted."""

    where: str
    lines: int


def _functions(path: Path) -> list[Function]:
    return [
        Function(f"{shown(path)}:{node.lineno} {node.name}", _own_lines(node))
        for node in ast.walk(_tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def _own_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    docstring = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
    documented = docstring.end_lineno - docstring.lineno + 1 if docstring and docstring.end_lineno else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - documented


class TestFiles:
    @pytest.mark.parametrize(
        ("paths", "limit"), [(LIBRARY_FILES, MAX_FILE), (TEST_FILES, MAX_TEST_FILE)], ids=["library", "tests"]
    )
    def test_are_short_enough_to_be_read_at_once(self, paths: list[Path], limit: int) -> None:
        lines = {shown(path): len(path.read_text().splitlines()) for path in paths}
        assert lines
        assert {path: count for path, count in lines.items() if count > limit} == {}

    def test_have_names_that_say_what_is_inside(self) -> None:
        assert [shown(path) for path in LIBRARY_FILES if VAGUE_NAMES.intersection(_name_parts(path))] == []


class TestFunctions:
    @pytest.mark.parametrize(
        ("paths", "limit"), [(LIBRARY_MODULES, MAX_FUNCTION), (TEST_FILES, MAX_TEST_FUNCTION)], ids=["library", "tests"]
    )
    def test_are_never_long(self, paths: list[Path], limit: int) -> None:
        functions = [function for path in paths for function in _functions(path)]
        assert functions
        assert [function for function in functions if function.lines > limit] == []

    def test_are_usually_short(self) -> None:
        lines = sorted(function.lines for path in LIBRARY_MODULES for function in _functions(path))
        assert statistics.median(lines) <= MEDIAN_FUNCTION
        assert lines[len(lines) * 95 // 100] <= USUAL_FUNCTION


class TestExceptionHandlers:
    def test_are_broad_only_with_a_reason(self) -> None:
        unreasoned = [
            f"{shown(path)}:{handler.lineno}"
            for path in LIBRARY_MODULES
            for handler in _broad_handlers(path)
            if not REASON.search(path.read_text().splitlines()[handler.lineno - 1]) and not _raises(handler)
        ]
        assert unreasoned == []

    def test_never_swallow_everything_in_silence(self) -> None:
        silent = [
            f"{shown(path)}:{handler.lineno}"
            for path in LIBRARY_MODULES
            for handler in _broad_handlers(path)
            if all(map(_is_nothing, handler.body))
        ]
        assert silent == []

    def test_are_not_replaced_by_suppress(self) -> None:
        suppressed = [
            f"{shown(path)}:{call.lineno}"
            for path in LIBRARY_MODULES
            for call in ast.walk(_tree(path))
            if isinstance(call, ast.Call) and _is_broad_suppress(call)
        ]
        assert suppressed == []


def _name_parts(path: Path) -> list[str]:
    return [part.strip("_") for part in path.relative_to(ROOT).with_suffix("").parts]


def _broad_handlers(path: Path) -> list[ast.ExceptHandler]:
    handlers = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.ExceptHandler)]
    return [handler for handler in handlers if handler.type is None or _names(handler.type) & BROAD]


def _names(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def _is_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Pass, ast.Continue)):
        return True
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_broad_suppress(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name == "suppress" and any(_names(argument) & BROAD for argument in call.args)
