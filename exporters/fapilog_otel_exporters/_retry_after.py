"""How long a server asked to be left alone: the Retry-After header (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import time
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Final

_MAX_DIGITS: Final = 15


def retry_after(value: str | None, date: str | None = None) -> float | None:
    """Give the wait that a reply asks for.

    Args:
        value: The Retry-After header: seconds or an HTTP-date.
        date: The reply's Date header, against which an HTTP-date is measured: the two clocks may differ.

    Returns:
        Seconds, 0 or more and not capped; None where the header is missing, malformed or in the past.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:_MAX_DIGITS])
    moment = _moment(text)
    if moment is None:
        return None
    now = _moment((date or "").strip())
    delay = moment - (time.time() if now is None else now)
    return delay if delay >= 0 else None


def _moment(text: str) -> float | None:
    try:
        parsed = parsedate_to_datetime(text)
        return (parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


__all__ = ["retry_after"]
