"""Redaction of one value tree: the pure function that both encoders and the record stages run, so that they agree."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from fapilog_otel.encode.plan import DROP, KEEP
from fapilog_otel.model.anyvalue import clean_text, normalise

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.encode.plan import Redaction
    from fapilog_otel.model.anyvalue import AnyValue

_UNTOUCHED = frozenset((bool, int, float, type(None)))


def redact_tree(value: AnyValue, path: str, redaction: Redaction) -> AnyValue:
    """Give a value without secrets; the very same object where there is nothing to redact.

    Args:
        value: A normalised value. Its nesting is bounded by normalisation; an endless one raises ``RecursionError``.
        path: Dotted path of the value itself, whose verdict is the caller's; empty for a body. Items of a list have the
            path of the list.
        redaction: Keys of mappings get its verdict; texts, bytes and the keys themselves go through its ``scrub``;
            numbers are kept.
    """
    kind = type(value)
    if kind is str:
        return scrub_text(value, redaction)  # type: ignore[arg-type]
    if kind in _UNTOUCHED:
        return value
    if kind is dict:
        return _mapping(value, path, redaction)  # type: ignore[arg-type]
    if kind is list:
        return _items(value, path, redaction)  # type: ignore[arg-type]
    if kind is bytes:
        return scrub_bytes(value, redaction)  # type: ignore[arg-type]
    return redact_tree(normalise(value), path, redaction)


def scrub_text(text: str, redaction: Redaction) -> str:
    """Give a text without secrets; the very same object when nothing was found."""
    if redaction.scrub is None:
        return text
    clean = redaction.scrub(text)
    return text if clean is text else clean_text(clean)


def scrub_bytes(data: bytes, redaction: Redaction) -> bytes:
    """Give bytes without the secrets that they hold as text; the very same object when nothing was found."""
    if redaction.scrub is None:
        return data
    text = data.decode("latin-1")  # every byte one character: what is not masked comes back as it was
    clean = redaction.scrub(text)
    return data if clean == text else clean.encode("latin-1", "replace")


def _clean_key(key: str, taken: dict[str, AnyValue], redaction: Redaction) -> str:
    """Give a key of a mapping without secrets; one that another key has become already is told apart."""
    clean = _scrubbed_key(key, redaction.scrub) if redaction.scrub is not None else key
    while clean in taken:
        clean += "*"
    return clean


@lru_cache(maxsize=4096)
def _scrubbed_key(key: str, scrub: Callable[[str], str]) -> str:
    clean = scrub(key)
    return key if clean is key else clean_text(clean)


def _mapping(value: dict[str, AnyValue], path: str, redaction: Redaction) -> AnyValue:
    out: dict[str, AnyValue] = {}
    changed = False
    for key, item in value.items():
        inner = f"{path}.{key}" if path else key
        verdict = redaction.verdict(inner)
        if verdict == DROP:
            changed = True
            continue
        # A verdict that is none of the three masks: redaction fails closed.
        clean = redact_tree(item, inner, redaction) if verdict == KEEP else redaction.mask
        name = _clean_key(key, out, redaction)
        out[name] = clean
        changed = changed or clean is not item or name is not key
    return out if changed else value


def _items(value: list[AnyValue], path: str, redaction: Redaction) -> AnyValue:
    out = [redact_tree(item, path, redaction) for item in value]
    return out if any(new is not old for new, old in zip(out, value, strict=True)) else value
