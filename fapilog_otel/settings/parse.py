"""Text, as environment variables hold it, and arguments to the plain values of settings: one function a kind."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import unquote

from fapilog_otel.model.severity import AUDIT, SECURITY, parse_level, severity_text
from fapilog_otel.settings.invalid import InvalidValueError
from fapilog_otel.settings.secret import MASK, Headers, Secret

# RFC 9110, section 5.6.2: token.
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)(i?)b?", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3}
_LEVEL_NAMES: Final = {0: "NOTSET", AUDIT: "AUDIT", SECURITY: "SECURITY"}
_PEM: Final = b"-----BEGIN "


def pairs(text: str) -> dict[str, str]:
    """Read ``key=value,key2=value2``, both halves percent-decoded (OTLP exporter specification, "Specifying headers").

    Raises:
        InvalidValueError: An item has no ``=`` or no key; the text itself is never part of the message.
    """
    found, bad = lenient_pairs(text)
    if bad:
        items = ", ".join(str(number) for number in bad)
        raise InvalidValueError(f"item {items} is not key=value", "Write key=value,key2=value2", MASK)
    return found


def lenient_pairs(text: str) -> tuple[dict[str, str], list[int]]:
    """Read ``key=value,key2=value2`` and leave out what is malformed.

    Returns:
        The pairs, and the positions, from 1, of the malformed items.
    """
    found: dict[str, str] = {}
    bad: list[int] = []
    for number, item in enumerate(text.split(","), start=1):
        key, equals, value = item.partition("=")
        key = unquote(key.strip())
        if key and equals:
            found[key] = unquote(value.strip())
        elif item.strip():
            bad.append(number)
    return found, bad


def names(value: object) -> tuple[str, ...]:
    """Give a tuple of names from ``"a, b"`` or from an iterable of texts."""
    return tuple(_texts(items(value)))


def items(value: object) -> tuple[object, ...]:
    """Give a tuple from ``"a, b"``, from a JSON list or from an iterable of anything."""
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            return tuple(_json(value, list))
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, Iterable) and not isinstance(value, Mapping | bytes):
        return tuple(value)
    raise InvalidValueError("is not a list", "Give a list, or texts separated by commas")


def _texts(values: Iterable[object]) -> Iterable[str]:
    for value in values:
        if not isinstance(value, str):
            raise InvalidValueError(f"holds a {type(value).__name__} where a name belongs", "Give names")
        yield value


def mapping(value: object, *, empty_key: bool = False) -> dict[str, Any]:
    """Give a dictionary with text keys from a mapping, from ``key=value,…`` or from a JSON object.

    Args:
        value: What was given.
        empty_key: Whether an empty text is a key (the root logger's name).
    """
    if isinstance(value, str):
        return dict(_json(value, dict)) if value.lstrip().startswith("{") else dict(pairs(value))
    if not isinstance(value, Mapping):
        raise InvalidValueError("is not a mapping", "Give a mapping, or the text key=value,key2=value2", MASK)
    for key in value:
        if not isinstance(key, str) or not (key or empty_key):
            raise InvalidValueError("has a key that is no text", "Use non-empty texts as keys", MASK)
    return dict(value)


def _json(text: str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidValueError(f"is not valid JSON ({error})", f"Write a JSON {kind.__name__}", MASK) from error
    if not isinstance(value, kind):
        raise InvalidValueError(f"is not a JSON {kind.__name__}", f"Write a JSON {kind.__name__}", MASK)
    return value


def headers(value: object) -> Headers | Callable[[], Mapping[str, str]]:
    """Give checked request headers, or the callable that will give them.

    Raises:
        InvalidValueError: A name is no HTTP token, a value is no text or holds a line break or control character.
    """
    if isinstance(value, Headers):
        return value
    if callable(value):
        return cast("Callable[[], Mapping[str, str]]", value)
    found = mapping(value)
    for name, text in found.items():
        check_header(name, text)
    return Headers(found)


def check_header(name: str, value: object) -> None:
    """Refuse a header that cannot be sent, without ever showing its value (RFC 9110, section 5.5).

    Raises:
        InvalidValueError: The name or the value is not allowed.
    """
    if not _HEADER_NAME.fullmatch(name):
        raise InvalidValueError("has a malformed header name", "Use letters, digits and dashes in header names", MASK)
    if not isinstance(value, str):
        raise InvalidValueError(f"header {name!r} is not a text", "Give header values as texts", MASK)
    if any(ord(character) < 32 or 127 <= ord(character) < 160 or ord(character) > 255 for character in value):
        remedy = "Remove line breaks and characters outside Latin-1"
        raise InvalidValueError(f"header {name!r} holds a character that cannot be sent", remedy, MASK)


def level(value: object) -> str:
    """Give the name of a level: ``info``, ``WARNING`` and 30 become ``INFO``, ``WARN`` and ``WARN``.

    Raises:
        InvalidValueError: The name is unknown.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidValueError("is not a level", "Use a name such as 'INFO' or a number such as logging.INFO")
    try:
        number = parse_level(value)
    except ValueError as error:
        raise InvalidValueError(
            "is not a level", "Use TRACE, DEBUG, INFO, WARN, ERROR, FATAL, AUDIT or SECURITY"
        ) from error
    return _LEVEL_NAMES.get(number) or severity_text(number)


def levels(value: object) -> dict[str, str]:
    """Give logger names to level names, from a mapping or from ``shop.cart=DEBUG,httpx=WARN``."""
    return {name: level(item) for name, item in mapping(value, empty_key=True).items()}


def size(value: object) -> object:
    """Turn ``"64MiB"``, ``"512 KB"`` or ``"4096"`` into bytes; anything but such a text is left as it is."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return value
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** _POWERS[match[2].lower()])


def existing_file(value: object) -> str:
    """Give the path of a file that exists and can be read.

    Raises:
        InvalidValueError: There is no such file, or it may not be read.
    """
    path = _path(value)
    try:
        # Not opened: a named pipe would block here and be used up.
        unfit = "is a directory" if stat.S_ISDIR(path.stat().st_mode) else ""
    except (OSError, ValueError) as error:
        unfit = getattr(error, "strerror", None) or str(error)
    if not unfit and not os.access(path, os.R_OK):
        unfit = "permission denied"
    if unfit:
        raise InvalidValueError(f"cannot be read ({unfit})", "Give the path of a readable file")
    return str(path)


def directory(value: object) -> str:
    """Give the path of a directory, which need not exist yet."""
    path = _path(value)
    if os.path.lexists(path) and not path.is_dir():
        raise InvalidValueError("is not a directory", "Give the path of a directory")
    return str(path)


def _path(value: object) -> Path:
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise InvalidValueError("is not a path", "Give a path")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InvalidValueError("starts with ~, and there is no such user", "Give an absolute path") from error


def pem(value: object) -> str | bytes:
    """Give the path of a readable file, or certificates in PEM form as bytes."""
    content = value.encode() if isinstance(value, str) and value.lstrip().startswith(_PEM.decode()) else value
    if not isinstance(content, bytes):
        return existing_file(value)
    if _PEM not in content:
        raise InvalidValueError("is not in PEM form", "Give PEM bytes or the path of a PEM file", MASK)
    return content


def private_pem(value: object) -> str | Secret:
    """Give the path of a readable file, or a private key in PEM form as bytes that never show."""
    content = pem(value)
    return Secret(content) if isinstance(content, bytes) else content
