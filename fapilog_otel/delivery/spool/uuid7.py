"""UUIDs that sort by the time at which they were made (RFC 9562, section 5.7)."""

from __future__ import annotations

import os
import time

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62


def uuid7(now: int | None = None) -> bytes:
    """Give a UUIDv7: 48 bits of Unix milliseconds, then 74 random ones.

    Args:
        now: Unix ns; None: this moment.

    Returns:
        16 bytes, big-endian.
    """
    milliseconds = (time.time_ns() if now is None else now) // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    upper = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    middle = (random >> 62 & 0xFFF) << 64
    lower = random & 0x3FFF_FFFF_FFFF_FFFF
    return (upper | _VERSION | middle | _VARIANT | lower).to_bytes(16, "big")


def uuid_text(value: bytes) -> str:
    """Give a UUID in its usual form of 36 characters."""
    digits = value.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
