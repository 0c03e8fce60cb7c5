"""Where records go: the counting receiver, the OpenTelemetry Collector, rotel; each tells what has arrived.

::

    counting   subject ─► counting receiver                        kept for all runs, cleared between them
    collector  subject ─► Collector ─► file of protobuf messages   fresh for each run
    rotel      subject ─► rotel ─► counting receiver               fresh for each run
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from benchmarks.compare.environments import UnavailableError, environment
from benchmarks.compare.paths import ROOT
from benchmarks.compare.real_receivers import BuildError, BusyRotel, ReceiverError, RecordingCollector
from benchmarks.compare.verdict import Expected, examine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from benchmarks.compare.variants import Variant

_ARRIVAL_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1


class Destination(Protocol):
    """Takes the records of one run."""

    endpoint: str

    def examine(self, expected: Expected, records: int) -> dict[str, Any]:
        """Tell what has arrived.

        Args:
            expected: What every record must hold.
            records: How many were sent: a collector is given time to pass them on.
        """


class ReceiverProcess:
    """A counting receiver in a process of its own; a context manager."""

    def __init__(self, protocol: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.compare.receiver", protocol],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(),
        )
        self.endpoint = f"http://127.0.0.1:{self._read()['port']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, **command: object) -> dict[str, Any]:
        """Send a command and give its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._read()

    def examine(self, expected: Expected, records: int) -> dict[str, Any]:
        """Tell what has arrived."""
        del records  # all is here: a subject has its reply to every request
        return self.ask(do="examine", **expected.as_dict())

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the receiver has died")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Destinations:
    """All destinations of a session, started when first needed; a context manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._counting: dict[str, ReceiverProcess] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def counting(self, protocol: str) -> ReceiverProcess:
        """Give the counting receiver of a protocol, ``http`` or ``grpc``, with nothing in it."""
        if protocol not in self._counting:
            self._counting[protocol] = self._stack.enter_context(ReceiverProcess(protocol))
        self._counting[protocol].ask(do="clear")
        return self._counting[protocol]

    @contextmanager
    def opened(self, variant: Variant) -> Iterator[Destination]:
        """Give the destination of one run.

        Raises:
            UnavailableError: The collector is not there and cannot be built.
        """
        if variant.destination == "counting":
            yield self.counting(variant.protocol)
            return
        with ExitStack() as stack:
            try:
                if variant.destination == "collector":
                    target: Destination = _Collector(stack.enter_context(RecordingCollector()))
                else:
                    behind = self.counting("http")
                    target = _Rotel(stack.enter_context(BusyRotel(behind.endpoint)), behind)
            except (BuildError, ReceiverError) as error:
                raise UnavailableError(str(error).splitlines()[0]) from error
            yield target


class _Collector:
    def __init__(self, process: RecordingCollector) -> None:
        self._process = process
        self.endpoint = process.http_endpoint

    def examine(self, expected: Expected, records: int) -> dict[str, Any]:
        del records  # it replies once it has written
        self._process.stop()  # its file exporter flushes at the end
        return examine(self._process.bodies(), expected).as_dict()


class _Rotel:
    def __init__(self, process: BusyRotel, behind: ReceiverProcess) -> None:
        self._behind = behind
        self.endpoint = process.http_endpoint

    def examine(self, expected: Expected, records: int) -> dict[str, Any]:
        deadline = time.monotonic() + _ARRIVAL_SECONDS
        held = -1
        while time.monotonic() < deadline:
            found = self._behind.ask(do="size")["size"]
            if found == held:
                answer = self._behind.ask(do="examine", **expected.as_dict())
                if answer["records"] >= records:
                    return answer
            held = found
            time.sleep(_POLL_SECONDS)
        return self._behind.ask(do="examine", **expected.as_dict())
