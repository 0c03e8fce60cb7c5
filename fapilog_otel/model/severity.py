"""OTel severity numbers, their texts, fapilog's AUDIT and SECURITY, and the bands that chunks are sorted into.

Source: OpenTelemetry log data model, "Field: SeverityNumber".
"""

from __future__ import annotations

from typing import Final

UNSPECIFIED: Final = 0
TRACE: Final = 1
DEBUG: Final = 5
INFO: Final = 9
WARN: Final = 13
ERROR: Final = 17
FATAL: Final = 21
AUDIT: Final = 22
SECURITY: Final = 23
MAX_SEVERITY: Final = 24

BAND_COUNT: Final = 4
PROTECTED_BAND: Final = 3
BANDS: Final[tuple[str, ...]] = ("debug", "info", "warn", "error")

_BASES: Final = ((TRACE, "TRACE"), (DEBUG, "DEBUG"), (INFO, "INFO"), (WARN, "WARN"), (ERROR, "ERROR"), (FATAL, "FATAL"))

# stdlib level names whose OTel text differs, as the stock handler writes them.
# 60 and 70 are fapilog's; where nobody has registered their names, stdlib calls them by their number.
_STDLIB_TEXT: Final = {"WARNING": "WARN", "CRITICAL": "FATAL", "Level 60": "AUDIT", "Level 70": "SECURITY"}

NAMES: Final[dict[str, int]] = {
    "TRACE": TRACE,
    "DEBUG": DEBUG,
    "INFO": INFO,
    "WARN": WARN,
    "WARNING": WARN,
    "ERROR": ERROR,
    "FATAL": FATAL,
    "CRITICAL": FATAL,
    "AUDIT": AUDIT,
    "SECURITY": SECURITY,
}

# fapilog has these on the stdlib scale above CRITICAL.
_STDLIB_SPECIAL: Final = {
    (60, "AUDIT"): AUDIT,
    (60, "Level 60"): AUDIT,
    (70, "SECURITY"): SECURITY,
    (70, "Level 70"): SECURITY,
}


def severity_text(number: int) -> str:
    """Give the short name of a severity number: ``INFO``, ``INFO2``, ``FATAL``; empty for 0 and unknown numbers."""
    if not TRACE <= number <= MAX_SEVERITY:
        return ""
    base, name = _BASES[(number - 1) // 4]
    step = number - base + 1
    return name if step == 1 else f"{name}{step}"


def severity_band(number: int) -> int:
    """Give the chunk band 0-3 of a severity number: up to DEBUG4, INFO (and unspecified), WARN, ERROR and above."""
    if number >= ERROR:
        return 3
    if number >= WARN:
        return 2
    return 0 if TRACE <= number < INFO else 1


def severity_from_stdlib(levelno: int, levelname: str = "") -> int:
    """Map a stdlib level to a severity number, as the stock SDK's handler does.

    Args:
        levelno: ``logging.LogRecord.levelno``; values between the named levels count up within their range.
        levelname: Name of the level; 60 and 70 are AUDIT and SECURITY unless it is another one.

    Returns:
        0 for levels below 1, TRACE for 1-9, then DEBUG to FATAL4 (24) for anything above 53.
    """
    special = _STDLIB_SPECIAL.get((levelno, levelname))
    if special is not None:
        return special
    if levelno < 10:
        return TRACE if levelno > 0 else UNSPECIFIED
    if levelno >= 50:
        return FATAL + min(levelno - 50, 3)
    return DEBUG + 4 * (levelno // 10 - 1) + min(levelno % 10, 3)


def text_from_stdlib(levelname: str) -> str:
    """Give the severity text of a stdlib level name: ``WARNING`` becomes ``WARN``, ``Level 60`` becomes ``AUDIT``."""
    return _STDLIB_TEXT.get(levelname, levelname)


def parse_level(value: str | int) -> int:
    """Read a level as users write it into a severity number.

    Args:
        value: A name in any case (``"info"``, ``"WARNING"``, ``"audit"``, ``"DEBUG2"``), or a stdlib number.

    Returns:
        A severity number 1-24, or 0 for ``"NOTSET"`` and 0.

    Raises:
        ValueError: The name is unknown.
    """
    if isinstance(value, int):
        return severity_from_stdlib(value)
    name = value.strip().upper()
    if name in {"NOTSET", "UNSPECIFIED", ""}:
        return UNSPECIFIED
    if name.isdecimal():
        return severity_from_stdlib(int(name))
    if name in NAMES:
        return NAMES[name]
    base = NAMES.get(name[:-1])
    if base is not None and name[-1] in "234":
        return base + int(name[-1]) - 1
    raise ValueError(f"unknown level {value!r}; known: {', '.join(NAMES)}")
