"""The Python encoder has no lock: where a chunk takes a record, or changes hands, nothing may come in between."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from fapilog_otel.encode.emit import EmitCore
from fapilog_otel.encode.intake import ChunkIntake
from fapilog_otel.model.chunk import Chunk

# A call, and a jump that is taken, is where signal handlers and other threads come in; making a container is where the
# collector does. A jump past the section leaves it, and is none of it.
ENTRANCES = ("CALL", "BUILD_", "JUMP_ABSOLUTE", "JUMP_BACKWARD", "YIELD", "RESUME", "LIST_", "FORMAT")


def section(function: Callable[..., Any], first: str, last: str) -> list[dis.Instruction]:
    """Give the instructions of a function from the line that holds one text to the line that holds another."""
    source, start = inspect.getsourcelines(function)
    lines = [number for number, line in enumerate(source, start) if first in line]
    ends = [number for number, line in enumerate(source, start) if last in line and number >= lines[0]]
    inside = range(lines[0], ends[0] + 1)
    found: list[dis.Instruction] = []
    line = 0
    for instruction in dis.get_instructions(function):
        positions = getattr(instruction, "positions", None)
        line = (positions.lineno if positions else instruction.starts_line) or line
        if line in inside:
            found.append(instruction)
    return found


@pytest.mark.parametrize(
    ("function", "first", "last"),
    [
        (EmitCore.take, "chunk = self._open[BANDS[severity]]", "self._stored += 1"),
        (ChunkIntake._admit, "chunk = self._open[BANDS[severity]]", "self._stored += 1"),
        (ChunkIntake._admit_bounded, "chunk = self._open[band]", "self._stored += 1"),
        (ChunkIntake._seal, "if self._open[band] is chunk", "sealed.append(chunk)"),
        (ChunkIntake._install, "old = self._open[band]", "sealed.append(old)"),
        (ChunkIntake._install, "elif self._open[band] is None", "self._changes += 1"),
        (ChunkIntake._count_dropped, "lanes[severity] += 1", "self._changes += 1"),
        (ChunkIntake._count_filtered, "self._filtered[severity] += 1", "self._changes += 1"),
        (Chunk.append, "self.entries += entry", "self.room -= size"),
        (Chunk._settle, "if self._scopes is scopes", "del entries[taken]"),
    ],
)
class TestSections:
    def test_have_no_entrance(self, function: Callable[..., Any], first: str, last: str) -> None:
        names = [instruction.opname for instruction in section(function, first, last)]
        assert any("STORE" in name for name in names)
        if last.endswith(("(chunk)", "(old)")):  # the call that ends it
            while not names.pop().startswith("CALL"):
                pass
        assert [name for name in names if name.startswith(ENTRANCES)] == []
