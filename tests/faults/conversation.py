"""An application in a process of its own that is told what to do line by line, and answers each line with JSON."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

ROOT = Path(__file__).parents[2]
APPS = Path(__file__).parent / "apps"
_OURS = ("OTEL_", "FAPILOG_OTEL_", "COV_CORE_")
_KEPT = "FAPILOG_OTEL_NATIVE"


class Conversation:
    """A running application of `apps`; leaving the block kills it if it is still there.

    Args:
        app: Name of its file.
        environ: Variables on top of this process's own, which are taken without OTEL_* and FAPILOG_OTEL_*.
    """

    def __init__(self, app: str, environ: Mapping[str, str]) -> None:
        inherited = {name: value for name, value in os.environ.items() if name == _KEPT or not name.startswith(_OURS)}
        path = os.pathsep.join(map(str, (ROOT, ROOT / "exporters")))
        self.process = subprocess.Popen(
            [sys.executable, str(APPS / f"{app}.py")],
            env={**inherited, "PYTHONPATH": path, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._err: list[str] = []
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._listen, self._read_errors)]
        for thread in self._threads:
            thread.start()

    @property
    def err(self) -> str:
        """What it has written to stderr so far."""
        return "".join(self._err)

    def tell(self, line: str) -> None:
        """Send it a line, without waiting for the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self, timeout: float) -> dict[str, Any]:
        """Give its next answer.

        Args:
            timeout: Seconds to wait at most.
        """
        try:
            said = self._said.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"no answer within {timeout} s\n{self.err}") from None
        assert said is not None, f"it has ended\n{self.err}"
        return said

    def ask(self, line: str, timeout: float) -> dict[str, Any]:
        """Send it a line and give the answer."""
        self.tell(line)
        return self.hear(timeout)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                self._said.put(json.loads(line))
        self._said.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self._err.extend(self.process.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join(5.0)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
