"""Attempts to crash the native encoder, for a process of their own: ``python -m tests.unit.encode.hostile [NAME]``."""

from __future__ import annotations

import copy
import faulthandler
import gc
import pickle
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fapilog_otel.encode import _native
from fapilog_otel.encode.plan import EncodePlan, Limits
from tests.unit.encode.encoders import NATIVE, SCOPE, Bench

native: Any = _native
ATTEMPTS: dict[str, Callable[[], None]] = {}


def attempt(function: Callable[[], None]) -> Callable[[], None]:
    ATTEMPTS[function.__name__] = function
    return function


def churn() -> None:
    """Overwrite memory that has just been freed."""
    gc.collect()
    _ = [bytearray(b"\xab" * size) for size in (64, 256, 400, 800, 4096) for _ in range(300)]


@attempt
def a_core_replaced_while_it_writes() -> None:
    bench = Bench(NATIVE)

    class Reconfigures:
        def __str__(self) -> str:
            bench.core = bench.port.core = bench.new_core()
            bench.log.info("inner")
            churn()
            return "text"

    for _ in range(20):
        bench.log.info(Reconfigures(), a=Reconfigures())
        bench.log.info("m", a=[Reconfigures()], b=1)
        bench.log.info("%s", Reconfigures())
        bench.log.emit(body=Reconfigures(), attributes={"a": Reconfigures()})
        bench.log.error(Reconfigures(), exc_info=ValueError(Reconfigures()))
    assert len(bench.records()) > 0


@attempt
def severities_out_of_range() -> None:
    bench = Bench(NATIVE)
    for severity in (25, 255, 1 << 24, -(1 << 24), (1 << 31) - 1, -(1 << 31), 1 << 70, -(1 << 70), "9", None, 9.5):
        for _ in range(3):
            bench.log.write(severity, "X", "m", (), None, {})
            bench.submit(severity=severity)
            bench.submit_fields(severity=severity)
            bench.core.closed = not bench.core.closed
    assert bench.balanced()


@attempt
def chunks_after_they_gave_their_memory_away() -> None:
    donor = native.Chunk(4096, 1)
    donor.append(b"\x12\x01a", 9, SCOPE)
    taker = native.Chunk(4096, 1, donor)
    for use in (
        lambda: donor.append(b"x" * 100, 9, SCOPE),
        donor.prefault,
        donor.compact,
        lambda: bytes(donor.view()),
        lambda: list(donor.payloads(0, 5)),
        lambda: donor.runs(0, 5),
        lambda: donor.cut(0, 10, 10),
        lambda: donor.offset(3),
        lambda: donor.severity_counts(0, 9),
        lambda: native.Chunk(64, 1, donor).append(b"x", 9, SCOPE),
    ):
        with suppress(ValueError):
            use()
    taker.append(b"\x12\x01b", 9, SCOPE)
    assert bytes(taker.view()) == b"\x12\x01b"


@attempt
def arguments_of_every_wrong_type() -> None:
    odd = [None, 5, -1, 1 << 70, "text", b"x", object(), [], {}, 1.5, SCOPE, native.Chunk(64, 0)]
    bench = Bench(NATIVE)
    chunk = native.Chunk(4096, 1)
    for first in odd:
        for second in odd:
            for call in (
                lambda a, b: native.Chunk(a, b),
                lambda a, b: native.Chunk(64, 0, a),
                lambda a, b: chunk.append(a, 9, b),
                lambda a, b: chunk.append(b"x", a, b),
                chunk.cut,
                chunk.runs,
                chunk.severity_counts,
                chunk.payloads,
                lambda a, b: chunk.offset(a),
                lambda a, b: native.Port(a),
                lambda a, b: native.LoggerBase(a, b, "", "", None, None),
                lambda a, b: native.EmitCore(a, b, None),
                lambda a, b: setattr(bench.port, "core", a),
                lambda a, b: bench.log.write(a, b, "m", (), None, {}),
                lambda a, b: bench.log.write(9, "I", a, b, None, {}),
                lambda a, b: bench.log.write(9, "I", "m", (), a, b),
                lambda a, b: native.LoggerBase.info(a, b),
                lambda a, b: bench.log.info(a, exc_info=b),
                lambda a, b: bench.log.gate_open(a),
                lambda a, b: native.Suspicion(a),
                lambda a, b: bench.submit(bound=a, context=b),
                lambda a, b: bench.submit(ids=a, text=b),
                lambda a, b: bench.submit(timestamp=a, observed=b),
                lambda a, b: bench.submit_fields(ids=a, dropped=b),
                lambda a, b: bench.submit(scope=a, event_name=b),
                lambda a, b: bench.submit_fields(timestamp=a, text=b),
            ):
                with suppress(Exception):
                    call(first, second)
                bench.port.core = bench.core


@attempt
def objects_that_were_never_initialised() -> None:
    for kind in (native.LoggerBase, native.Port, type("Logger", (native.LoggerBase,), {})):
        made = kind.__new__(kind)
        for use in (
            lambda made=made: made.info("x"),
            lambda made=made: made.emit(body="x"),
            lambda made=made: made.gate_open(9),
            lambda made=made: made.write(9, "I", "m", (), None, {}),
            lambda made=made: copy.copy(made),
            lambda made=made: copy.deepcopy(made),
            lambda made=made: pickle.dumps(made),
            lambda made=made: made.core,
            lambda made=made: made.exception("x", 1, 2, a=3),
            lambda made=made: repr(made),
        ):
            with suppress(Exception):
                use()


@attempt
def copies_of_a_logger() -> None:
    bench = Bench(NATIVE)
    for make in (copy.copy, lambda log: pickle.loads(pickle.dumps(log))):
        with suppress(Exception):
            make(bench.log).info("from a copy", a=1)
    bench.log.__init__(bench.port, "n", "", "", None, {"again": 1})
    bench.log.info("m")
    assert bench.records()[-1].attributes["again"] == 1


@attempt
def calls_of_every_shape() -> None:
    bench = Bench(NATIVE)

    class Key(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            raise ValueError("no")

        __hash__ = str.__hash__

    shapes: list[Callable[[], object]] = [
        lambda: bench.log.info(),
        lambda: native.LoggerBase.info(),
        lambda: native.LoggerBase.info(5, "m"),
        lambda: native.LoggerBase.info(bench.log, "m", a=1),
        lambda: bench.log.info("m", **{Key("exc_abcd"): 1}),
        lambda: bench.log.info("m", **{Key("a"): 1}),
        lambda: bench.log.info("m", **{"exc_info": 1, "": 2}),
        lambda: bench.log.info(*range(1000)),
        lambda: bench.log.info("m", **{1: 2}),  # type: ignore[arg-type]
        lambda: bench.log.info("m", *[1], exc_info=None, **{f"k{n}": n for n in range(300)}),
        *(lambda n=n: bench.log.info("m", **{f"k{i}": i for i in range(n)}) for n in (0, 1, 39, 40, 41, 127, 128, 129)),
        *(lambda n=n: bench.log.info("m", **{"" if i % 2 else f"k{i}": [i] for i in range(n)}) for n in (2, 40)),
        lambda: list(map(bench.log.info, ["a", "b"])),
        lambda: type("L", (native.LoggerBase,), {}).info(bench.log, "m"),
    ]
    for shape in shapes:
        with suppress(TypeError, ValueError):
            shape()
    assert bench.balanced()


@attempt
def trace_ids_with_bytes_of_their_own() -> None:
    class Long(int):
        def to_bytes(self, *args: Any, **kwargs: Any) -> bytes:
            return b"\xff" * 1_000_000

    bench = Bench(NATIVE)
    for ids in ((Long(5), 1, 1), (1, Long(5), 1), (Long(5), Long(5), 1)):
        bench.submit(ids=ids)
    assert bench.balanced()


@attempt
def hosts_that_give_anything() -> None:
    bench = Bench(NATIVE, size=4096)
    given: list[Any] = [None, 5, object(), native.Chunk(1, 0), native.Chunk(4096, 3), "text"]
    sealed = native.Chunk(4096, 1)
    sealed.append(b"x" * 4000, 9, SCOPE)
    sealed.compact()
    for chunk in (*given, sealed, native.Chunk(4096, 1, native.Chunk(4096, 1))):
        bench.host.acquire = lambda band, need, may_wait, chunk=chunk: chunk  # type: ignore[method-assign]
        for severity in (5, 9, 13, 17):
            for size in (1, 5000):
                bench.submit("x" * size, severity=severity)
    assert bench.balanced()


@attempt
def sizes_at_every_boundary() -> None:
    for limit in (1, 40, 100, 127, 128, 129, 1000):
        bench = Bench(NATIVE, EncodePlan(limits=Limits(record_bytes=limit)), size=64)
        for size in (*range(300), 16_383, 16_384, 70_000):
            bench.submit("x" * size, {"k" * (size % 200 + 1): "v" * size, "n": size << 40})
        assert len(bench.records()) == 303
    bench = Bench(NATIVE, size=100)
    for size in range(2000):
        bench.submit("x" * size)
    assert len(bench.records()) == 2000


@attempt
def deep_recursion() -> None:
    bench = Bench(NATIVE)
    depths = [0]

    def down() -> None:
        depths[0] += 1
        bench.log.info("m", a=[1], b={"k": 1 << 70}, c=ValueError("x"))
        down()

    for _ in range(3):
        with suppress(RecursionError):
            down()
    assert bench.balanced()


@attempt
def everything_from_many_threads() -> None:
    bench = Bench(NATIVE, EncodePlan(limits=Limits(attributes=50)), size=4096)
    sys.setswitchinterval(1e-5)
    stop = threading.Event()

    def log(number: int) -> None:
        while not stop.is_set():
            bench.log.info("m", a=number, b=[number], **{f"k{n}": "x" * n for n in range(number * 7)})
            bench.submit({"k": number}, {str(n): n for n in range(number * 11)}, severity=number)

    def disturb() -> None:
        while not stop.is_set():
            bench.core.seal_open()
            while bench.core.sealed:
                chunk = bench.core.sealed.popleft()
                held = chunk.view()
                chunk.compact()
                held.release()
                donor = chunk.compact()
                if donor is not None:
                    native.Chunk(4096, 1, donor)
            bench.core.drop_open()
            bench.port.core = bench.core = bench.new_core()
            gc.collect(0)

    threads = [threading.Thread(target=log, args=(number,)) for number in range(6)]
    threads += [threading.Thread(target=disturb) for _ in range(2)]
    for thread in threads:
        thread.start()
    stop.wait(1.0)
    stop.set()
    for thread in threads:
        thread.join()


@attempt
def cores_collected_as_garbage() -> None:
    class Logs:
        def __init__(self, bench: Bench) -> None:
            self.bench = bench
            bench.cycle = self  # type: ignore[attr-defined]

        def __del__(self) -> None:
            self.bench.log.info("dying", a=[1], b=self)

        def __str__(self) -> str:
            return "dying"

    for _ in range(200):
        bench = Bench(NATIVE)
        bench.log.info("m", a=Logs(bench))
        bench.port.processed = (lambda *fields: churn) if _ % 2 else None
        del bench
        if not _ % 10:
            churn()


if __name__ == "__main__":
    faulthandler.enable()
    for name in sys.argv[1:] or ATTEMPTS:
        ATTEMPTS[name]()
        churn()
        print("survived", name, flush=True)
