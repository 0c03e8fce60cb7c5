"""The channel in use, replaced between requests without disturbing those under way.

::

    lease() ─► the current channel ─► call ─► release()
    retire() ─► the next lease gets a new channel; the old one is closed when its last call has ended
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

EXPORT_METHOD: Final = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


def _unchanged(message: bytes) -> bytes:
    return message


def _closed(*_: object, **__: object) -> bytes:
    raise ValueError("the channel was closed")


class Lease:
    """A channel and how many requests use it.

    Args:
        channel: The channel.
        origin: What it was built from.
    """

    __slots__ = ("_channel", "export", "origin", "retired", "users")

    def __init__(self, channel: grpc.Channel, origin: object) -> None:
        self._channel: grpc.Channel | None = channel
        self.export: Callable[..., bytes] = channel.unary_unary(EXPORT_METHOD, _unchanged, _unchanged)
        self.origin = origin
        self.users = 0
        self.retired = False

    def close(self) -> None:
        """Close the channel and let go of it: a traceback that outlives the request may hold this lease."""
        channel, self._channel, self.export = self._channel, None, _closed
        if channel is not None:
            channel.close()


class Channels:
    """Keeps one channel, and the retired ones that still have users.

    Args:
        build: Makes a channel; it connects by itself when first used.
    """

    def __init__(self, build: Callable[[object], grpc.Channel]) -> None:
        self._build = build
        self._current: Lease | None = None
        self._leases: set[Lease] = set()

    def lease(self, origin: object) -> Lease:
        """Give the channel to make a call on; `release` it afterwards.

        Args:
            origin: What the channel is built from; another object than before (new certificates) gives a new channel.
        """
        current = self._current
        if current is None or current.origin is not origin:
            if current is not None:
                self.retire(current)
            current = self._current = Lease(self._build(origin), origin)
            self._leases.add(current)
        current.users += 1
        return current

    def release(self, lease: Lease) -> None:
        """Give a channel back."""
        lease.users -= 1
        if lease.retired and lease.users == 0:
            self._close(lease)

    def retire(self, lease: Lease) -> None:
        """Use a channel for no further call; it closes with its last user, ending calls that nobody awaits any more."""
        lease.retired = True
        if self._current is lease:
            self._current = None
        if lease.users == 0:
            self._close(lease)

    def close(self) -> None:
        """Close every channel; calls under way end as cancelled."""
        self._current = None
        for lease in tuple(self._leases):
            lease.retired = True
            self._close(lease)

    def _close(self, lease: Lease) -> None:
        if lease in self._leases:
            self._leases.discard(lease)
            lease.close()
