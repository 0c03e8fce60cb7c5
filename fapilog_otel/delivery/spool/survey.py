"""What a spool directory holds, read without changing anything: for operators, of living processes' files too."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from fapilog_otel.delivery.spool.database import APPLICATION_ID, USER_VERSION, Database, intact
from fapilog_otel.delivery.spool.directory import LOCK, Directory

if TYPE_CHECKING:
    from pathlib import Path

State: TypeAlias = Literal["live", "orphan", "newer", "corrupt", "unreadable"]


@dataclass(slots=True)
class Holding:
    """What one file holds for one destination.

    Args:
        requests: Number of requests.
        lanes: Severity number to number of records.
        size: Bytes of requests.
        oldest: When the oldest was stored, Unix ns.
        damaged: Requests whose checksum differs; None: not looked at.
    """

    requests: int = 0
    lanes: Counter[int] = field(default_factory=Counter)
    size: int = 0
    oldest: int = 0
    damaged: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One file.

    Args:
        name: Its name.
        state: ``live`` (its process runs), ``orphan``, ``newer`` (of a later version), ``corrupt`` or ``unreadable``.
        size: Bytes on disk.
        holdings: What it holds, by destination.
        problem: Why it cannot be read; empty: it can.
    """

    name: str
    state: State
    size: int
    holdings: dict[str, Holding]
    problem: str = ""

    @property
    def sound(self) -> bool:
        """Whether nothing bad was found in it."""
        return self.state in ("live", "orphan", "newer") and not any(one.damaged for one in self.holdings.values())


def survey(path: Path, *, verify: bool = False) -> list[Found]:
    """Look at every file of a spool.

    Args:
        path: The directory.
        verify: Whether to read every payload and compare its checksum.

    Raises:
        OSError: The directory cannot be read.
    """
    os.scandir(path).close()
    directory = Directory(path.absolute())
    found = [_look(directory, stem, verify=verify) for stem in directory.stems() if directory.has(stem)]
    aside = [Found(damaged.name, "corrupt", size, {}) for damaged, size in directory.quarantined()]
    return found + aside


def _look(directory: Directory, stem: str, *, verify: bool) -> Found:
    database = directory.file(stem)
    state: State = "live" if _is_held(directory.file(stem, LOCK)) else "orphan"
    size = directory.size(stem)
    try:
        with closing(Database.read_only(database)) as opened:
            holdings: dict[str, Holding] = {}
            version = opened.identity()
            if version != (APPLICATION_ID, USER_VERSION):
                newer = version[0] == APPLICATION_ID and version[1] > USER_VERSION
                return Found(database.name, "newer" if newer else "corrupt", size, {}, f"version {version[1]}")
            for head in opened.heads():
                _count(holdings.setdefault(head.destination, Holding()), head.size, head.lanes, head.created)
            if verify:
                _verify(opened, holdings)
    except (sqlite3.Error, OSError) as error:
        corrupt = isinstance(error, sqlite3.Error) and Database.says_corrupt(error)
        return Found(database.name, "corrupt" if corrupt else "unreadable", size, {}, str(error))
    return Found(database.name, state, size, holdings)


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EACCES)
    finally:
        os.close(descriptor)
    return False


def _count(holding: Holding, size: int, lanes: dict[int, int], created: int) -> None:
    holding.requests += 1
    holding.size += size
    holding.lanes.update(lanes)
    holding.oldest = min(holding.oldest or created, created)


def _verify(database: Database, holdings: dict[str, Holding]) -> None:
    for holding in holdings.values():
        holding.damaged = 0
    for destination, row in database.whole_rows():
        if intact(row) is None:
            holding = holdings.setdefault(destination, Holding())
            holding.damaged = (holding.damaged or 0) + 1
