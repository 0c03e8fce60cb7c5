"""The connection is reset at every byte of an exchange; `python -m tests.faults.connection_resets` tries them all."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import asdict, dataclass

from fapilog_otel.testing import ChaosProxy, Cut, OtlpReceiver
from tests.faults.bridge import Bridge, bridge, port_of

BATCH = 3
"""Records a request."""
FLUSH = 30.0
CASES = [
    (protocol, compression, reused)
    for protocol in ("http/protobuf", "grpc")
    for compression in ("none", "gzip")
    for reused in (False, True)
]


@dataclass(frozen=True)
class Figures:
    """What became of the records.

    Args:
        upstream: Bytes of the request on its connection, what HTTP/2 says first included.
        downstream: Bytes of the reply.
        resets: Exchanges that were reset.
        submitted: Records.
        lost: Records that never arrived.
        duplicates: Records that arrived once more than they should.
        worst: The most copies too many of any one batch, in batches.
        seconds: Run time.
    """

    upstream: int
    downstream: int
    resets: int
    submitted: int
    lost: int
    duplicates: int
    worst: float
    seconds: float


class Exchanges:
    """Exchanges through a proxy, each of a batch of its own.

    Args:
        proxy: What they go through.
        made: The bridge.
        reused: Whether each is the second on its connection.
    """

    def __init__(self, proxy: ChaosProxy, made: Bridge, *, reused: bool) -> None:
        self._proxy = proxy
        self._bridge = made
        self._reused = reused

        self.batches = 0

    def lengths(self) -> tuple[int, int, int, int]:
        """Bytes up and down before the exchange in question, and of it."""
        self._proxy.cut()
        start = self._proxy.counts
        if self._reused:
            self._send()
        before = self._settled()
        self._send()
        after = self._settled()
        return before[0] - start.up, before[1] - start.down, after[0] - before[0], after[1] - before[1]

    def reset(self, cut: Cut) -> None:
        """Have one exchange on a connection that will be cut."""
        self._proxy.cut()
        self._proxy.plan([cut])
        if self._reused:
            self._send()
        self._send()

    def _settled(self) -> tuple[int, int]:
        """The proxy's bytes, once gRPC has said what it says after a reply."""
        quiet = time.monotonic()
        before = self._proxy.counts
        while time.monotonic() - quiet < 0.1:
            time.sleep(0.01)
            if (now := self._proxy.counts) != before:
                before, quiet = now, time.monotonic()
        return before.up, before.down

    def _send(self) -> None:
        for number in range(BATCH):
            self._bridge.log.info("order placed", batch=self.batches, number=number)
        self.batches += 1
        assert self._bridge.flush(FLUSH), "a batch was not delivered"


def reset_everywhere(protocol: str, compression: str, *, reused: bool, step: int = 1) -> Figures:
    """Reset an exchange after each number of bytes upstream and downstream.

    Args:
        protocol: As in ``configure()``.
        compression: Of the requests.
        reused: Whether the connection has served a request before.
        step: From one offset to the next, bytes.
    """
    started = time.monotonic()
    with OtlpReceiver(grpc_port=0) as receiver:
        endpoint = receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint
        with (
            ChaosProxy("127.0.0.1", port_of(endpoint)) as proxy,
            bridge(proxy.endpoint, protocol, compression=compression, timeout=5.0) as made,
        ):
            exchanges = Exchanges(proxy, made, reused=reused)
            up_before, down_before, up, down = exchanges.lengths()
            cuts = [Cut(up_before + offset) for offset in range(0, up + 1, step)]
            cuts += [Cut(down_before + offset, "down") for offset in range(0, down + 1, step)]
            for cut in cuts:
                exchanges.reset(cut)
            stats = made.stats()
        arrived = Counter((log.attributes["batch"], log.attributes["number"]) for log in receiver.logs)
    assert stats.submitted == stats.delivered == exchanges.batches * BATCH
    expected = {(batch, number) for batch in range(exchanges.batches) for number in range(BATCH)}
    assert set(arrived) <= expected
    extra: Counter[object] = Counter()
    for (batch, _), copies in arrived.items():
        extra[batch] += copies - 1
    return Figures(
        upstream=up,
        downstream=down,
        resets=len(cuts),
        submitted=stats.submitted,
        lost=len(expected - set(arrived)),
        duplicates=extra.total(),
        worst=max(extra.values()) / BATCH,
        seconds=round(time.monotonic() - started, 1),
    )


def main() -> None:
    """Try every case, and print its figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.connection_resets", description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="bytes from one offset to the next")
    step = parser.parse_args().step
    for protocol, compression, reused in CASES:
        figures = reset_everywhere(protocol, compression, reused=reused, step=step)
        print(json.dumps({"protocol": protocol, "compression": compression, "reused": reused, **asdict(figures)}))


if __name__ == "__main__":
    main()
