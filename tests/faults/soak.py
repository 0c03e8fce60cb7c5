"""Random faults for a long time, then none: what was held up arrives, and a fresh record still passes.

`python -m tests.faults.soak --seconds 3600` is the long form. A provider with a spool logs at a steady rate through a
proxy and a receiver that spoil, by a seeded choice every second or so, the connection or the reply.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

import fapilog_otel as fo
from fapilog_otel.testing import (
    Blackhole,
    ChaosProxy,
    Cut,
    Disconnect,
    GrpcStatus,
    HalfClose,
    Latency,
    OtlpReceiver,
    Refuse,
    Reply,
    Throttle,
    Truncate,
)
from fapilog_otel.testing import ReceivedRequest as Request
from tests.faults.bridge import port_of

RATE: Final = 500
DRAIN: Final = 30.0
"""Seconds that all may take to arrive once there are no faults any more."""

FRESH: Final = -1
"""Number of the record that is logged after everything has arrived."""

Protocol = Literal["http/protobuf", "grpc"]


@dataclass(frozen=True)
class Figures:
    """What became of the records.

    Args:
        written: Records that were logged.
        lost: Records that the receiver never took.
        twice: Records that it took more than once.
        connection_faults: How often the connection was spoilt.
        reply_faults: Replies that were spoilt.
        drained: Seconds from the last fault until all had arrived; infinite: they did not.
        fresh: Whether a record logged after that arrived within 5 s.
        balanced: Whether the account is.
        in_flight: Records that it still counts as such.
    """

    written: int
    lost: int
    twice: int
    connection_faults: int
    reply_faults: int
    drained: float
    fresh: bool
    balanced: bool
    in_flight: int


class Script:
    """Spoils a share of the replies while it is told to.

    Args:
        rng: Chooses.
        protocol: What the replies are for.
    """

    def __init__(self, rng: random.Random, protocol: Protocol) -> None:
        self.on = True
        self.spoilt = 0
        self._rng = rng
        grpc = [Reply(grpc=GrpcStatus(code=code)) for code in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED")]
        http = [
            Reply(status=503),
            Reply(status=429, headers={"Retry-After": "1"}),
            Reply(fault=Disconnect(reset=True)),
            Reply(fault=Truncate(20), accept=False),
        ]
        self._bad = [Reply(delay=1.0), *(grpc if protocol == "grpc" else http)]

    def __call__(self, _: Request) -> Reply | None:
        """Give the reply to a request; None: success."""
        if not self.on or self._rng.random() > 0.3:
            return None
        self.spoilt += 1
        return self._rng.choice(self._bad)


def soak(seconds: float, seed: int, protocol: Protocol, spool: Path) -> Figures:
    """Run one.

    Args:
        seconds: How long there are faults.
        seed: Of the choice.
        protocol: OTLP protocol.
        spool: Directory for the spool.
    """
    rng = random.Random(seed)
    script = Script(random.Random(seed + 1), protocol)
    with OtlpReceiver(script=script, grpc_port=0) as receiver:
        endpoint = receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint
        with ChaosProxy("127.0.0.1", port_of(endpoint)) as proxy:
            settings = fo.Settings(
                endpoint=proxy.endpoint,
                protocol=protocol,
                spool=spool,
                timeout=2.0,
                schedule_delay=0.2,
                retry={"initial": 0.1, "maximum": 2.0},
            )
            provider = fo.LoggerProvider(settings=settings)
            try:
                return _run(provider, proxy, receiver, script, rng, seconds)
            finally:
                provider.shutdown(5_000)


def _run(
    provider: fo.LoggerProvider,
    proxy: ChaosProxy,
    receiver: OtlpReceiver,
    script: Script,
    rng: random.Random,
    seconds: float,
) -> Figures:
    log = provider.get_logger("soak")
    faults = [
        (), (), Refuse(), Blackhole(), Latency(0.3), Throttle(20_000), HalfClose(200),
        Cut(), Cut(150), Cut(40, "down"), Cut(0, "down", reset=False),
    ]  # fmt: skip
    begun = next_fault = time.monotonic()
    written = spoilt = 0
    while (now := time.monotonic()) < begun + seconds:
        if now >= next_fault:
            fault = rng.choice(faults)
            proxy.apply(*(fault if isinstance(fault, tuple) else (fault,)))
            spoilt += fault != ()
            next_fault = now + rng.uniform(0.2, 2.0)
        while written < (now - begun) * RATE:
            log.emit(severity_number=rng.choice((5, 9, 13, 17)), body="soak", attributes={"number": written})
            written += 1
        time.sleep(0.005)
    proxy.heal()
    script.on = False
    healed = time.monotonic()
    while (stats := provider.stats()).delivered < written and time.monotonic() < healed + DRAIN:
        time.sleep(0.02)
    drained = time.monotonic() - healed if stats.delivered >= written else float("inf")
    log.emit(severity_number=9, body="fresh", attributes={"number": FRESH})
    provider.force_flush(5_000)
    arrived = Counter(one.attributes["number"] for one in receiver.logs)
    stats = provider.stats()
    return Figures(
        written=written,
        lost=sum(number not in arrived for number in range(written)),
        twice=sum(times > 1 for times in arrived.values()),
        connection_faults=spoilt,
        reply_faults=script.spoilt,
        drained=round(drained, 2),
        fresh=arrived[FRESH] >= 1,
        balanced=stats.balanced,
        in_flight=stats.in_flight,
    )


def main() -> None:
    """Run the long form and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--protocol", choices=("http/protobuf", "grpc"), default="http/protobuf")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = soak(given.seconds, given.seed, given.protocol, Path(folder) / "spool")
    print(json.dumps(asdict(figures)))


if __name__ == "__main__":
    main()
