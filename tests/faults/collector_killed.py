"""A real Collector is killed and started again under load; `python -m tests.faults.collector_killed` does so ten times.

For an acknowledged record to survive the Collector's own death, the Collector must have written it by then. Its file
exporter buffers, except where rotation is on: that writer hands every request to the kernel before it returns. Its
receiver waits for the exporter as long as there is neither a batch processor nor a sending queue between them. So does
`WritingCollector`; with the usual settings, what was acknowledged in the last flush interval dies with the process.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.faults.conversation import Conversation
from tests.receivers import Collector

RATE = 5000
_NUMBER = re.compile(rb'"key":"number","value":\{"intValue":"(\d+)"\}')
"""A record's number in OTLP/JSON; a quarter of a million records are too many to be decoded one by one."""


class WritingCollector(Collector):
    """A Collector that acknowledges a request only when it is written: `kill` loses nothing that was acknowledged."""

    def _config(self, logs: str, spans: str, metrics: str) -> dict[str, object]:
        config: dict[str, Any] = super()._config(logs, spans, metrics)
        exporter = config["exporters"]["file/logs"]
        del exporter["flush_interval"]
        exporter["rotation"] = {"max_megabytes": 100_000}  # for its writer, which does not buffer; it never rotates
        return config

    def numbers(self) -> Counter[int]:
        """How often each record was written, over all lives of the process."""
        found: Counter[int] = Counter()
        for file in sorted(self.folder.glob("logs-*.json")):
            # The last line may be cut short, by the death of the process: it was not acknowledged.
            for line in file.read_bytes().split(b"\n")[:-1]:
                found.update(map(int, _NUMBER.findall(line)))
        return found


@dataclass(frozen=True)
class Figures:
    """What became of the records.

    Args:
        kills: How often the Collector was killed.
        written: Records that the application logged.
        lost: Records that are in no file.
        counted: Records that ``stats()`` says were dropped or failed.
        reasons: The same by reason.
        delivered: Records that ``stats()`` says were delivered.
        duplicates: Records written once more than they should be.
        strangers: Records in the files that the application did not log.
        flushed: What ``flush()`` said.
    """

    kills: int
    written: int
    lost: int
    counted: int
    reasons: dict[str, int]
    delivered: int
    duplicates: int
    strangers: int
    flushed: bool


def kill_often(
    protocol: str, kills: int, *, up: float, down: float, queue_bytes: int, spool: Path | None = None
) -> Figures:
    """Kill and restart a Collector while an application logs 5 000 records a second.

    Args:
        protocol: As in ``configure()``.
        kills: How often.
        up: Seconds that it lives.
        down: Seconds that it is gone.
        queue_bytes: ``max_queue_bytes`` of the application.
        spool: Its spool's directory; None: it has none, and drops what does not fit into its memory.
    """
    with WritingCollector() as collector:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "FAPILOG_OTEL_MAX_QUEUE_BYTES": str(queue_bytes),
            "TEST_RATE": str(RATE),
            "SPOOL": "" if spool is None else str(spool),
        }
        with Conversation("steady", environ) as app:
            app.hear(30.0)
            for _ in range(kills):
                time.sleep(up)
                collector.kill()
                time.sleep(down)
                collector.start()
            time.sleep(up)
            end = app.ask("stop", 90.0)
        collector.kill()
        numbers = collector.numbers()
    assert end["balanced"]
    stats, expected = end["stats"], set(range(end["written"]))
    assert stats["submitted"] == end["written"]
    return Figures(
        kills=kills,
        written=end["written"],
        lost=len(expected - set(numbers)),
        counted=stats["dropped"] + stats["failed"],
        reasons={**stats["dropped_by_reason"], **stats["failed_by_reason"]},
        delivered=stats["delivered"],
        duplicates=numbers.total() - len(numbers),
        strangers=len(set(numbers) - expected),
        flushed=end["flushed"],
    )


def main() -> None:
    """Kill it ten times over each transport, and print what was counted as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.collector_killed", description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--up", type=float, default=2.0, help="seconds that it lives")
    parser.add_argument("--down", type=float, default=2.0, help="seconds that it is gone")
    parser.add_argument("--queue", type=int, default=1024, help="max_queue_bytes, KiB")
    parser.add_argument("--spool", type=Path, help="a directory for the application's spool")
    given = parser.parse_args()
    for protocol in ("http/protobuf", "grpc"):
        figures = kill_often(
            protocol,
            given.kills,
            up=given.up,
            down=given.down,
            queue_bytes=given.queue * 1024,
            spool=given.spool,
        )
        print(json.dumps({"protocol": protocol, **asdict(figures)}), flush=True)


if __name__ == "__main__":
    main()
