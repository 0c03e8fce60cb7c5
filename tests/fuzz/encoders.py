"""Coverage-guided fuzzing of both encoders: odd calls from bytes, whose records must come out equal.

``python tests/fuzz/encoders.py -max_total_time=600 -max_len=4096 -len_control=0``, in an environment with atheris. A
crash, an exception or a difference ends it and leaves the input behind.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import atheris

sys.path[:0] = [str(Path(__file__).parents[2])]

with atheris.instrument_imports(include=["fapilog_otel.encode", "fapilog_otel.model"]):
    from fapilog_otel.encode import _native as native
    from fapilog_otel.encode.context import bound_context
    from fapilog_otel.encode.plan import DROP, KEEP, MASK, EncodePlan, Limits, Redaction
    from fapilog_otel.model.scope import Scope

from tests.unit.encode.encoders import NATIVE, PYTHON, Bench  # noqa: E402 - the path is set above

KEYS = ("a", "order_id", "password", "left", "exc_info", "", "k" * 40, "é")
SCOPES = (Scope("one"), Scope("two", "1"))
VERDICTS = {"password": MASK, "left": DROP}
REDACTION = Redaction(
    lambda key: VERDICTS.get(key, KEEP), lambda text: text.replace("token", "***"), ("token", "://"), digits=True
)


class Odd:
    """An object whose text is given; raises where there is none."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        if not self.text:
            raise ValueError("no text")
        return self.text


class Loud(str):
    """A kind of str of somebody's own."""

    __slots__ = ()


def value_from(data: atheris.FuzzedDataProvider, depth: int = 0) -> Any:
    kind = data.ConsumeIntInRange(0, 12 if depth < 4 else 8)
    if kind <= 2:
        return data.ConsumeUnicode(data.ConsumeIntInRange(0, 200))
    if kind == 3:
        return data.ConsumeInt(9)
    if kind == 4:
        return data.ConsumeFloat()
    if kind == 5:
        return (True, False, None, "token=1", "http://u:p@h", "4111 1111 1111 1111")[data.ConsumeIntInRange(0, 5)]
    if kind == 6:
        return data.ConsumeBytes(data.ConsumeIntInRange(0, 50))
    if kind == 7:
        return Odd(data.ConsumeUnicode(5))
    if kind == 8:
        return Loud(data.ConsumeUnicode(8))
    items = [value_from(data, depth + 1) for _ in range(data.ConsumeIntInRange(0, 4))]
    if kind == 9:
        return tuple(items)
    if kind == 10:
        items.append(items)
        return items
    return {key_from(data): item for item in items}


def key_from(data: atheris.FuzzedDataProvider) -> Any:
    if data.ConsumeBool():
        return KEYS[data.ConsumeIntInRange(0, len(KEYS) - 1)]
    return data.ConsumeUnicode(12) if data.ConsumeBool() else data.ConsumeInt(2)


def mapping_from(data: atheris.FuzzedDataProvider) -> Any:
    if data.ConsumeIntInRange(0, 9) == 0:
        return value_from(data)
    return {key_from(data): value_from(data) for _ in range(data.ConsumeIntInRange(0, 12))}


def plan_from(data: atheris.FuzzedDataProvider) -> EncodePlan:
    limits = Limits(
        record_bytes=(262_144, 300, 40)[data.ConsumeIntInRange(0, 2)],
        attributes=(128, 3, 0)[data.ConsumeIntInRange(0, 2)],
        value_length=(None, 4, 0)[data.ConsumeIntInRange(0, 2)],
        depth=(16, 2)[data.ConsumeBool()],
    )
    static = {"a": 1, "password": "x"} if data.ConsumeBool() else {}
    return EncodePlan(limits, REDACTION if data.ConsumeBool() else None, data.ConsumeBool(), static)


def call_from(data: atheris.FuzzedDataProvider) -> Any:
    fields: dict[str, Any] = {
        "timestamp": data.ConsumeInt(9), "observed_timestamp": 1 + data.ConsumeIntInRange(0, 1 << 62),
        "severity_number": data.ConsumeIntInRange(-2, 30), "severity_text": value_from(data, 9),
        "body": value_from(data),
        "attributes": mapping_from(data), "event_name": value_from(data, 9),
    }  # fmt: skip
    for name in tuple(fields):
        if name != "observed_timestamp" and data.ConsumeIntInRange(0, 3) == 0:
            del fields[name]
    return fields, mapping_from(data), mapping_from(data), SCOPES[data.ConsumeBool()]


def written(bench: Bench, calls: list[Any]) -> list[Any]:
    for fields, bound, running, scope in calls:
        bench.scope = scope
        log = bench.logger(bound if type(bound) is dict and bound else None)
        names = {str(key): item for key, item in running.items()} if type(running) is dict else {}
        with bound_context(**names):
            log.emit(**fields)
            log.emit(**fields)
    bench.core.seal_open()
    assert bench.balanced()
    chunks = [chunk for chunk in bench.core.sealed if chunk.count]
    return [(bytes(payload), scope) for chunk in chunks for payload, scope in chunk.payloads(0, chunk.count)]


def one(blob: bytes) -> None:
    data = atheris.FuzzedDataProvider(blob)
    plan = plan_from(data)
    size = (1 << 16, 4096, 200)[data.ConsumeIntInRange(0, 2)]
    calls = [call_from(data) for _ in range(data.ConsumeIntInRange(1, 4))]
    found = written(Bench(NATIVE, plan, size), calls)
    expected = written(Bench(PYTHON, plan, size), calls)
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    text = data.ConsumeUnicode(300)
    assert REDACTION.scrub is not None
    assert native.Suspicion(REDACTION).matches(text) or REDACTION.scrub(text) == text


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
