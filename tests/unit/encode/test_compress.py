from __future__ import annotations

import builtins
import gzip
import zlib

import pytest

from fapilog_otel.encode import compress as compress_module
from fapilog_otel.encode.compress import compress

PARTS = (b"order placed " * 400, memoryview(b"payment failed " * 400), b"", b"x")
WHOLE = b"".join(bytes(part) for part in PARTS)


@pytest.fixture(params=["isal", "zlib"])
def library(request, monkeypatch):
    """Run the test with ISA-L and again on a machine that lacks it."""
    compress_module._compressor_factory.cache_clear()
    if request.param == "zlib":
        real = builtins.__import__

        def without_isal(name, *args, **kwargs):
            if name.split(".")[0] == "isal":
                raise ImportError(name)
            return real(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", without_isal)
    yield request.param
    compress_module._compressor_factory.cache_clear()


class TestCompress:
    def test_gzip_is_read_by_the_standard_library(self, library):
        assert gzip.decompress(compress(PARTS, "gzip")) == WHOLE

    def test_deflate_is_the_zlib_format_and_not_raw_deflate(self, library):
        assert zlib.decompress(compress(PARTS, "deflate")) == WHOLE

    def test_gzip_is_one_member(self, library):
        decompressor = zlib.decompressobj(31)
        assert decompressor.decompress(compress(PARTS, "gzip")) == WHOLE
        assert decompressor.eof
        assert decompressor.unused_data == b""

    def test_the_gzip_header_carries_no_time(self, library):
        body = compress(PARTS, "gzip")
        assert body[:2] == b"\x1f\x8b"
        assert body[4:8] == bytes(4)

    def test_equal_input_gives_equal_output(self, library):
        assert compress(PARTS, "gzip") == compress(list(PARTS), "gzip")

    def test_repetitive_input_shrinks(self, library):
        assert len(compress(PARTS, "gzip")) < len(WHOLE) // 10

    def test_no_buffer_is_an_empty_stream(self, library):
        assert gzip.decompress(compress((), "gzip")) == b""

    def test_any_iterable_of_buffers_is_taken(self, library):
        assert gzip.decompress(compress(iter(PARTS), "gzip")) == WHOLE

    def test_the_fixture_really_chooses_the_library(self, library):
        module = type(compress_module._compressor_factory()(31)).__module__
        assert ("isal" in module) == (library == "isal")

    def test_an_unknown_kind_is_named_with_the_known_ones(self):
        with pytest.raises(ValueError, match="'zstd'; known: gzip, deflate"):
            compress(PARTS, "zstd")  # type: ignore[arg-type]
