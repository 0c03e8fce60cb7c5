"""The table of reasons: whatever the code can give as one is in it, and the documentation shows it as it stands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fapilog_otel.telemetry.reasons import REASONS, explain, known_as

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted(
    path
    for folder in ("fapilog_otel", "exporters/fapilog_otel_exporters")
    for path in (ROOT / folder).rglob("*.p[yx]*")
    if path.suffix in {".py", ".pyx", ".pxi"}
)
# Whose first text among the arguments is a reason.
COUNTING = ("drop", "fail", "give_up", "give_up_waiting", "_count_dropped", "_lost", "lost", "SpoolError")
# `outcome["…"] += …` of the exporter face; not those of other tables.
OUTCOME = re.compile(r'outcome\["([A-Za-z_]+)"')
NATIVE = re.compile(r'\bdrop\([^()]*, "(\w+)"\)')


def python_reasons(path: Path) -> Iterator[str]:
    """Every text that a module uses as a reason; the changing part of an f-string is an asterisk."""
    text = path.read_text()
    yield from OUTCOME.findall(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            yield from (shown(one.value) for one in node.keywords if one.arg == "reason" and is_text(one.value))
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in COUNTING:
                yield from [shown(one) for one in node.args if is_text(one)][:1]
        elif isinstance(node, ast.arg | ast.AnnAssign | ast.FunctionDef):
            yield from defaults(node)
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "_REASONS":
            pairs = [one for one in ast.walk(node) if isinstance(one, ast.Tuple)]
            yield from (shown(pair.elts[-1]) for pair in pairs if len(pair.elts) == 2 and is_text(pair.elts[-1]))


def defaults(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef):
        for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
            if argument.arg == "reason" and default is not None and is_text(default):
                yield shown(default)


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def shown(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
    assert isinstance(node, ast.Constant)
    return str(node.value)


@cache
def reasons_of(path: Path) -> set[str]:
    found = set(python_reasons(path)) if path.suffix == ".py" else set(NATIVE.findall(path.read_text()))
    return {reason for reason in found if re.fullmatch(r"[A-Za-z_*0-9]+", reason)} - {""}


def table() -> dict[str, tuple[str, str]]:
    """The rows of the table in the documentation."""
    page = (ROOT / "docs" / "observability.md").read_text()
    section = page.partition("## Reasons")[2].partition("\n## ")[0]
    rows = [re.split(r"\s*\|\s*", line.strip())[1:-1] for line in section.splitlines() if line.startswith("| `")]
    return {name.strip("`"): (cause, remedy) for name, cause, remedy in rows}


class TestCompleteness:
    def test_the_search_finds_what_it_should(self) -> None:
        found = set().union(*(reasons_of(path) for path in SOURCES))
        assert {
            "queue_full", "shutdown", "encode_error", "rejected", "too_large", "http_*", "grpc_*", "timeout", "error",
            "exporter_error", "circuit_open", "connection_refused", "permanent", "unavailable", "already_shutdown",
        } <= found  # fmt: skip

    @pytest.mark.parametrize(
        "path", [p for p in SOURCES if reasons_of(p)], ids=lambda p: p.relative_to(ROOT).as_posix()
    )
    def test_every_reason_in_the_code_is_in_the_table(self, path: Path) -> None:
        assert {reason for reason in reasons_of(path) if known_as(reason) is None} == set()

    def test_every_name_of_errno_is(self) -> None:
        assert known_as("enospc") == known_as("eacces") == "errno"
        assert known_as("no_such_reason") is None

    def test_every_entry_says_something(self) -> None:
        for name, reason in REASONS.items():
            assert len(reason.cause) > 8, name
            assert len(reason.remedy) > 8, name


class TestDocumentation:
    def test_the_page_shows_the_table_as_it_is(self) -> None:
        assert table() == {name: tuple(reason) for name, reason in REASONS.items()}


class TestExplain:
    def test_prefers_the_reason_itself_to_its_family(self) -> None:
        assert explain("http_401") is REASONS["http_401"]
        assert explain("http_418") is REASONS["http_*"]
        assert explain("grpc_internal") is REASONS["grpc_*"]
        assert explain("connection_reset") is REASONS["connection_*"]

    def test_says_that_a_reason_is_the_exporters_own(self) -> None:
        assert "exporter's own" in explain("shard_lost").cause
