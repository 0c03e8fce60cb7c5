"""Replies far larger than they should be; `python -m tests.faults.reply_bombs` prints what each costs."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import get_args

from fapilog_otel.testing import Bomb, OtlpReceiver, Reply
from tests.faults.bridge import port_of
from tests.faults.conversation import Conversation
from tests.faults.http2_bombs import Http2Bombs, Kind

BATCH = 10
HTTP = {
    "gzip to 400 MiB": Bomb(400),
    "endless gzip": Bomb(None),
    "endless chunks": Bomb(None, compressed=False),
    "endless plain": Bomb(None, compressed=False, chunked=False),
    "endless headers": Bomb(None, place="headers"),
    "endless trailers": Bomb(None, place="trailers"),
}
GRPC_MESSAGES = {"message of 100 MiB": Bomb(100, compressed=False), "gzip message of 100 MiB": Bomb(100)}
GRPC_FRAMES: tuple[Kind, ...] = get_args(Kind)
CASES = [
    *(("http/protobuf", name) for name in HTTP),
    *(("grpc", name) for name in (*GRPC_MESSAGES, *GRPC_FRAMES)),
]


@dataclass(frozen=True)
class Figures:
    """What a bomb did.

    Args:
        growth: Bytes by which resident memory grew at most, from before the bomb to its end.
        delivered: Records delivered in all.
        failed: Records that failed, by reason.
        arrived: Different records that the receiver has.
        after: Records sent after the bomb that the receiver has.
    """

    growth: int
    delivered: int
    failed: dict[str, int]
    arrived: int
    after: int


def explode(protocol: str, case: str) -> Figures:
    """Send a batch, one that is refused, one that is answered with a bomb, and one more.

    Args:
        protocol: As in ``configure()``.
        case: One of `CASES`.
    """
    with OtlpReceiver(grpc_port=0) as receiver, ExitStack() as stack:
        endpoint = receiver.http_endpoint if protocol != "grpc" else receiver.grpc_endpoint
        framed = None
        if case in GRPC_FRAMES:
            framed = stack.enter_context(Http2Bombs(case, port_of(endpoint)))  # type: ignore[arg-type]
            endpoint = framed.endpoint
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
        app = stack.enter_context(Conversation("bombed", environ))
        receiver.script = [Reply(), Reply(status=400)]  # what is loaded for the first time is no bomb's doing
        for _ in range(2):
            app.ask(str(BATCH), 60.0)
        if framed is not None:
            framed.arm()
        else:
            receiver.script = [Reply(fault={**HTTP, **GRPC_MESSAGES}[case])]
        bombed = app.ask(str(BATCH), 60.0)
        last = app.ask(str(BATCH), 60.0)
        numbers = {int(str(log.attributes["number"])) for log in receiver.logs}
    stats = last["stats"]
    assert last["balanced"]
    assert stats["in_flight"] == 0
    first_after = stats["submitted"] - BATCH
    return Figures(
        growth=bombed["peak"] - bombed["before"],
        delivered=stats["delivered"],
        failed=stats["failed_by_reason"],
        arrived=len(numbers),
        after=len([number for number in numbers if number >= first_after]),
    )


def main() -> None:
    """Print the figures of every bomb as JSON."""
    for protocol, case in CASES:
        print(json.dumps({"protocol": protocol, "bomb": case, **asdict(explode(protocol, case))}), flush=True)


if __name__ == "__main__":
    main()
