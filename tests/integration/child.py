"""An application of the tests' own in a process of its own, and how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

ROOT = Path(__file__).parents[2]
PYTHONS = tuple(filter(None, os.environ.get("TEST_PYTHONS", "").split(os.pathsep))) or (sys.executable,)
"""Interpreters that applications are run on; each needs the package and its dependencies installed."""

_OURS = ("OTEL_", "FAPILOG_OTEL_", "COV_CORE_")
_KEPT = "FAPILOG_OTEL_NATIVE"  # which encoder a run of the tests is about
_POLL = 0.01


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended.

    Args:
        code: Exit code; negative: the signal that ended it.
        out: What it wrote to stdout, line by line.
        err: What it wrote to stderr.
        at: Monotonic seconds at which it was gone; the clock is the machine's, so the application's own readings
            compare with it.
    """

    code: int
    out: list[str]
    err: str
    at: float

    def said(self) -> dict[str, Any]:
        """What the application reported: its JSON lines, put together."""
        said: dict[str, Any] = {}
        for line in self.out:
            if line.startswith("{"):
                said.update(json.loads(line))
        return said


class Child:
    """A running application; leaving the block kills it if it is still there.

    Args:
        app: Name of a file in `apps`.
        arguments: Its command line.
        environ: Variables on top of the tests' own environment, which is taken without OTEL_* and FAPILOG_OTEL_*.
        python: The interpreter.
    """

    def __init__(
        self, app: str, *arguments: str, environ: Mapping[str, str] | None = None, python: str = sys.executable
    ) -> None:
        inherited = {name: value for name, value in os.environ.items() if name == _KEPT or not name.startswith(_OURS)}
        path = os.pathsep.join(map(str, (ROOT, ROOT / "exporters")))
        self._process = subprocess.Popen(
            [python, str(Path(__file__).parent / "apps" / f"{app}.py"), *arguments],
            env={**inherited, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(environ or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # its children, which share its pipes, can be killed with it
        )
        self._out: list[str] = []
        self._err: list[str] = []
        self._readers = [self._reader(self._process.stdout, self._out), self._reader(self._process.stderr, self._err)]

    @staticmethod
    def _reader(stream: IO[str] | None, lines: list[str]) -> threading.Thread:
        assert stream is not None
        thread = threading.Thread(target=lambda: lines.extend(iter(stream.readline, "")), daemon=True)
        thread.start()
        return thread

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def err(self) -> str:
        """What it has written to stderr so far."""
        return "".join(self._err)

    def wait_for(self, text: str, timeout: float = 20.0) -> None:
        """Wait until a line of its stdout or stderr holds a text."""
        deadline = time.monotonic() + timeout
        while not any(text in line for line in [*self._out, *self._err]):
            assert time.monotonic() < deadline, f"no {text!r} in\n{''.join(self._out)}\n{self.err}"
            assert self._process.poll() is None, f"ended with {self._process.returncode}\n{self.err}"
            time.sleep(_POLL)

    def go_on(self) -> None:
        """Send it a line, which is what it waits for."""
        self.tell("go")

    def tell(self, line: str) -> None:
        """Send it this line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def signal(self, number: int) -> float:
        """Send it a signal; gives the monotonic seconds at which that was done."""
        self._process.send_signal(number)
        return time.monotonic()

    def end(self, timeout: float = 30.0) -> Ended:
        """Wait for its end.

        Raises:
            AssertionError: It was still there after so many seconds; where each of its threads stood is in the text.
        """
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGABRT)  # the applications have faulthandler enabled
            self._process.wait(5.0)
            self._kill_all()
            self._join()
            raise AssertionError(f"still running after {timeout} s\n{self.err}") from None
        at = time.monotonic()
        self._join()
        return Ended(code, [line.rstrip("\n") for line in self._out], self.err, at)

    def _kill_all(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # nobody is left
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _join(self) -> None:
        for reader in self._readers:
            reader.join(5.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kill_all()
        self._join()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
