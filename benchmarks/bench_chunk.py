"""What a chunk costs around its records: to open, to measure, to cut into requests, to take apart again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from benchmarks.cores import CHUNK_BYTES, SCOPE, filled_chunk, native
from fapilog_otel.buffer.pool import ChunkPool
from fapilog_otel.model import chunk as python_chunk
from fapilog_otel.model.scope import Scope

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

RECORDS: Final = 1_300  # about 256 KiB
REQUEST_BYTES: Final = 64 * 1024
SCOPES: Final = {
    "one-scope": (SCOPE,),
    "eight-scopes-in-turn": tuple(Scope(f"shop.part{number}", resource=SCOPE.resource) for number in range(8)),
}


class TestOpen:
    def test_on_fresh_memory(self, benchmark: BenchmarkFixture) -> None:
        benchmark(native().Chunk, CHUNK_BYTES, 1)

    def test_on_fresh_memory_that_is_touched(self, benchmark: BenchmarkFixture) -> None:
        benchmark(lambda: native().Chunk(CHUNK_BYTES, 1).prefault())

    def test_on_recycled_memory(self, benchmark: BenchmarkFixture) -> None:
        pool = ChunkPool(CHUNK_BYTES, 4, 2)
        benchmark(lambda: pool.put(pool.get(CHUNK_BYTES, 1)))

    def test_of_the_python_encoder(self, benchmark: BenchmarkFixture) -> None:
        benchmark(python_chunk.Chunk, CHUNK_BYTES, 1)


@pytest.mark.parametrize("scopes", SCOPES.values(), ids=SCOPES.keys())
@pytest.mark.parametrize("is_native", [True, False], ids=["native", "python"])
class TestRead:
    def test_cut_into_requests(self, benchmark: BenchmarkFixture, is_native: bool, scopes: tuple[Scope, ...]) -> None:
        chunk = filled_chunk(is_native=is_native, records=RECORDS, scopes=scopes)
        assert len(benchmark(_cuts, chunk)) > 1

    def test_runs_of_a_scope(self, benchmark: BenchmarkFixture, is_native: bool, scopes: tuple[Scope, ...]) -> None:
        chunk = filled_chunk(is_native=is_native, records=RECORDS, scopes=scopes)
        assert len(benchmark(chunk.runs, 0, chunk.count)) == (1 if len(scopes) == 1 else RECORDS)

    def test_payloads(self, benchmark: BenchmarkFixture, is_native: bool, scopes: tuple[Scope, ...]) -> None:
        chunk = filled_chunk(is_native=is_native, records=RECORDS, scopes=scopes)
        assert benchmark(lambda: sum(1 for _ in chunk.payloads(0, chunk.count))) == RECORDS


def _cuts(chunk: Any) -> list[int]:
    """Give where requests of 64 KiB begin."""
    begins = [0]
    while begins[-1] < chunk.count:
        begins.append(chunk.cut(begins[-1], REQUEST_BYTES, RECORDS))
    return begins
