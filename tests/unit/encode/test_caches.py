"""What the encoders remember between records: bounded, and never told instead of the truth."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN_CONTEXT, set_span_in_context

from fapilog_otel.encode import record_writer
from fapilog_otel.encode.assemble import assemble_request
from fapilog_otel.encode.plan import DROP, KEEP, MASK, EncodePlan, Limits, Redaction
from fapilog_otel.encode.record_writer import HEADS, KEY_LENGTH, KEYS, TEXT_LENGTH, TEXTS, RecordWriter
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope
from fapilog_otel.pipeline import default_redaction
from tests.unit.encode.encoders import PYTHON, Bench, Twin


class Liar(str):
    """Says that it is ``known``, to whoever looks it up."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return other == "known"

    def __hash__(self) -> int:
        return hash("known")


def attributes(bench: Bench) -> list[dict[str, Any]]:
    return [dict(record.attributes) for record in bench.records()]


def growth(work: Callable[[int], None], first: int, more: int) -> int:
    """Give the bytes that are held after ``more`` steps of work beyond those after ``first``."""
    tracemalloc.start()
    try:
        for number in range(first):
            work(number)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(first, first + more):
            work(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


class TestContext:
    """The trace fields of one context at a time."""

    def test_an_ended_span_counts_until_it_is_detached(self, bench: Bench) -> None:
        with TracerProvider().get_tracer("t").start_as_current_span("s", end_on_exit=False) as span:
            ids = span.get_span_context()
            bench.log.info("running")
            span.end()
            bench.log.info("ended")
        bench.log.info("detached")
        assert [record.span_id for record in bench.records()] == [ids.span_id, ids.span_id, 0]

    def test_a_context_that_is_attached_again_is_the_same(self, bench: Bench) -> None:
        tracer = TracerProvider().get_tracer("t")
        contexts = [set_span_in_context(tracer.start_span(str(number))) for number in range(2)]
        expected = []
        for number in (0, 1, 0, 0, 1, 1, 0):
            token = otel_context.attach(contexts[number])
            bench.log.info("m")
            otel_context.detach(token)
            bench.log.info("outside")
            expected += [number, None]
        known = [next(iter(context.values())).get_span_context() for context in contexts]  # type: ignore[attr-defined]
        wanted = [INVALID_SPAN_CONTEXT.span_id if number is None else known[number].span_id for number in expected]
        assert [record.span_id for record in bench.records()] == wanted

    def test_many_short_contexts_at_one_address_are_told_apart(self, bench: Bench) -> None:
        tracer = TracerProvider().get_tracer("t")
        expected = []
        for _ in range(300):
            with tracer.start_as_current_span("s") as span:
                bench.log.info("m")
                expected.append(span.get_span_context().span_id)
        assert [record.span_id for record in bench.records()] == expected

    def test_an_explicit_context_leaves_the_current_one_alone(self, bench: Bench) -> None:
        tracer = TracerProvider().get_tracer("t")
        other = tracer.start_span("other")
        with tracer.start_as_current_span("current") as current:
            bench.log.info("m")
            bench.log.emit(body="m", context=set_span_in_context(other))
            bench.log.info("m")
        found = [record.span_id for record in bench.records()]
        mine, others = current.get_span_context().span_id, other.get_span_context().span_id
        assert found == [mine, others, mine]

    def test_is_let_go_of_when_chunks_are_sealed(self, bench: Bench) -> None:
        span = TracerProvider().get_tracer("t").start_span("s")
        held = weakref.ref(span)
        token = otel_context.attach(set_span_in_context(span))
        bench.log.info("m")
        otel_context.detach(token)
        del span, token
        bench.core.seal_open()
        gc.collect()
        assert held() is None


class TestKeys:
    """The encoded key and the redactors' verdict on it."""

    def test_what_only_says_that_it_is_a_known_key_is_written_as_itself(self, bench: Bench) -> None:
        bench.submit(attributes={"known": 1})
        bench.submit(attributes={Liar("other"): 2})
        bench.log.info("m", **{Liar("third"): 3})
        bench.submit(attributes={"known": 4})
        assert attributes(bench) == [{"known": 1}, {"other": 2}, {"third": 3}, {"known": 4}]

    def test_it_does_not_become_known_itself(self, bench: Bench) -> None:
        bench.submit(attributes={Liar("other"): 1})
        bench.submit(attributes={"known": 2})
        assert attributes(bench) == [{"other": 1}, {"known": 2}]

    def test_equal_keys_of_other_types_are_told_apart(self, bench: Bench) -> None:
        keys: list[Any] = [1, True, 1.0, "1", "True", b"1"]
        for key in keys * 2:
            bench.submit(attributes={key: "v"})
        written = ["1", "True", "1.0", "1", "True", "b'1'"]
        assert [next(iter(found)) for found in attributes(bench)] == written * 2

    def test_the_same_dict_may_change_between_calls(self, bench: Bench) -> None:
        given: dict[Any, Any] = {"a": 1, "b": "x"}
        bench.submit(attributes=given)
        given["a"] = "now a text"
        bench.submit(attributes=given)
        given["b"] = given.pop("a")
        bench.submit(attributes=given)
        given.clear()
        bench.submit(attributes=given)
        given["c"] = [1]
        bench.submit(attributes=given)
        given["c"].append(2)
        bench.submit(attributes=given)
        assert attributes(bench) == [
            {"a": 1, "b": "x"}, {"a": "now a text", "b": "x"}, {"b": "now a text"}, {}, {"c": [1]}, {"c": [1, 2]},
        ]  # fmt: skip

    def test_bound_attributes_are_read_at_each_call(self, bench: Bench) -> None:
        bound: dict[str, Any] = {"a": 1}
        log = bench.logger(bound)
        log.info("m")
        bound["a"], bound["b"] = 2, 3
        log.info("m")
        assert attributes(bench) == [{"a": 1}, {"a": 2, "b": 3}]

    def test_any_type_may_follow_any_other_under_one_key(self, bench: Bench) -> None:
        values = [1, True, 1.0, "1", None, b"1", [1], False, 0, 0.0, -1, "", 127, 128, 16383, 16384, 1 << 21, 1 << 40]
        for value in values * 2:
            bench.submit(attributes={"k": value})
        found = [each["k"] for each in attributes(bench)]
        assert [(type(value), value) for value in found] == [(type(value), value) for value in values * 2]

    @pytest.mark.parametrize("verdict", [MASK, DROP])
    def test_a_core_set_up_again_judges_anew(self, twin: Twin, verdict: int) -> None:
        bench = Bench(twin)
        bench.log.info("m", a="plain")
        stricter = bench.new_core(EncodePlan(redaction=Redaction(lambda path: verdict)))
        bench.port.core = stricter
        bench.log.info("m", a="secret")
        bench.port.core = bench.core
        bench.log.info("m", a="plain")
        assert attributes(bench) == [{"a": "plain"}] * 2
        (hidden,) = bench.records(stricter)
        assert dict(hidden.attributes) == ({"a": "***"} if verdict == MASK else {})

    def test_verdicts_outlive_being_forgotten(self, twin: Twin) -> None:
        bench = Bench(twin, EncodePlan(redaction=Redaction(lambda path: MASK if path == "secret" else KEEP)))
        for round_number in range(3):
            bench.submit(attributes={"secret": "s", "open": round_number})
            for number in range(KEYS + 10):
                bench.submit(attributes={f"k{round_number}.{number}": 1})
        found = [each for each in attributes(bench) if "open" in each]
        assert found == [{"secret": "***", "open": number} for number in range(3)]

    @pytest.mark.parametrize("value", ["text", 5], ids=["texts", "numbers"])
    def test_distinct_ones_take_bounded_memory(self, twin: Twin, value: object) -> None:
        bench = Bench(twin)

        def work(number: int) -> None:
            bench.submit("m", {f"key{number}": value})
            bench.core.drop_open()
            bench.host.acquired.clear()

        assert growth(work, 2 * KEYS, 3 * KEYS) < 300_000

    def test_the_tables_stay_within_their_bounds(self) -> None:
        writer = RecordWriter(EncodePlan(redaction=Redaction(lambda path: MASK if "m" in path else KEEP)))
        for number in range(3 * KEYS):
            given = {f"{'m' if number % 3 else 'k'}{number}": "x" * (number % 200), "k" * (number % 400): "y"}
            writer.write(1, 1, 9, "INFO", "m", given, b"", "")
            assert len(writer._keys) + len(writer._fixed) <= KEYS
        assert max(map(len, writer._keys)) <= KEY_LENGTH

    def test_prefixes_of_texts_stay_within_theirs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert HEADS <= 1 << 16
        monkeypatch.setattr(record_writer, "HEADS", 300)
        writer = RecordWriter(EncodePlan())
        for number in range(5000):
            writer.write(1, 1, 9, "INFO", "m", {f"k{number % 7}": "x" * (number % 130)}, b"", "")
            assert sum(len(form.heads) for form in writer._keys.values()) <= 300


class TestTexts:
    """Texts that no redactor has to look at; only the Python encoder remembers any."""

    PLAN = EncodePlan(redaction=default_redaction())

    def test_a_secret_is_found_however_often_clean_texts_were_seen(self, twin: Twin) -> None:
        bench = Bench(twin, self.PLAN)
        for number in range(50):
            bench.submit("password", {"a": "password", "b": "pass"})
            bench.submit(f"password=hunter{number}", {"a": f"password=hunter{number}", "b": "pass"})
        assert "hunter" not in repr(bench.records())
        assert bench.records()[0].body == "password"

    def test_a_core_set_up_again_looks_anew(self, twin: Twin) -> None:
        bench = Bench(twin, self.PLAN)
        bench.log.info("hello", a="hello")
        scrub = lambda text: text.replace("hello", "***") if "hello" in text else text  # noqa: E731
        stricter = bench.new_core(EncodePlan(redaction=Redaction(lambda path: KEEP, scrub, literals=("hello",))))
        bench.port.core = stricter
        bench.log.info("hello", a="hello")
        (record,) = bench.records(stricter)
        assert (record.body, dict(record.attributes)) == ("***", {"a": "***"})
        assert bench.record().body == "hello"

    def test_a_redactor_that_looks_at_everything_is_asked_each_time(self, twin: Twin) -> None:
        asked: list[str] = []

        def scrub(text: str) -> str:
            asked.append(text)
            return text if len(asked) < 5 else "***"

        bench = Bench(twin, EncodePlan(redaction=Redaction(lambda path: KEEP, scrub, always=True)))
        for _ in range(4):
            bench.submit("same", {"a": "same"})
        assert asked == ["same"] * 8
        assert [record.body for record in bench.records()] == ["same", "same", "***", "***"]

    def test_what_only_says_that_it_is_a_known_text_is_written_as_itself(self, twin: Twin) -> None:
        bench = Bench(twin, self.PLAN)
        bench.submit("known", {"a": "known"})
        bench.submit(Liar("other"), {"a": Liar("password=hunter2")})
        last = bench.records()[-1]
        assert (last.body, last.attributes["a"]) == ("other", "password=***")

    @pytest.mark.parametrize("length", [0, 5, None])
    def test_the_limit_of_values_is_not_that_of_bodies(self, twin: Twin, length: int | None) -> None:
        bench = Bench(twin, EncodePlan(redaction=default_redaction(), limits=Limits(value_length=length)))
        for _ in range(3):
            bench.submit("the same text", {"a": "the same text", "b": "äöüäöü", "c": "äöü"})
        for record in bench.records():
            assert record.body == "the same text"
            assert list(record.attributes.values()) == [t[:length] for t in ("the same text", "äöüäöü", "äöü")]

    def test_characters_are_counted_and_not_bytes(self, twin: Twin) -> None:
        """Five characters of a longer text may take as many bytes as another text that is too long."""
        bench = Bench(twin, EncodePlan(limits=Limits(value_length=5)))
        texts = ["äöüäöü", "0123456789", "äöüäö", "01234", "012345"]
        for text in texts * 2:
            bench.submit(attributes={"a": text})
        assert [record.attributes["a"] for record in bench.records()] == [text[:5] for text in texts * 2]

    def test_lone_surrogates_are_replaced_every_time(self, twin: Twin) -> None:
        for plan in (self.PLAN, EncodePlan()):
            bench = Bench(twin, plan)
            for _ in range(2):
                bench.submit("a\ud800", {"a": "a\ud800", "b": "a\ufffd"})
            assert [record.body for record in bench.records()] == ["a\ufffd"] * 2

    @pytest.mark.parametrize("redacting", [True, False], ids=["redacting", "plain"])
    def test_none_is_held_once_chunks_are_sealed(self, twin: Twin, redacting: bool) -> None:
        bench = Bench(twin, self.PLAN if redacting else EncodePlan())
        text = f"a text that is nowhere else {redacting}"
        before = sys.getrefcount(text)
        bench.submit(text, {"a": text, "b": [text]})
        bench.core.seal_open()
        assert sys.getrefcount(text) == before

    def test_distinct_ones_take_bounded_memory(self, twin: Twin) -> None:
        bench = Bench(twin, self.PLAN)

        def work(number: int) -> None:
            bench.submit(f"body {number}", {"a": f"value {number}"})
            bench.core.drop_open()
            bench.host.acquired.clear()

        assert growth(work, 2 * TEXTS, 6 * TEXTS) < 300_000

    def test_the_tables_stay_within_their_bounds(self) -> None:
        writer = RecordWriter(self.PLAN)
        for number in range(3 * TEXTS):
            text = f"{number} " + "x" * (number % (2 * TEXT_LENGTH))
            writer.write(1, 1, 9, "INFO", text, {"a": text}, b"", "")
            assert max(len(writer._texts), len(writer._bodies)) <= TEXTS
        assert max(map(len, writer._texts)) <= TEXT_LENGTH


class TestSeverity:
    """Severity number and text, remembered together."""

    def test_number_and_text_may_go_any_way_together(self, bench: Bench) -> None:
        pairs = [(9, "INFO"), (9, "NOTICE"), (10, "INFO"), (9, ""), (0, "INFO"), (0, ""), (9, "INFO"), (9, "info")]
        for number, text in pairs * 2:
            bench.submit(severity=number, text="".join(list(text)))
            bench.submit(severity=number, text=text)
        found = [(record.severity_number, record.severity_text) for record in bench.records()]
        assert found == [pair for pair in pairs * 2 for _ in range(2)]

    def test_distinct_texts_take_bounded_memory(self, twin: Twin) -> None:
        bench = Bench(twin)

        def work(number: int) -> None:
            bench.submit(severity=number % 25, text=f"LEVEL{number}")
            bench.core.drop_open()
            bench.host.acquired.clear()

        assert growth(work, 500, 2000) < 100_000

    def test_a_long_text_is_not_kept(self) -> None:
        bench = Bench(PYTHON)
        bench.submit(text="x" * 100_000)
        assert all(len(fields) < 1000 for _, fields in bench.core._writer._severities)
        assert len(bench.record().severity_text) == 100_000


class TestScopesAndResources:
    """Encoded once, and kept on the object itself: a new object is encoded anew."""

    def request(self, bench: Bench, core: Any) -> bytes:
        core.seal_open()
        return b"".join(bytes(part) for part in assemble_request([(c, 0, c.count) for c in core.sealed]))

    def test_a_provider_set_up_again_writes_its_own(self, bench: Bench) -> None:
        names = [b"first", b"second", b"third"]
        requests = []
        for name in names:
            bench.scope = Scope("shop", resource=Resource({"service.name": name.decode()}))
            bench.port.core = core = bench.new_core()
            bench.log.info("m")
            requests.append(self.request(bench, core))
            core.closed = True
        assert [[name for name in names if name in request] for request in requests] == [[name] for name in names]

    def test_one_core_may_serve_many(self, bench: Bench) -> None:
        scopes = [Scope(f"s{n % 3}", str(n), resource=Resource({"n": n % 2})) for n in range(6)]
        for scope in scopes * 2:
            bench.submit(scope=scope)
        found: list[Record] = bench.records()
        assert [record.scope for record in found] == scopes * 2
        assert all(record.scope is scope for record, scope in zip(found, scopes * 2, strict=True))

    def test_are_let_go_of_with_their_chunks(self, bench: Bench) -> None:
        scope = Scope("gone", resource=Resource({"a": 1}))
        held = weakref.ref(scope), weakref.ref(scope.resource)
        bench.submit(scope=scope)
        self.request(bench, bench.core)
        del scope
        bench.core.sealed.clear()
        bench.host.acquired.clear()
        gc.collect()
        assert [reference() for reference in held] == [None, None]
