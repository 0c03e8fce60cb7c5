"""What a request costs the pipeline thread: assembly, compression, and decoding where records are needed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.cores import SCOPE, filled_chunk
from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.contracts.encoded_logs import Segment
from fapilog_otel.encode.compress import compress
from fapilog_otel.encode.decode import decode_request
from fapilog_otel.model.scope import Scope

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

RECORDS = 1_300  # about 256 KiB
OTHER_SCOPES = tuple(Scope(f"shop.part{number}", resource=SCOPE.resource) for number in range(8))


def _request(chunk: Any) -> EncodedLogs:
    return EncodedLogs([Segment(chunk, 0, chunk.count)])


@pytest.mark.parametrize("scopes", [(SCOPE,), OTHER_SCOPES], ids=["one-scope", "eight-scopes-in-turn"])
class TestAssembly:
    def test_native_chunk(self, benchmark: BenchmarkFixture, scopes: tuple[Scope, ...]) -> None:
        chunk = filled_chunk(is_native=True, records=RECORDS, scopes=scopes)
        benchmark(lambda: _request(chunk).body())

    def test_python_chunk(self, benchmark: BenchmarkFixture, scopes: tuple[Scope, ...]) -> None:
        chunk = filled_chunk(is_native=False, records=RECORDS, scopes=scopes)
        benchmark(lambda: _request(chunk).body())


class TestCounting:
    def test_severities_of_a_chunk(self, benchmark: BenchmarkFixture) -> None:
        chunk = filled_chunk(is_native=True, records=RECORDS)
        assert benchmark(chunk.severity_counts, 0, chunk.count) == {9: RECORDS}


class TestDecode:
    def test_request(self, benchmark: BenchmarkFixture) -> None:
        body = b"".join(_request(filled_chunk(is_native=True, records=RECORDS)).body())
        assert len(benchmark(decode_request, body)) == RECORDS

    def test_records_of_a_chunk(self, benchmark: BenchmarkFixture) -> None:
        chunk = filled_chunk(is_native=True, records=RECORDS)
        assert len(benchmark(lambda: _request(chunk).records())) == RECORDS


class TestCompress:
    def test_as_installed(self, benchmark: BenchmarkFixture) -> None:
        body = _request(filled_chunk(is_native=True, records=RECORDS)).body()
        assert zlib.decompress(benchmark(compress, body, "gzip"), 31) == b"".join(body)

    def test_zlib_at_level_1(self, benchmark: BenchmarkFixture) -> None:
        body = b"".join(_request(filled_chunk(is_native=True, records=RECORDS)).body())
        benchmark(zlib.compress, body, 1)
