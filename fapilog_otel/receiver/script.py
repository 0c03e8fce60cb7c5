"""Scripted replies: what the receiver answers, request by request, instead of success."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fapilog_otel.receiver.records import ReceivedRequest


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The connection ends without a reply.

    Args:
        reset: True: with a TCP RST, as after a crash; False: with an orderly FIN.
    """

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Truncate:
    """The reply stops in the middle and the connection ends.

    Args:
        after: Bytes that are sent, status line and headers included; negative: all but that many.
        reset: True: the connection ends with a TCP RST.
    """

    after: int
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Drip:
    """The reply comes in small pieces, slowly enough to defeat a timeout that starts anew with each read.

    Args:
        interval: Seconds before each piece.
        size: Bytes a piece.
    """

    interval: float
    size: int = 1


@dataclass(frozen=True, slots=True)
class Bomb:
    """The reply is far larger than any client should accept.

    On HTTP a body of zero bytes, by default gzip-compressed; on gRPC an error message of that size, compressed.

    Args:
        mebibytes: Size when decoded, MiB; None: without end (HTTP only).
        compressed: False: the same as plain bytes.
        place: What is so large (HTTP only, but for ``body``): headers and trailers come uncompressed, in many lines.
        chunked: Whether an HTTP body comes in chunks; False: as it is, until the connection ends.
    """

    mebibytes: int | None = 400
    compressed: bool = True
    place: Literal["body", "headers", "trailers"] = "body"
    chunked: bool = True


Fault: TypeAlias = Disconnect | Truncate | Drip | Bomb


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcStatus:
    """How a gRPC call ends.

    Args:
        code: Name of the status code, e.g. ``UNAVAILABLE``.
        details: Text of the status.
        retry_delay: Seconds of a ``google.rpc.RetryInfo`` in ``grpc-status-details-bin``; None: no such detail.
        trailing: Further trailing metadata; names that end in ``-bin`` take bytes.
    """

    code: str
    details: str = ""
    retry_delay: float | None = None
    trailing: tuple[tuple[str, str | bytes], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer.

    A reply without ``grpc`` means the same over both transports: the status is translated as gateways do it.

    Args:
        status: HTTP status.
        headers: Headers added to the reply, e.g. ``Retry-After``; on gRPC, initial metadata.
        body: Body bytes as they are; None: an export response or a ``google.rpc.Status``, as OTLP/HTTP demands.
        delay: Seconds between having read the request and replying.
        rejected: Records that a partial success reports as rejected; the last ones of the request are not stored.
        message: Error message of a partial success, or text of a failure.
        fault: What goes wrong on the wire; all but `Bomb` exist on HTTP alone.
        accept: Whether the records are stored; None: as the status says, and never with `Disconnect`.
        early: Reply as soon as the head has been read, leave the body unread and close (HTTP, listed scripts only).
        grpc: Status of a gRPC call, in place of one made from ``status``.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    delay: float = 0.0
    rejected: int = 0
    message: str = ""
    fault: Fault | None = None
    accept: bool | None = None
    early: bool = False
    grpc: GrpcStatus | None = None

    @property
    def accepts(self) -> bool:
        """Whether the records of a request that gets this reply count as received."""
        if self.accept is not None:
            return self.accept
        if self.grpc is not None and self.grpc.code != "OK":
            return False
        return 200 <= self.status < 300 and not isinstance(self.fault, Disconnect)


SUCCESS = Reply()


class Script:
    """Hands out replies in order, one a request, and afterwards always the last word.

    Args:
        replies: Replies in order, or a function from a request to its reply (None: the last word).
        then: The last word, given when the listed replies are used up.
    """

    def __init__(
        self, replies: Iterable[Reply] | Callable[[ReceivedRequest], Reply | None] = (), *, then: Reply = SUCCESS
    ) -> None:
        self._decide = replies if callable(replies) else None
        self._left: deque[Reply] = deque(() if callable(replies) else replies)
        self._then = then
        self._lock = threading.Lock()

    @property
    def remaining(self) -> int:
        """How many listed replies have not been given yet."""
        return len(self._left)

    def take(self, request: ReceivedRequest) -> Reply:
        """Give the reply to a request and advance."""
        if self._decide is not None:
            return self._decide(request) or self._then
        with self._lock:
            return self._left.popleft() if self._left else self._then

    def take_early(self) -> Reply | None:
        """Give the next reply and advance if it is to be sent before the body is read; else None."""
        with self._lock:
            if self._left:
                return self._left.popleft() if self._left[0].early else None
            return self._then if self._then.early else None


ScriptLike: TypeAlias = "Script | Iterable[Reply] | Callable[[ReceivedRequest], Reply | None]"


def as_script(script: ScriptLike | None) -> Script:
    """Give a script from whatever users may write for one."""
    return script if isinstance(script, Script) else Script(script or ())
