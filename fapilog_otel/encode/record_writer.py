"""The short way of a record in plain Python: ``values.build_payload`` for ordinary values, with what repeats cached.

    key       ─► KeyForm: the field up to the value, for each kind of value; the redactors' verdict with it
    text      ─► its bytes, where a redactor would otherwise have to search it again
    severity  ─► fields 2 and 3
    lengths   ─► tables of what stands before a text, an attribute, a record

Whatever is not ordinary goes through ``values``, value by value; a record that raises is written again there, whole.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.encode import _wire
from fapilog_otel.encode.plan import DROP, KEEP
from fapilog_otel.encode.suspicion import suspicion_of
from fapilog_otel.encode.values import attribute_value, body_value, key_verdict, scrubbed, select_attributes
from fapilog_otel.model.anyvalue import INT64_MAX, Budget, clean_text, normalise_key
from fapilog_otel.model.severity import MAX_SEVERITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.encode.plan import EncodePlan, Redaction

KEYS: Final = 4096
"""Keys that are kept; when there are more, all are forgotten."""
KEY_LENGTH: Final = 256
"""Characters of a key, or severity text, that is kept."""
HEADS: Final = 16_384
"""Prefixes of texts that are kept with the keys; when there are more, all keys are forgotten."""
HEAD_LENGTH: Final = 128
"""Bytes of a text whose prefix is kept."""
TEXTS: Final = 1024
"""Texts that are kept as free of secrets; when there are more, all are forgotten."""
TEXT_LENGTH: Final = 128
"""Characters of a text that is kept."""

_FIXED64 = struct.Struct("<Q").pack
_DOUBLE = struct.Struct("<d").pack
_LAST = tuple(bytes((number,)) for number in range(128))  # the last byte of a varint
_MORE = tuple(bytes((number | 0x80,)) for number in range(128))  # any byte before it

_TABLED = 1024  # bytes of a body or record whose prefix is taken from a table
_BODY_HEADS = tuple(
    b"\x2a" + _wire.varint(1 + len(_wire.varint(n)) + n) + b"\x0a" + _wire.varint(n) for n in range(_TABLED)
)
_RECORD_HEADS = tuple(b"\x12" + _wire.varint(n) for n in range(_TABLED))


def tagged(payload: bytes) -> bytes:
    """Give a LogRecord message with its tag and length, as it stands in a chunk."""
    size = len(payload)
    return (_RECORD_HEADS[size] if size < _TABLED else b"\x12" + _wire.varint(size)) + payload


def utf8(text: str) -> bytes:
    """Give a text as it is written: lone surrogates become U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return clean_text(text).encode()


def _body_field(data: bytes) -> bytes:
    if len(data) < _TABLED:
        return _BODY_HEADS[len(data)] + data
    return _wire.delimited(b"\x2a", _wire.delimited(b"\x0a", data))


def _keep(known: dict[str, bytes], text: str, encoded: bytes) -> bytes:
    if len(text) <= TEXT_LENGTH:
        if len(known) >= TEXTS:
            known.clear()
        known[text] = encoded
    return encoded


class KeyForm:
    """An attribute key as it is written before a value of each kind, with the redactors' verdict on it.

    Args:
        key: The key as text.
        redaction: Whose verdict and mask; None: all keys are kept.
    """

    __slots__ = (
        "chunk", "dropped", "false", "fixed", "heads", "integers", "none", "real", "text", "true", "wire",
    )  # fmt: skip

    def __init__(self, key: str, redaction: Redaction | None) -> None:
        self.text = key
        self.wire = wire = _wire.key_chunk(key)
        self.dropped = 0 if key else 1
        self.fixed = self._fixed(redaction)
        self.chunk = wire + b"\x12"
        self.heads: dict[int, bytes] = {}  # before a text, by its bytes
        self.true = _wire.key_value(b"\x32", wire, b"\x10\x01")
        self.false = _wire.key_value(b"\x32", wire, b"\x10\x00")
        self.none = _wire.key_value(b"\x32", wire, b"")
        self.real = _wire.key_value(b"\x32", wire, b"\x21" + bytes(8))[:-8]
        self.integers = tuple(_wire.key_value(b"\x32", wire, b"\x18" + bytes(n))[:-n] for n in (1, 2, 3))

    def _fixed(self, redaction: Redaction | None) -> bytes | None:
        """Give the whole field where it does not depend on the value."""
        if not self.text:
            return b""
        verdict = KEEP if redaction is None else key_verdict(self.text, redaction)
        if verdict == KEEP or redaction is None:
            return None
        return b"" if verdict == DROP else _wire.key_value(b"\x32", self.wire, _wire.any_value(redaction.mask))


class RecordWriter:
    """Writes LogRecord messages under one plan.

    Args:
        plan: Redaction and limits.
    """

    def __init__(self, plan: EncodePlan) -> None:
        redaction = plan.redaction
        self._plan = plan
        self._redaction = redaction
        self._attribute_limit = plan.limits.attributes
        self._record_limit = plan.limits.record_bytes
        self._value_length = plan.limits.value_length
        self._keys: dict[str, KeyForm] = {}  # those whose value is written
        self._fixed: dict[str, KeyForm] = {}  # those that are masked, left out, or empty
        self._heads = 0
        self._severities: list[tuple[str | None, bytes]] = [(None, b"")] * (MAX_SEVERITY + 1)
        self._texts: dict[str, bytes] = {}  # without secrets
        self._bodies: dict[str, bytes] = {}  # the same, as the whole field
        self._scan: Callable[[str], bool] | None = None
        if redaction is not None and redaction.scrub is not None:
            self._scan = suspicion_of(("",) if redaction.always else redaction.literals, digits=redaction.digits)

    def forget_texts(self) -> None:
        """Let go of the texts, so that none lives on because it was logged once."""
        self._texts.clear()
        self._bodies.clear()

    def write(
        self,
        timestamp: int,
        observed: int,
        severity: int,
        text: str,
        body: object,
        attributes: dict[Any, Any],
        trace: bytes,
        event_name: str,
    ) -> bytes:
        """Give the record that ``values.build_payload`` gives, with tag and length.

        Args are those of ``values.build_payload``; ``attributes`` is a dict that nobody else changes.

        Raises:
            Exception: A value or a redactor raised; ``values.build_payload`` contains it.
        """
        known, fields = self._severities[severity]
        if known is not text:
            fields = self._severity_fields(severity, text)
        stamp = _FIXED64(timestamp)
        budget = None
        if type(body) is str:
            parts = [b"\x09", stamp, fields, self._bodies.get(body) or self._text_body(body)]
        elif body is None:
            parts = [b"\x09", stamp, fields]
        else:
            budget = Budget(self._plan.limits.nodes, self._plan.limits.depth)
            encoded = body_value(body, self._plan, budget) or b""
            parts = [b"\x09", stamp, fields, b"\x2a", _wire.varint(len(encoded)), encoded]
        if not timestamp:
            del parts[:2]
        if len(attributes) <= self._attribute_limit:
            dropped = self._write_attributes(attributes, parts, budget)
        else:
            chosen = select_attributes(attributes, self._attribute_limit)
            dropped = len(attributes) - len(chosen) + self._write_attributes(chosen, parts, budget)
        if dropped:
            parts.append(b"\x38" + _wire.varint(dropped))
        if observed:
            parts += (trace, b"\x59", stamp if observed == timestamp else _FIXED64(observed))
        else:
            parts.append(trace)
        if event_name:
            parts.append(_wire.delimited(b"\x62", clean_text(event_name).encode()))
        payload = b"".join(parts)
        size = len(payload)
        if size > self._record_limit:
            from fapilog_otel.encode.shrink import shrink_payload  # noqa: PLC0415 - for oversized records only

            return tagged(shrink_payload(payload, self._record_limit))
        return _RECORD_HEADS[size] + payload if size < _TABLED else tagged(payload)

    def _write_attributes(self, attributes: dict[Any, Any], parts: list[bytes], budget: Budget | None) -> int:
        """Add the attribute fields; give how many attributes have no key."""
        keys, texts, is_plain = self._keys, self._texts, self._scan is None
        dropped = 0
        for key, value in attributes.items():
            form = keys.get(key) if type(key) is str else None
            if form is None:
                form = self._form(key)
                if form.fixed is not None:
                    dropped += form.dropped
                    parts.append(form.fixed)
                    continue
            kind = type(value)
            if kind is str:
                if is_plain:
                    try:
                        data = value.encode()
                    except UnicodeEncodeError:
                        data = utf8(value)
                else:
                    data = texts.get(value) or self._text(value)
                head = form.heads.get(len(data))
                if head is not None:
                    parts += (head, data)
                else:
                    parts += self._text_field(form, data)
            elif kind is int and 0 <= value < 2097152:
                if value < 128:
                    parts += (form.integers[0], _LAST[value])
                elif value < 16384:
                    parts += (form.integers[1], _MORE[value & 127], _LAST[value >> 7])
                else:
                    parts += (form.integers[2], _MORE[value & 127], _MORE[value >> 7 & 127], _LAST[value >> 14])
            elif kind is float:
                parts += (form.real, _DOUBLE(value))
            elif kind is bool:
                parts.append(form.true if value else form.false)
            elif value is None:
                parts.append(form.none)
            elif kind is int and 0 <= value <= INT64_MAX:
                parts.append(_wire.key_value(b"\x32", form.wire, b"\x18" + _wire.varint(value)))
            else:
                if budget is None:
                    budget = Budget(self._plan.limits.nodes, self._plan.limits.depth)
                parts.append(_wire.key_value(b"\x32", form.wire, attribute_value(value, form.text, self._plan, budget)))
        return dropped

    def _form(self, raw: object) -> KeyForm:
        """Give the form of a key that is none of the known ordinary ones."""
        if type(raw) is not str or len(raw) > KEY_LENGTH:
            return KeyForm(normalise_key(raw), self._redaction)
        form = self._fixed.get(raw)
        if form is None:
            form = KeyForm(normalise_key(raw), self._redaction)
            if len(self._keys) + len(self._fixed) >= KEYS:
                self._forget_keys()
            (self._keys if form.fixed is None else self._fixed)[raw] = form
        return form

    def _forget_keys(self) -> None:
        self._keys.clear()
        self._fixed.clear()
        self._heads = 0

    def _text_field(self, form: KeyForm, data: bytes) -> tuple[bytes, bytes]:
        """Give the field of a text in two parts; the first is kept where it may be wanted again."""
        size = len(data)
        if self._value_length is not None and size > self._value_length:  # it may have fewer characters than bytes
            data = data.decode()[: self._value_length].encode()
            size = len(data)
        head = b"\x0a" + _wire.varint(size)
        head = form.chunk + _wire.varint(len(head) + size) + head
        head = b"\x32" + _wire.varint(len(head) + size) + head
        if size < HEAD_LENGTH and (self._value_length is None or size <= self._value_length):
            if self._heads >= HEADS:
                self._forget_keys()
            self._heads += 1
            form.heads[size] = head
        return head, data

    def _severity_fields(self, severity: int, text: str) -> bytes:
        fields = b"\x10" + _LAST[severity] if severity else b""
        if text:
            fields += _wire.delimited(b"\x1a", clean_text(text).encode())
        if type(text) is str and len(text) <= KEY_LENGTH:
            self._severities[severity] = (text, fields)  # one tuple, so that no thread sees the half of it
        return fields

    def _text(self, text: str) -> bytes:
        """Give a text as the redactors leave it; where they have nothing to look for, it is kept."""
        if self._redaction is not None and self._scan is not None and self._scan(text):
            return scrubbed(clean_text(text), self._redaction).encode()
        return _keep(self._texts, text, utf8(text))

    def _text_body(self, text: str) -> bytes:
        """Give the body field of a text, which is kept like the text."""
        if self._redaction is not None and self._scan is not None and self._scan(text):
            data = scrubbed(clean_text(text), self._redaction).encode()
            return _body_field(data)
        return _keep(self._bodies, text, _body_field(utf8(text)))
