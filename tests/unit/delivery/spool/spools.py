"""Spools for tests: a host that remembers, one that starts and stops by itself, requests that prove themselves."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fapilog_otel.delivery.spool import Row, Spool, SpoolPolicy
from fapilog_otel.telemetry.diagnostics import Diagnostics

PATIENCE = 20.0


class Host:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.threads: set[str] = set()

    def adopted(self, destination: str, lanes: Mapping[int, int], rows: int) -> None:
        self._note("adopted", destination, dict(lanes), rows)

    def lost(self, destination: str, lanes: Mapping[int, int], reason: str) -> None:
        self._note("lost", destination, dict(lanes), reason)

    def available(self, destination: str) -> None:
        self._note("available", destination)

    def degraded(self, reason: str) -> None:
        self._note("degraded", reason)

    def healed(self) -> None:
        self._note("healed")

    def _note(self, *call: Any) -> None:
        self.threads.add(threading.current_thread().name)
        self.calls.append(call)

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """What was told under one name."""
        return [call[1:] for call in tuple(self.calls) if call[0] == name]

    def lost_records(self) -> Counter[tuple[str, str]]:
        """Records lost, by destination and reason."""
        lost: Counter[tuple[str, str]] = Counter()
        for destination, lanes, reason in self.named("lost"):
            lost[destination, reason] += sum(lanes.values())
        return lost


class Running:
    """A spool with its host and what it said."""

    def __init__(self, spool: Spool, host: Host, said: io.StringIO) -> None:
        self.spool = spool
        self.host = host
        self.said = said

    def put(self, body: bytes, *, severity: int = 9, records: int = 1, destination: str = "a") -> Row:
        return self.spool.put(destination, (body,), {severity: records}).result(PATIENCE)

    def take(self, limit: int = 1000, destination: str = "a") -> list[tuple[Row, bytes]]:
        return self.spool.take(destination, limit).result(PATIENCE)

    def bodies(self, destination: str = "a") -> list[bytes]:
        """Take everything that there is, and give the payloads."""
        return [body for _, body in self.take(100_000, destination)]

    def settle(self) -> None:
        """Wait until the thread has done what was asked of it before."""
        self.take(0)


def quick(directory: Path, **changes: Any) -> SpoolPolicy:
    """A policy for tests: it looks around and tries again soon."""
    given: dict[str, Any] = {"adopt_interval": 0.1, "probe_interval": 0.1, "ballast_bytes": 65536, "delete_delay": 0.02}
    return SpoolPolicy(str(directory), **{**given, **changes})


def started(directory: Path, destinations: tuple[str, ...] = ("a",), **changes: Any) -> Running:
    """A spool that runs."""
    host, said = Host(), io.StringIO()
    spool = Spool(quick(directory, **changes), Diagnostics(stream=lambda: said))
    spool.prepare()
    spool.start(destinations, host)
    running = Running(spool, host, said)
    running.settle()
    return running


@contextmanager
def running(directory: Path, destinations: tuple[str, ...] = ("a",), **changes: Any) -> Iterator[Running]:
    """A spool that runs during the block."""
    one = started(directory, destinations, **changes)
    try:
        yield one
    finally:
        assert one.spool.stop(PATIENCE)


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)


def request(size: int = 1000) -> bytes:
    """Bytes that begin with the hash of the rest."""
    payload = os.urandom(size)
    return hashlib.sha256(payload).digest() + payload


def is_whole(body: bytes) -> bool:
    """Whether bytes are those of `request`."""
    return hashlib.sha256(body[32:]).digest() == body[:32]


def files(directory: Path, suffix: str = ".db") -> list[Path]:
    """The files of a directory with an ending."""
    return sorted(path for path in directory.iterdir() if path.name.endswith(suffix))


def in_child(work: Callable[[], None]) -> None:
    """Run something in a forked child that dies without any goodbye; it must not raise."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def leave_behind(directory: Path, bodies: list[bytes], *, destination: str = "a", **changes: Any) -> None:
    """Have a process store requests and die at once."""

    def work() -> None:
        one = started(directory, (destination,), **changes)
        for future in [one.spool.put(destination, (body,), {9: 1}) for body in bodies]:
            future.result(PATIENCE)

    in_child(work)
