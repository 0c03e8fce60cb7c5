"""A secret of a known kind is not in what is written: whatever surrounds it, wherever in a record it stands."""

from __future__ import annotations

import itertools
import json
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as PbLogRecord

from fapilog_otel.encode import _native as native
from fapilog_otel.encode import emit
from fapilog_otel.encode.plan import EncodePlan, Limits
from fapilog_otel.model.chunk import Chunk
from fapilog_otel.model.scope import Scope
from fapilog_otel.pipeline import default_redaction
from tests.property.hosts import new_core, sealed_payloads
from tests.unit.pipeline.made_up_secrets import IN_TEXT, URLS

SCOPE = Scope("secrets")
PLANS = (
    EncodePlan(redaction=default_redaction()),
    EncodePlan(redaction=default_redaction(), limits=Limits(value_length=40)),
    EncodePlan(redaction=default_redaction(), limits=Limits(record_bytes=600)),
)
TWINS = {"native": (native.EmitCore, native.Chunk), "python": (emit.EmitCore, Chunk)}
# What is shorter would be found in ids and times by chance.
KNOWN = [(text, secret) for text, secret, _ in [*IN_TEXT, *URLS] if len(secret) >= 5]


class Says:
    """An object whose text, and whose error, holds the secret."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def raised(text: str) -> Exception:
    """An exception with a traceback, a cause and a note."""
    try:
        try:
            raise KeyError(text)
        except KeyError as cause:
            raise ValueError(text) from cause
    except ValueError as error:
        error.__notes__ = [text]  # as add_note() does, from 3.11 on
        return error


PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "body": lambda text: {"body": text},
    "bytes body": lambda text: {"body": text.encode()},
    "body in body": lambda text: {"body": {"a": [{"b": (text,)}]}},
    "attribute": lambda text: {"attributes": {"a": text}},
    "bytes": lambda text: {"attributes": {"a": b"\xff" + text.encode() + b"\x00"}},
    "byte array": lambda text: {"attributes": {"a": [bytearray(text.encode()), memoryview(text.encode())]}},
    "list": lambda text: {"attributes": {"a": [1, ["x", text]]}},
    "set": lambda text: {"attributes": {"a": {text, frozenset([text])}}},
    "mapping": lambda text: {"attributes": {"a": {"b": {"c": text}}}},
    "key of a mapping": lambda text: {"attributes": {"a": {text: 1, "n": {text: {text: 2}}}}},
    "bound": lambda text: {"bound": {"a": text, "b": [text]}},
    "object": lambda text: {"attributes": {"a": Says(text), "b": [Says(text)]}, "body": Says(text)},
    "json": lambda text: {"body": json.dumps({"a": [text]}), "attributes": {"a": json.dumps(json.dumps({"b": text}))}},
    "repr": lambda text: {"body": repr({"a": text}), "attributes": {"a": repr([text])}},
    "exception": lambda text: {"attributes": {"a": raised(text)}, "body": raised(text)},
    "stack": lambda text: {"attributes": {"exception.stacktrace": "".join(traceback.format_exception(raised(text)))}},
}


def written(twin: str, plan: EncodePlan, fields: dict[str, Any]) -> bytes:
    core = new_core(*TWINS[twin], plan)
    given = (fields.get("body", "x"), fields.get("attributes"), fields.get("bound"))
    core.submit(SCOPE, 5, 6, 9, "INFO", *given, (0, 0, 0), None, "")
    (payload,) = sealed_payloads(core)
    return payload


def spellings(secret: str) -> list[bytes]:
    """How a secret looks in what is written: as it is, and with its quotes and line ends escaped."""
    return [secret.encode(), json.dumps(secret, ensure_ascii=False)[1:-1].encode()]


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("place", PLACES)
def test_no_known_secret_is_written_anywhere(twin: str, place: str) -> None:
    for (text, secret), plan in itertools.product(KNOWN, PLANS):
        payload = written(twin, plan, PLACES[place](text))
        PbLogRecord.FromString(payload)
        assert not any(form in payload for form in spellings(secret)), text


BETWEEN = ["", " ", "\n", "\t", ", ", "=", ": ", '"', "'", "(", "[", "{", "a=b&", "https://h/?x=1&", "\\", "☃"]
NOISE = st.one_of(st.text(max_size=30), st.sampled_from(BETWEEN))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    known=st.sampled_from([pair for pair in KNOWN if "\n" not in pair[0]]),
    before=NOISE,
    after=NOISE,
    places=st.lists(st.sampled_from(sorted(PLACES.keys() - {"stack", "exception"})), min_size=1, max_size=3),
    plan=st.sampled_from(PLANS),
)
def test_nor_among_any_other_text(
    known: tuple[str, str], before: str, after: str, places: list[str], plan: EncodePlan
) -> None:
    text, secret = known
    fields: dict[str, Any] = {}
    for place in places:
        for name, value in PLACES[place](f"{before} {text} {after}").items():
            fields[name] = {**fields.get(name, {}), place: value} if name != "body" else value
    for twin in TWINS:
        payload = written(twin, plan, fields)
        assert not any(form in payload for form in spellings(secret))
