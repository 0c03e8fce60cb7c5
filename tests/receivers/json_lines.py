"""The Collector's JSON files, read on from where the last reading ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

Item = TypeVar("Item")


class GrowingFile(Generic[Item]):
    """A file of JSON lines that another process is still writing.

    Args:
        path: The file, which may not exist yet.
        parse: The items of one line.
    """

    def __init__(self, path: Path, parse: Callable[[bytes], Iterable[Item]]) -> None:
        self._path = path
        self._parse = parse
        self._offset = 0
        self._items: list[Item] = []

    def items(self) -> list[Item]:
        """The items of every complete line so far; a line without its end is left for the next reading."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._offset)
                complete, newline, _ = file.read().rpartition(b"\n")
            for line in complete.splitlines():
                self._items.extend(self._parse(line))
            self._offset += len(complete) + len(newline)
        return self._items
