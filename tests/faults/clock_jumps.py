"""The wall clock jumps by a day while an application logs; `python -m tests.faults.clock_jumps` prints the figures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from fapilog_otel.testing import Blackhole, ChaosProxy, OtlpReceiver
from tests.faults.bridge import port_of
from tests.faults.conversation import Conversation

INTERVAL = 0.5
"""Seconds: the schedule delay."""
DAY = 86_400
JUMPS = (DAY, 0, -DAY, DAY, 0)
"""Where the clock stands, one after the other: seconds from the true time."""
SETTLED = 1.5
"""Seconds between two jumps."""
FLUSH = 1.0
SHUTDOWN = 1.0


@dataclass(frozen=True)
class Figures:
    """What came of the jumps.

    Args:
        seen: Seconds by which the application saw its clock jump, for each.
        longest_gap: Seconds between two requests at most, while records came every 50 ms.
        flush: Seconds that ``flush(1.0)`` took towards a receiver that hangs, for a jump back and one ahead meanwhile.
        shutdown: Seconds that ``shutdown(1.0)`` took there, with a jump meanwhile.
        missing: Numbers that the receiver ought to have and has not.
        balanced: Whether the account balanced to the end.
    """

    seen: list[float]
    longest_gap: float
    flush: list[float]
    shutdown: float
    missing: int
    balanced: bool


class Clock:
    """The clock of a process under libfaketime.

    Args:
        folder: Where its file is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(0)

    @property
    def environ(self) -> Mapping[str, str]:
        """Variables for the process."""
        return {
            "LD_PRELOAD": str(libfaketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            # Both names: releases differ.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, offset: int) -> None:
        """Have it show so many seconds more than the true time."""
        whole = self._file.with_suffix(".new")
        whole.write_text(f"{offset:+d}\n")
        whole.replace(self._file)


def libfaketime() -> Path:
    """The library of the package ``faketime``, which `.ci/run` installs.

    Raises:
        FileNotFoundError: It is not installed.
    """
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise FileNotFoundError("libfaketime is missing: apt-get install faketime")
    return found[0]


@contextmanager
def _application(protocol: str) -> Iterator[tuple[Conversation, Clock, ChaosProxy, OtlpReceiver]]:
    with TemporaryDirectory() as folder, OtlpReceiver(grpc_port=0) as receiver:
        endpoint = receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint
        clock = Clock(Path(folder))
        with ChaosProxy("127.0.0.1", port_of(endpoint)) as proxy:
            environ = {
                "OTEL_EXPORTER_OTLP_ENDPOINT": proxy.endpoint,
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                "OTEL_BLRP_SCHEDULE_DELAY": str(int(INTERVAL * 1000)),
                **clock.environ,
            }
            with Conversation("clock", environ) as app:
                yield app, clock, proxy, receiver


def jump(protocol: str) -> Figures:
    """Let the clock of an application jump to and fro, under load and during waits."""
    with _application(protocol) as (app, clock, proxy, receiver):
        receiver.wait_for_requests(3, 30.0)
        seen = []
        for offset in JUMPS:
            clock.set(offset)
            seen.append(round(app.ask("now", 20.0)["result"] - time.time()))
            time.sleep(SETTLED)
        arrived = [request.arrived for request in receiver.requests]
        gaps = [later - earlier for earlier, later in pairwise(arrived[2:])]
        assert app.ask("flush 10", 20.0)["result"]
        proxy.apply(Blackhole())
        flushes = []
        for offset in (-DAY, DAY):
            app.tell(f"flush {FLUSH}")
            time.sleep(FLUSH / 2)
            clock.set(offset)
            flushes.append(app.hear(30.0)["seconds"])
        app.tell(f"shutdown {SHUTDOWN}")
        time.sleep(SHUTDOWN / 2)
        clock.set(0)
        end = app.hear(30.0)
        numbers = {log.attributes["number"] for log in receiver.logs}
    stats = end["stats"]
    return Figures(
        seen=seen,
        longest_gap=max(gaps),
        flush=flushes,
        shutdown=end["seconds"],
        missing=stats["submitted"] - len(numbers) - stats["dropped"] - stats["failed"],
        balanced=end["balanced"],
    )


def main() -> None:
    """Print the figures over both transports as JSON."""
    for protocol in ("http/protobuf", "grpc"):
        print(json.dumps({"protocol": protocol, **asdict(jump(protocol))}))


if __name__ == "__main__":
    main()
