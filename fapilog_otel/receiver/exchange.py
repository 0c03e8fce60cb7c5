"""What both transports share: an arrived request is recorded, decoded, and given its reply."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from fapilog_otel.receiver.decode import Decoded, DecodeError, decode_request
from fapilog_otel.receiver.records import ReceivedRequest
from fapilog_otel.receiver.script import Reply, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fapilog_otel.receiver.reception import Reception
    from fapilog_otel.receiver.records import Signal, Transport

_NOTHING = Decoded()


class Arrival(NamedTuple):
    """A request as a transport hands it over.

    Args:
        transport: Which transport.
        path: Request path or method name.
        headers: Names in lower case.
        signal: What the path asks for, or None.
        wire_size: Bytes of the body as sent.
        body: The decoded body.
        content_encoding: As named by the request.
        as_json: True for OTLP/JSON.
        problem: What the transport already found wrong, as the reply it would give.
    """

    transport: Transport
    path: str
    headers: Mapping[str, str]
    signal: Signal | None
    wire_size: int = 0
    body: bytes = b""
    content_encoding: str = ""
    as_json: bool = False
    problem: Reply | None = None


class Exchange:
    """Turns arrivals into replies, keeping the account on the way.

    Args:
        reception: Where requests and records are recorded.
        script: What is answered.
        keep_bodies: Whether decoded bodies stay on the recorded requests.
        listener: Called with the records of each accepted request, on the transport's thread.
    """

    def __init__(
        self,
        reception: Reception,
        script: Script,
        *,
        keep_bodies: bool = False,
        listener: Callable[[Decoded], None] | None = None,
    ) -> None:
        self.reception = reception
        self.script = script
        self._keep_bodies = keep_bodies
        self._listener = listener

    def early(self, arrival: Arrival) -> Reply | None:
        """Give the reply to a request whose body has not been read, if the script has one that does not wait for it."""
        reply = self.script.take_early()
        if reply is not None:
            self.reception.add_request(self._request(arrival, 0))
        return reply

    def answer(self, arrival: Arrival) -> Reply:
        """Record the request, store its records if the reply accepts them, and give the reply."""
        records, problem = _decode(arrival)
        count = len(records.logs) or len(records.spans)
        request = self._request(arrival, count)
        self.reception.add_request(request)
        reply = self.script.take(request)
        if not reply.accepts:
            return reply
        if problem is not None:
            return problem
        self._accept(records, count - max(0, min(reply.rejected, count)))
        return reply

    def _accept(self, records: Decoded, count: int) -> None:
        kept = Decoded(records.logs[:count], records.spans[:count])
        self.reception.add_records(kept)
        if self._listener is not None:
            self._listener(kept)

    def _request(self, arrival: Arrival, count: int) -> ReceivedRequest:
        return ReceivedRequest(
            transport=arrival.transport,
            path=arrival.path,
            headers=arrival.headers,
            size=arrival.wire_size,
            content_encoding=arrival.content_encoding,
            signal=arrival.signal,
            count=count,
            body=arrival.body if self._keep_bodies else b"",
            arrived=time.monotonic(),
        )


def _decode(arrival: Arrival) -> tuple[Decoded, Reply | None]:
    if arrival.problem is not None or arrival.signal is None:
        return _NOTHING, arrival.problem
    try:
        return decode_request(arrival.signal, arrival.body, as_json=arrival.as_json), None
    except DecodeError as error:
        return _NOTHING, Reply(status=400, message=str(error)[:1000])
