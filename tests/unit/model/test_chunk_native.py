from __future__ import annotations

import gc
import io
import sys
from typing import Any

import pytest

from fapilog_otel.encode._native import Chunk
from fapilog_otel.model.scope import Scope

SCOPE = Scope("s")


def chunk_of(size: int, *records: bytes, donor: Any = None) -> Any:
    chunk = Chunk(size, 1, donor) if donor is not None else Chunk(size, 1)  # type: ignore[call-arg]
    for record in records:
        chunk.append(record, 9, SCOPE)
    return chunk


class TestDonors:
    def test_their_memory_is_taken_over(self) -> None:
        donor = chunk_of(4096, b"\x12\x03old")
        taker = chunk_of(1, b"\x12\x03new", donor=donor)
        assert (taker.size, taker.count, bytes(taker.view())) == (4096, 1, b"\x12\x03new")

    def test_they_are_empty_afterwards_and_take_nothing_more(self) -> None:
        donor = chunk_of(4096, b"\x12\x03old")
        chunk_of(1, donor=donor)
        assert (donor.count, donor.length, bytes(donor.view()), donor.offset(5)) == (0, 0, b"", 0)
        assert not donor.fits(0)
        assert donor.compact() is None
        donor.prefault()
        with pytest.raises(ValueError, match="does not fit"):
            donor.append(b"\x12\x01x", 9, SCOPE)

    def test_one_that_gave_its_memory_away_is_none(self) -> None:
        donor = chunk_of(4096)
        first = chunk_of(1, b"\x12\x01a", donor=donor)
        second = chunk_of(64, b"\x12\x01b", donor=donor)
        assert (bytes(first.view()), bytes(second.view()), second.size) == (b"\x12\x01a", b"\x12\x01b", 64)

    @pytest.mark.parametrize("hold", ["view", "slice", "payload", "bytes-like"])
    def test_memory_is_never_taken_while_somebody_looks_at_it(self, hold: str) -> None:
        donor = chunk_of(4096, b"\x12\x03old")
        held: Any = {
            "view": donor.view, "slice": lambda: donor.view()[2:], "payload": lambda: next(donor.payloads(0, 1))[0],
            "bytes-like": lambda: memoryview(donor),
        }[hold]()  # fmt: skip
        assert donor.exports > 0
        taker = chunk_of(4096, b"\x12\x03new", donor=donor)
        assert bytes(held)[-3:] == b"old"
        assert bytes(taker.view()) == b"\x12\x03new"
        assert bytes(donor.view()) == b"\x12\x03old"

    def test_memory_is_free_again_when_the_last_view_is_gone(self) -> None:
        donor = chunk_of(4096, b"\x12\x03old")
        view = donor.view()
        piece = view[1:]
        view.release()
        assert donor.exports == 1
        del piece
        gc.collect()
        assert donor.exports == 0
        assert chunk_of(1, donor=donor).size == 4096

    def test_scopes_do_not_pass_over(self) -> None:
        donor = chunk_of(4096, b"\x12\x01a")
        assert chunk_of(1, donor=donor).scopes == []


class TestCompacting:
    def test_gives_a_donor_of_the_old_block(self) -> None:
        chunk = chunk_of(4096, b"\x12\x01a")
        donor = chunk.compact()
        assert (donor.size, donor.count, chunk.length, chunk.size) == (4096, 0, 3, 3)
        assert chunk_of(1, b"\x12\x01b", donor=donor).size == 4096
        assert bytes(chunk.view()) == b"\x12\x01a"

    def test_never_moves_memory_that_somebody_looks_at(self) -> None:
        chunk = chunk_of(4096, b"\x12\x01a")
        view = chunk.view()
        assert chunk.compact() is None
        assert bytes(view) == b"\x12\x01a"

    def test_leaves_no_room(self) -> None:
        chunk = chunk_of(4096, b"\x12\x01a")
        chunk.compact()
        assert not chunk.fits(0)
        with pytest.raises(ValueError, match="does not fit"):
            chunk.append(b"", 9, SCOPE)

    def test_happens_once(self) -> None:
        chunk = chunk_of(4096, b"\x12\x01a")
        assert chunk.compact() is not None
        assert chunk.compact() is None


class TestLimits:
    @pytest.mark.parametrize("size", [0, -1, 1 << 32, sys.maxsize, -sys.maxsize])
    def test_a_size_that_an_offset_cannot_say_is_refused(self, size: int) -> None:
        with pytest.raises(ValueError, match="cannot be made"):
            Chunk(size, 0)

    def test_records_of_no_size_end_with_the_index(self) -> None:
        chunk = Chunk(960, 0)
        count = 0
        while chunk.fits(0):
            chunk.append(b"", 9, SCOPE)
            count += 1
        assert count == chunk.count == 11
        with pytest.raises(ValueError, match="does not fit"):
            chunk.append(b"", 9, SCOPE)

    def test_the_index_is_part_of_what_is_allocated(self) -> None:
        assert Chunk(960, 0).allocated == 960 + 11 * 8

    @pytest.mark.parametrize("record", [None, "text", bytearray(b"x"), 5])
    def test_only_bytes_are_appended(self, record: Any) -> None:
        with pytest.raises(TypeError):
            Chunk(960, 0).append(record, 9, SCOPE)

    @pytest.mark.parametrize("index", [-1, 2, 10**6, -(10**6)])
    def test_an_index_beyond_the_records_is_the_end(self, index: int) -> None:
        chunk = chunk_of(960, b"\x12\x01a", b"\x12\x01b")
        assert chunk.offset(index) == chunk.length

    @pytest.mark.parametrize(("lo", "hi"), [(-5, 50), (0, 10**6), (10**6, 10**7), (5, 1), (-(10**6), -1)])
    def test_ranges_beyond_the_records_are_cut(self, lo: int, hi: int) -> None:
        chunk = chunk_of(960, b"\x12\x01a", b"\x12\x01b")
        counted = sum(chunk.severity_counts(lo, hi).values())
        assert counted == len(list(chunk.payloads(lo, hi))) == (2 if lo <= 0 < hi else 0)
        assert len(chunk.runs(lo, hi)) == min(counted, 1)
        assert chunk.cut(lo, 10, 10) >= lo

    def test_a_writable_buffer_is_refused_and_not_counted(self) -> None:
        chunk = chunk_of(960, b"\x12\x01a")
        with pytest.raises((BufferError, TypeError)):
            io.BytesIO(b"other").readinto(chunk)  # type: ignore[arg-type]
        assert bytes(chunk.view()) == b"\x12\x01a"
        gc.collect()
        assert chunk.exports == 0
