"""Running the clauses of a contract suite one by one, outside pytest's own collection."""

from __future__ import annotations

import inspect


def clauses_of(suite: type) -> list[str]:
    """The names of a suite's tests."""
    return [name for name, _ in inspect.getmembers(suite, inspect.isfunction) if name.startswith("test_")]


def run_test(suite: type, name: str) -> None:
    """Runs one of them on a new instance."""
    getattr(suite(), name)()
