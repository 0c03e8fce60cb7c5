"""The collector hangs while an application logs; `python -m tests.faults.collector_hangs` lets it, for ten minutes."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from typing import Any

from fapilog_otel.testing import Blackhole, ChaosProxy, OtlpReceiver
from tests.faults.bridge import port_of
from tests.faults.conversation import Conversation

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Figures:
    """How the application fared.

    Args:
        p99_before: Nanoseconds that 99 of 100 calls took at most while the collector answered.
        p99_hung: The same while it hung.
        p99_after: The same when it answered again.
        p50_before: The median, nanoseconds.
        p50_hung: The median while it hung.
        cap: ``max_queue_bytes``.
        rss_before: Resident bytes at most while the collector answered.
        rss_hung: Resident bytes at most while it hung.
        dropped: Records, all of them ``queue_full``.
        calls: Log calls.
        lost: Records that were neither received nor counted as dropped.
        flushed: Whether everything was delivered afterwards.
    """

    p99_before: int
    p99_hung: int
    p99_after: int
    p50_before: int
    p50_hung: int
    cap: int
    rss_before: int
    rss_hung: int
    dropped: int
    calls: int
    lost: int
    flushed: bool

    @property
    def change(self) -> float:
        """How much longer the slowest of 100 calls takes while the collector hangs: 0.2 is a fifth more."""
        return self.p99_hung / min(self.p99_before, self.p99_after) - 1


def hang(protocol: str, seconds: float, around: float, rate: int, cap: int, detail: int = 200) -> Figures:
    """Let the collector answer, hang and answer again under a steady load.

    Args:
        protocol: As in ``configure()``.
        seconds: How long it hangs.
        around: How long it answers, before and after.
        rate: Log calls a second.
        cap: ``max_queue_bytes``.
        detail: Bytes of the longest attribute.
    """
    environ = {"FAPILOG_OTEL_MAX_QUEUE_BYTES": str(cap), "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    environ["TEST_DETAIL"] = str(detail)
    counted: list[int] = []
    with OtlpReceiver(grpc_port=0, keep=1, listener=lambda records: counted.append(len(records.logs))) as receiver:
        endpoint = receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint
        with ChaosProxy("127.0.0.1", port_of(endpoint)) as proxy:
            environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = proxy.endpoint
            with Conversation("hanging", environ) as app:
                app.hear(20.0)
                before = app.ask(f"before {around} {rate}", around + 30.0)
                proxy.apply(Blackhole())
                hung = app.ask(f"hung {seconds} {rate}", seconds + 30.0)
                proxy.heal()
                flushed = app.ask("flush 90", 100.0)["flushed"]
                after = app.ask(f"after {around} {rate}", around + 30.0)
                app.ask("flush 30", 40.0)
                end = app.ask("end", 20.0)
    assert end["balanced"]
    return _figures(before, hung, after, end["stats"], sum(counted), cap, flushed=flushed)


def _figures(
    before: dict[str, Any],
    hung: dict[str, Any],
    after: dict[str, Any],
    stats: dict[str, Any],
    received: int,
    cap: int,
    *,
    flushed: bool,
) -> Figures:
    calls = before["calls"] + hung["calls"] + after["calls"]
    assert set(stats["dropped_by_reason"]) <= {"queue_full"}
    assert stats["submitted"] == calls
    return Figures(
        p99_before=before["ns"]["0.99"],
        p99_hung=hung["ns"]["0.99"],
        p99_after=after["ns"]["0.99"],
        p50_before=before["ns"]["0.5"],
        p50_hung=hung["ns"]["0.5"],
        cap=cap,
        rss_before=before["rss"],
        rss_hung=hung["rss"],
        dropped=stats["dropped"],
        calls=calls,
        lost=max(0, calls - stats["dropped"] - received),
        flushed=flushed,
    )


def main() -> None:
    """Let the collector hang for ten minutes, and print what was measured as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.collector_hangs", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long it hangs")
    parser.add_argument("--around", type=float, default=60.0, help="how long it answers, before and after")
    parser.add_argument("--rate", type=int, default=2000, help="log calls a second")
    parser.add_argument("--cap", type=int, default=64, help="max_queue_bytes, MiB")
    parser.add_argument("--protocol", default="http/protobuf")
    given = parser.parse_args()
    figures = hang(given.protocol, given.seconds, given.around, given.rate, given.cap * _MIB)
    print(json.dumps({**asdict(figures), "change": round(figures.change, 3)}))


if __name__ == "__main__":
    main()
