from __future__ import annotations

import gc
import itertools
import sys
import weakref
from typing import Any

import pytest

from fapilog_otel.encode._native import Chunk as NativeChunk
from fapilog_otel.encode._wire import delimited
from fapilog_otel.model.chunk import Chunk as PythonChunk
from fapilog_otel.model.chunk import payload_start
from fapilog_otel.model.scope import Scope

A, B, C = Scope("a"), Scope("b"), Scope("c")


def message(number: int, size: int = 4) -> bytes:
    """Give something that stands where a LogRecord with its tag and length would."""
    return delimited(b"\x12", bytes([number]) * size)


@pytest.fixture(params=[NativeChunk, PythonChunk], ids=["native", "python"])
def make(request: pytest.FixtureRequest) -> Any:
    """Each form of chunk."""
    return request.param


@pytest.fixture
def filled(make: Any) -> Any:
    """Six records: scopes a a b a c c, severities 9 9 17 0 24 9, of growing size."""
    chunk = make(4096, 1)
    for number, (scope, severity) in enumerate(zip([A, A, B, A, C, C], [9, 9, 17, 0, 24, 9], strict=True)):
        chunk.append(message(number, 10 * (number + 1)), severity, scope)
    return chunk


class TestAnEmptyChunk:
    def test_holds_nothing(self, make: Any) -> None:
        chunk = make(1024, 2)
        assert (chunk.count, chunk.length, chunk.band, chunk.offset(0)) == (0, 0, 2, 0)
        assert bytes(chunk.view()) == b""
        assert chunk.severity_counts(0, 0) == {}
        assert list(chunk.runs(0, 0)) == []
        assert list(chunk.payloads(0, 0)) == []

    def test_takes_at_least_its_size_from_the_bound(self, make: Any) -> None:
        assert 1024 <= make(1024, 0).allocated <= 1024 * 1.13

    def test_has_no_owner(self, make: Any) -> None:
        assert make(1024, 0).owner is None

    def test_fits_what_it_was_made_for(self, make: Any) -> None:
        chunk = make(100, 0)
        assert chunk.fits(100)
        assert not chunk.fits(101)


class TestAppending:
    def test_puts_records_end_to_end(self, make: Any) -> None:
        chunk = make(1024, 1)
        chunk.append(message(1), 9, A)
        chunk.append(message(2), 9, A)
        assert bytes(chunk.view()) == message(1) + message(2)
        assert (chunk.count, chunk.length) == (2, 12)
        assert [chunk.offset(number) for number in range(3)] == [0, 6, 12]

    def test_leaves_less_room(self, make: Any) -> None:
        chunk = make(100, 1)
        chunk.append(message(1, 58), 9, A)
        assert chunk.fits(40)
        assert not chunk.fits(41)

    def test_counts_records_by_severity(self, filled: Any) -> None:
        assert filled.severity_counts(0, 6) == {0: 1, 9: 3, 17: 1, 24: 1}
        assert filled.severity_counts(1, 4) == {0: 1, 9: 1, 17: 1}
        assert filled.severity_counts(3, 3) == {}

    def test_keeps_the_scopes_by_reference(self, make: Any) -> None:
        scope = Scope("kept")
        held = weakref.ref(scope)
        chunk = make(1024, 1)
        chunk.append(message(1), 9, scope)
        del scope
        gc.collect()
        assert held() is not None
        del chunk
        gc.collect()
        assert held() is None

    def test_tells_equal_scopes_apart_by_identity(self, make: Any) -> None:
        chunk = make(1024, 1)
        first, second = Scope("same"), Scope("same")
        for scope in (first, second, first):
            chunk.append(message(1), 9, scope)
        assert [run[0] for run in chunk.runs(0, 3)] == [first, second, first]
        assert chunk.runs(0, 3)[1][0] is second
        assert len(chunk.scopes) == 2

    def test_takes_many_scopes(self, make: Any) -> None:
        scopes = [Scope(str(number)) for number in range(300)]
        chunk = make(1 << 16, 1)
        for scope in scopes:
            chunk.append(message(1), 9, scope)
        assert [run[0].name for run in chunk.runs(0, 300)] == [scope.name for scope in scopes]


class TestRuns:
    def test_join_neighbours_of_one_scope(self, filled: Any) -> None:
        offsets = [filled.offset(number) for number in range(7)]
        assert list(filled.runs(0, 6)) == [
            (A, 0, offsets[2]), (B, offsets[2], offsets[3]), (A, offsets[3], offsets[4]), (C, offsets[4], offsets[6]),
        ]  # fmt: skip

    @pytest.mark.parametrize(("lo", "hi"), [(0, 1), (1, 3), (2, 3), (4, 6), (5, 6), (0, 6)])
    def test_cover_exactly_the_range(self, filled: Any, lo: int, hi: int) -> None:
        runs = list(filled.runs(lo, hi))
        assert runs[0][1] == filled.offset(lo)
        assert runs[-1][2] == filled.offset(hi)
        assert all(left[2] == right[1] for left, right in itertools.pairwise(runs))

    def test_of_nothing_are_none(self, filled: Any) -> None:
        assert list(filled.runs(3, 3)) == []


class TestPayloads:
    def test_are_the_messages_without_tag_and_length(self, filled: Any) -> None:
        found = list(filled.payloads(0, 6))
        assert [bytes(payload) for payload, _ in found] == [bytes([n]) * (10 * (n + 1)) for n in range(6)]
        assert [scope.name for _, scope in found] == ["a", "a", "b", "a", "c", "c"]

    def test_of_a_range(self, filled: Any) -> None:
        assert [bytes(payload)[:1] for payload, _ in filled.payloads(2, 4)] == [b"\2", b"\3"]

    @pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 300_000])
    def test_have_lengths_of_any_width(self, make: Any, size: int) -> None:
        chunk = make(400_000, 1)
        chunk.append(message(7, size), 9, A)
        chunk.append(message(8, 3), 9, A)
        (first, _), (second, _) = chunk.payloads(0, 2)
        assert len(first) == size
        assert bytes(second) == b"\x08\x08\x08"
        assert payload_start(chunk.view(), 0) == len(message(7, size)) - size

    def test_keep_the_memory(self, filled: Any) -> None:
        (payload, _), *_ = list(filled.payloads(0, 6))
        del filled
        gc.collect()
        assert bytes(payload) == b"\0" * 10


class TestCut:
    def reference(self, chunk: Any, lo: int, max_bytes: int, max_records: int) -> int:
        hi = lo + 1
        while hi < chunk.count and hi - lo < max_records and chunk.offset(hi + 1) - chunk.offset(lo) <= max_bytes:
            hi += 1
        return hi

    @pytest.mark.parametrize("lo", range(6))
    @pytest.mark.parametrize("max_records", [1, 2, 6, 1 << 31, sys.maxsize])
    def test_gives_the_most_records_within_both_bounds(self, filled: Any, lo: int, max_records: int) -> None:
        for max_bytes in (1, 12, 13, 34, 35, 100, 221, 222, 223, 10_000, sys.maxsize):
            wanted = self.reference(filled, lo, max_bytes, max_records)
            assert filled.cut(lo, max_bytes, max_records) == wanted, max_bytes

    def test_gives_one_record_that_is_too_large(self, filled: Any) -> None:
        assert filled.cut(3, 5, 10) == 4


class TestViews:
    def test_are_read_only(self, filled: Any) -> None:
        with pytest.raises(TypeError):
            filled.view()[0] = 1

    def test_are_not_copies(self, filled: Any) -> None:
        assert filled.view().obj in (filled, getattr(filled, "data", filled))

    def test_keep_the_memory_when_the_chunk_is_let_go(self, filled: Any) -> None:
        view = filled.view()[:12]
        del filled
        gc.collect()
        assert bytes(view) == message(0, 10)

    def test_the_chunk_can_be_held_weakly(self, make: Any) -> None:
        chunk = make(100, 0)
        held = weakref.ref(chunk)
        del chunk
        gc.collect()
        assert held() is None


class TestCompacting:
    def test_gives_back_what_a_half_empty_chunk_does_not_need(self, make: Any) -> None:
        chunk = make(100_000, 1)
        chunk.append(message(1, 50), 9, A)
        chunk.append(message(2, 50), 17, B)
        before = bytes(chunk.view())
        chunk.compact()
        assert chunk.length <= chunk.allocated < 200
        assert bytes(chunk.view()) == before
        assert chunk.severity_counts(0, 2) == {9: 1, 17: 1}
        assert [run[0] for run in chunk.runs(0, 2)] == [A, B]
        assert [bytes(payload)[:1] for payload, _ in chunk.payloads(0, 2)] == [b"\1", b"\2"]

    def test_leaves_a_full_one_alone(self, make: Any) -> None:
        chunk = make(100, 1)
        chunk.append(message(1, 60), 9, A)
        before = chunk.allocated
        chunk.compact()
        assert chunk.allocated == before

    def test_an_empty_one_still_counts_for_a_byte(self, make: Any) -> None:
        chunk = make(4096, 1)
        chunk.compact()
        assert 1 <= chunk.allocated < 100
        assert bytes(chunk.view()) == b""


class TestPythonChunk:
    """It is read while it is open only by tests and statistics; what comes later must not be lost for it."""

    def test_goes_on_after_it_was_read(self) -> None:
        chunk = PythonChunk(4096, 1)
        for number in range(4):
            chunk.append(message(number), 9, (A, B)[number % 2])
            assert bytes(chunk.view()) == b"".join(map(message, range(number + 1)))
            assert (chunk.count, chunk.length) == (number + 1, 6 * (number + 1))
            assert [chunk.offset(index) for index in range(number + 2)] == [6 * index for index in range(number + 2)]
        assert [run[0] for run in chunk.runs(0, 4)] == [A, B, A, B]
        assert chunk.severity_counts(0, 4) == {9: 4}

    def test_a_view_of_it_stays_what_it_was(self) -> None:
        chunk = PythonChunk(4096, 1)
        chunk.append(message(1), 9, A)
        view = chunk.view()
        chunk.append(message(2), 9, A)
        assert bytes(view) == message(1)
        assert bytes(chunk.view()) == message(1) + message(2)

    def test_a_record_that_comes_while_it_is_read_is_kept(self) -> None:
        """Putting the records end to end makes lists: a collection may run finalisers, and they log."""
        chunk = PythonChunk(4096, 1)

        class Interrupted(list):  # type: ignore[type-arg]
            def __getitem__(self, where: Any) -> Any:
                if chunk.count == 1:
                    chunk.append(message(2), 17, B)
                return list.__getitem__(self, where)

        chunk.append(message(1), 9, A)
        chunk.entries = Interrupted(chunk.entries)
        assert bytes(chunk.view()) == message(1)
        assert bytes(chunk.view()) == message(1) + message(2)
        assert (chunk.count, chunk.severity_counts(0, 2)) == (2, {9: 1, 17: 1})

    def test_two_readers_at_once_take_nothing_twice(self) -> None:
        chunk = PythonChunk(4096, 1)

        class Interrupted(list):  # type: ignore[type-arg]
            def __getitem__(self, where: Any) -> Any:
                found = list.__getitem__(self, where)
                if where == slice(0, 3, 3):
                    chunk.entries = entries = list(self)
                    chunk.view()
                    entries += (message(2), 17, B)
                return found

        chunk.append(message(1), 9, A)
        chunk.entries = Interrupted(chunk.entries)
        chunk.view()
        assert bytes(chunk.view()) == message(1) + message(2)
        assert (chunk.count, chunk.severity_counts(0, 2)) == (2, {9: 1, 17: 1})
