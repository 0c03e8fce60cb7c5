from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fapilog_otel.encode import log_methods
from fapilog_otel.encode.context import bound_context
from fapilog_otel.encode.plan import EncodePlan, Limits, Redaction
from fapilog_otel.pipeline import default_redaction
from tests.unit.encode.encoders import NATIVE, SCOPE, Bench


def raising(*args: Any) -> Any:
    raise ValueError("no")


class Stops:
    def __str__(self) -> str:
        raise KeyboardInterrupt


class Fails:
    def __str__(self) -> str:
        raise ValueError("no")


def stopped(bench: Bench) -> None:
    try:
        bench.log.info("m", a="x" * 5, b=[1], c=Stops(), d=1)
    except KeyboardInterrupt:
        return
    raise AssertionError


def in_context(bench: Bench) -> None:
    with bound_context(a="x", b=[1]):
        bench.log.info("m", c=1)


def refused(bench: Bench) -> None:
    bench.host.refusing = True
    bench.core.drop_open()
    bench.log.info("m", a=[1])


def with_error(bench: Bench) -> None:
    try:
        raise ValueError("x")
    except ValueError:
        bench.log.exception("m %s", 1)


def wrong(bench: Bench) -> None:
    with pytest.raises(TypeError):
        bench.log.info()


MANY = {f"k{number}": [number] for number in range(100)}
PATHS: dict[str, tuple[EncodePlan, Callable[[Bench], object]]] = {
    "plain": (EncodePlan(), lambda bench: bench.log.info("m", a=1, b="x", c=1.5, d=True, e=None)),
    "positional": (EncodePlan(), lambda bench: bench.log.info("m %s", "x", a=1)),
    "odd values": (
        EncodePlan(),
        lambda bench: bench.log.info(["m"], a=[1], b=1 << 70, c=Fails(), d="\ud800", e={"k": ()}),
    ),
    "odd keys": (EncodePlan(), lambda bench: bench.submit("m", {1: 2, "\ud800": 3, "": 4, Fails(): 5, "k" * 300: 6})),
    "many attributes": (EncodePlan(), lambda bench: bench.log.info("m", **MANY)),
    "too many attributes": (EncodePlan(limits=Limits(attributes=60)), lambda bench: bench.log.info("m", **MANY)),
    "too many after an error": (
        EncodePlan(limits=Limits(attributes=60), redaction=Redaction(raising)),
        lambda bench: bench.log.info("m", **MANY),
    ),
    "bound": (EncodePlan(), lambda bench: bench.logger({"a": [1]}).info("m", b=1)),
    "context": (EncodePlan(), in_context),
    "base exception": (EncodePlan(), stopped),
    "oversized": (EncodePlan(limits=Limits(record_bytes=200)), lambda bench: bench.log.info("x" * 500, a="y" * 500)),
    "redacted": (
        EncodePlan(redaction=default_redaction()),
        lambda bench: bench.log.info("password=x", token="t", b=["AKIA"]),
    ),
    "failing redactor": (
        EncodePlan(redaction=Redaction(lambda p: 0, raising, always=True)),
        lambda bench: bench.log.info("m", a="x"),
    ),
    "stages": (EncodePlan(stages=(lambda record: record,)), lambda bench: bench.log.info("m", a=[1])),
    "filtering stage": (EncodePlan(stages=(lambda record: None,)), lambda bench: bench.log.info("m", a=[1])),
    "failing stage": (EncodePlan(stages=(raising,)), lambda bench: bench.log.info("m", a=[1])),
    "no room": (EncodePlan(), refused),
    "exception": (EncodePlan(), with_error),
    "emit": (
        EncodePlan(),
        lambda bench: bench.log.emit(body="m", attributes={"a": (1,)}, severity_number=9, event_name="e"),
    ),
    "ids": (EncodePlan(), lambda bench: bench.submit(ids=(1, 2, 3))),
    "bad ids": (EncodePlan(), lambda bench: bench.submit(ids=(1 << 200, "x", None))),
    "fields": (EncodePlan(), lambda bench: bench.submit_fields("m", {"a": [1]})),
    "wrong call": (EncodePlan(), wrong),
}


def resident() -> int:
    """Give the resident memory of this process, bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.fixture
def plain_tracebacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Formatting a stack reads and caches source lines, which would look like a leak."""
    monkeypatch.setattr(log_methods, "exception_attributes", lambda exc: {"exception.type": type(exc).__name__})


class TestNothingLeaks:
    CALLS = 6000

    @pytest.fixture
    def quiet(self) -> Iterator[None]:
        gc.collect()
        gc.disable()
        yield
        gc.enable()

    @pytest.mark.usefixtures("plain_tracebacks", "quiet")
    @pytest.mark.parametrize("path", PATHS)
    def test_not_a_block_on_any_path(self, path: str) -> None:
        plan, submit = PATHS[path]
        bench = Bench(NATIVE, plan, size=1 << 14)

        def run(calls: int) -> int:
            for _ in range(calls):
                submit(bench)
                if len(bench.core.sealed) > 4:
                    bench.core.sealed.clear()
                    bench.host.acquired.clear()
            bench.core.drop_open()
            bench.core.sealed.clear()
            bench.host.acquired.clear()
            bench.host.released.clear()
            gc.collect()
            return sys.getallocatedblocks()

        run(300)
        before, memory = run(300), resident()
        leaked = run(self.CALLS) - before
        assert leaked < self.CALLS // 20, "blocks of the interpreter's allocator"
        assert resident() - memory < 12 << 20, "memory of any kind"

    def test_not_a_reference_to_what_was_logged(self) -> None:
        bench = Bench(NATIVE, EncodePlan(redaction=default_redaction()))
        values: list[Any] = [
            "plain text",
            "\ud800 surrogate",
            1 << 70,
            12345.678,
            [1, 2],
            {"k": "v"},
            b"raw",
            Fails(),
            SCOPE,
        ]
        before = [sys.getrefcount(value) for value in values]
        for _ in range(200):
            for value in values:
                bench.log.info(value, a=value, b=[value])
                bench.log.info("m %s", value)
                bench.submit(value, {"a": value}, scope=SCOPE)
        bench.core.drop_open()
        bench.core.sealed.clear()
        bench.host.acquired.clear()
        gc.collect()
        grown = [after - then for after, then in zip(map(sys.getrefcount, values), before, strict=True)]
        assert max(grown) <= 1, grown
