"""A real receiver as a child process: free ports, readiness, read-back, restart and sudden death."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from fapilog_otel.receiver import ReceivedLog

HOST = "127.0.0.1"
READY_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02
START_ATTEMPTS = 3
TAIL_LINES = 30

# A proxy named in the environment has no way to our loopback ports.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ReceiverError(RuntimeError):
    """A receiver process did not do what it was started for; the text holds the tail of its own log."""


class ReceiverProcess(ABC):
    """One receiver; a context manager that starts on entry and stops on exit.

    Its ports and its data stay the same from the first start to the end of the context, across `restart` and `kill`.
    """

    name: ClassVar[str]
    port_names: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._resources = ExitStack()
        self._folder: Path | None = None

    @property
    def folder(self) -> Path:
        """The process's own folder: configuration, data, log."""
        if self._folder is None:
            self._folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix=f"{self.name}-")))
        return self._folder

    @property
    def pid(self) -> int:
        """The id of the running process."""
        if self._process is None:
            raise ReceiverError(f"{self.name} is not running")
        return self._process.pid

    @abstractmethod
    def command(self) -> list[str]:
        """The command line, with the ports that were picked; configuration files are written here."""

    def environment(self) -> dict[str, str]:
        """The process's environment variables."""
        return dict(os.environ)

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the running process takes requests."""

    @abstractmethod
    def records(self, service: str | None = None) -> list[ReceivedLog]:
        """What has arrived so far, in order of arrival; of one `service.name` only, where it is given."""

    def wait_for(self, count: int, timeout: float = 10.0, service: str | None = None) -> list[ReceivedLog]:
        """All records as soon as there are at least so many.

        Args:
            count: Records to wait for.
            timeout: Seconds to wait at most.
            service: Count those of this `service.name` only.

        Raises:
            TimeoutError: Fewer had arrived by then; the text says how many.
        """
        deadline = time.monotonic() + timeout
        while len(records := self.records(service)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}: {len(records)} of {count} records after {timeout} s{self._tail()}")
            time.sleep(POLL_SECONDS)
        return records

    def start(self) -> Self:
        """Starts the process and returns once it takes requests.

        Raises:
            ReceiverError: It ended, or was not ready in time.
        """
        if self._process is not None:
            return self
        for attempt in range(START_ATTEMPTS):
            # A port picked here can be taken by another process before ours listens on it: the first start tries again.
            first = not self.starts
            if first:
                self.ports = _free_ports(self.port_names)
            try:
                self._start_once()
            except ReceiverError:
                if not first or attempt + 1 == START_ATTEMPTS or "address already in use" not in self._tail().lower():
                    raise
            else:
                break
        return self

    def stop(self) -> None:
        """Ends the process in good order (SIGTERM); what it received stays readable."""
        if (process := self._process) is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
        self._process = None

    def kill(self) -> None:
        """Ends the process at once (SIGKILL)."""
        if (process := self._process) is not None:
            process.kill()
            process.wait(STOP_SECONDS)
        self._process = None

    def restart(self) -> None:
        """Stops the process in good order and starts it on the same ports with the same data."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self._close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def endpoint(self, port: str, *, tls: bool = False) -> str:
        """The URL of one of the ports."""
        return f"{'https' if tls else 'http'}://{HOST}:{self.ports[port]}"

    def http_answers(self, url: str) -> bool:
        """Whether a GET of this URL of the process gives a 2xx."""
        try:
            with DIRECT.open(url, timeout=2) as reply:
                return bool(200 <= reply.status < 300)
        except (urllib.error.URLError, OSError):
            return False

    def _start_once(self) -> None:
        argv = self.command()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            code = self._process.poll()
            if code is not None or time.monotonic() > deadline:
                self.kill()
                state = "was not ready in time" if code is None else f"ended with {code}"
                raise ReceiverError(f"{' '.join(argv)} {state}{self._tail()}")
            time.sleep(POLL_SECONDS)
        self.starts += 1

    def _close(self) -> None:
        self.stop()
        self._resources.close()
        self._folder = None

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def _tail(self) -> str:
        if not self._log.exists():
            return ""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(["; its log ends in:", *lines[-TAIL_LINES:]])


def accepts_connections(port: int) -> bool:
    """Whether something listens on a loopback port."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def _free_ports(names: tuple[str, ...]) -> dict[str, int]:
    with ExitStack() as stack:
        # All are held open until all are picked, so that no two can be the same.
        sockets = [stack.enter_context(socket.create_server((HOST, 0))) for _ in names]
        return {name: sock.getsockname()[1] for name, sock in zip(names, sockets, strict=True)}
