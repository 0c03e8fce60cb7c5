from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.contracts.exporter import exporter_traits
from fapilog_otel.encode.json import decode_json_request
from fapilog_otel.errors import ConfigError, PermanentError, RetryableError
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope
from fapilog_otel_exporters.otlp_file import OtlpFileExporter, factory

SHOP = Scope("shop.cart", resource=Resource({"service.name": "shop"}))


def request_of(*bodies: object) -> EncodedLogs:
    return EncodedLogs.from_records(Record(body=body, scope=SHOP) for body in bodies)


def bodies_in(path) -> list[list[object]]:
    """Give the bodies of each line; a line that is no OTLP/JSON fails."""
    data = path.read_bytes()
    assert data.endswith(b"\n")
    return [[record.body for record in decode_json_request(line)] for line in data.split(b"\n")[:-1]]


@pytest.fixture
async def exporter(tmp_path):
    exporter = OtlpFileExporter(tmp_path / "logs.jsonl")
    await exporter.start()
    yield exporter
    await exporter.close()


class TestOtlpFileExporter:
    async def test_each_request_is_a_line_of_otlp_json(self, exporter):
        assert await exporter.export(request_of("a\nb", "c")) == ExportResult()
        await exporter.export(request_of("d"))
        assert bodies_in(exporter.path) == [["a\nb", "c"], ["d"]]
        (record,) = decode_json_request(exporter.path.read_bytes().split(b"\n")[1])
        assert record.scope == SHOP

    async def test_an_existing_file_is_appended_to(self, exporter):
        await exporter.export(request_of("a"))
        await exporter.close()
        await exporter.start()
        await exporter.export(request_of("b"))
        assert bodies_in(exporter.path) == [["a"], ["b"]]

    async def test_the_directory_is_made(self, tmp_path):
        exporter = factory.create({"path": str(tmp_path / "a" / "b" / "logs.jsonl")})
        await exporter.start()
        await exporter.export(request_of("a"))
        await exporter.close()
        assert bodies_in(tmp_path / "a" / "b" / "logs.jsonl") == [["a"]]

    async def test_a_line_that_an_earlier_process_left_unfinished_is_ended_first(self, exporter):
        exporter.path.write_bytes(b'{"resourceLogs":[{"scop')
        await exporter.export(request_of("a"))
        torn, whole, end = exporter.path.read_bytes().split(b"\n")
        assert torn == b'{"resourceLogs":[{"scop'
        assert decode_json_request(whole)[0].body == "a"
        assert end == b""

    async def test_a_file_that_was_moved_or_deleted_is_made_anew(self, exporter, tmp_path):
        await exporter.export(request_of("a"))
        exporter.path.rename(tmp_path / "moved")
        await exporter.export(request_of("b"))
        exporter.path.unlink()
        await exporter.export(request_of("c"))
        assert bodies_in(tmp_path / "moved") == [["a"]]
        assert bodies_in(exporter.path) == [["c"]]

    async def test_close_gives_the_descriptor_back(self, exporter):
        descriptor = exporter._descriptor
        await exporter.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
        await exporter.close()

    async def test_a_directory_in_its_place_is_a_permanent_error(self, tmp_path):
        exporter = OtlpFileExporter(tmp_path)
        with pytest.raises(PermanentError, match="directory"):
            await exporter.start()

    def test_it_blocks_and_so_gets_a_thread_of_its_own(self):
        assert exporter_traits(OtlpFileExporter("x")).blocking

    @pytest.mark.parametrize("setting", [{"max_bytes": 0}, {"backups": 0}])
    def test_numbers_too_small_are_refused(self, setting):
        with pytest.raises(ConfigError, match=next(iter(setting))):
            OtlpFileExporter("x", **setting).validate()
        with pytest.raises(ConfigError, match=next(iter(setting))):
            factory.create({"path": "x", **setting})

    def test_the_path_is_needed(self):
        with pytest.raises(ConfigError, match="path"):
            factory.create({})


class TestRotation:
    async def test_a_file_is_moved_away_before_it_grows_too_large_and_the_oldest_goes(self, tmp_path):
        size = len(b"".join(request_of(0).body("json"))) + 1
        exporter = OtlpFileExporter(tmp_path / "logs", max_bytes=2 * size, backups=2)
        for n in range(9):
            await exporter.export(request_of(n))
        await exporter.close()
        assert bodies_in(tmp_path / "logs") == [[8]]
        assert bodies_in(tmp_path / "logs.1") == [[6], [7]]
        assert bodies_in(tmp_path / "logs.2") == [[4], [5]]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "logs.1", "logs.2"]

    async def test_a_request_larger_than_the_bound_is_still_written(self, tmp_path):
        exporter = OtlpFileExporter(tmp_path / "logs", max_bytes=10)
        await exporter.export(request_of("a"))
        await exporter.export(request_of("b"))
        await exporter.close()
        assert bodies_in(tmp_path / "logs") == [["b"]]
        assert bodies_in(tmp_path / "logs.1") == [["a"]]

    async def test_a_file_already_full_at_the_start_is_rotated(self, tmp_path):
        (tmp_path / "logs").write_bytes(b"{}\n" * 100)
        exporter = OtlpFileExporter(tmp_path / "logs", max_bytes=300)
        await exporter.export(request_of("a"))
        await exporter.close()
        assert (tmp_path / "logs.1").read_bytes() == b"{}\n" * 100
        assert bodies_in(tmp_path / "logs") == [["a"]]


@contextmanager
def limited_file_size(limit: int) -> Iterator[None]:
    """Let no file grow past the limit, which the kernel enforces with a short write and then an error.

    For as short as can be: the test runner's own output may go to a file.
    """
    import resource

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


class TestFailures:
    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource limits")
    async def test_a_write_cut_short_leaves_whole_lines_only(self, exporter):
        await exporter.export(request_of("a"))
        with limited_file_size(4096), pytest.raises(RetryableError) as caught:
            await exporter.export(request_of("x" * 8000))
        assert caught.value.reason == "efbig"
        await exporter.export(request_of("b"))
        assert bodies_in(exporter.path) == [["a"], ["b"]]

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a device that is always full")
    async def test_a_full_disk_is_tried_again(self):
        exporter = OtlpFileExporter("/dev/full")
        with pytest.raises(RetryableError) as caught:
            await exporter.export(request_of("a"))
        await exporter.close()
        assert caught.value.reason == "enospc"

    async def test_a_request_that_could_not_be_synced_is_taken_back(self, tmp_path, monkeypatch):
        exporter = OtlpFileExporter(tmp_path / "logs", fsync=True)
        await exporter.export(request_of("a"))

        def broken(descriptor: int) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", broken)
            with pytest.raises(RetryableError) as caught:
                await exporter.export(request_of("b"))
        assert caught.value.reason == "eio"
        await exporter.export(request_of("b"))
        await exporter.close()
        assert bodies_in(tmp_path / "logs") == [["a"], ["b"]]

    async def test_fsync_is_called_once_a_request_and_only_when_asked(self, tmp_path, monkeypatch):
        synced: list[int] = []
        monkeypatch.setattr(os, "fsync", synced.append)
        for fsync, expected in ((False, 0), (True, 1)):
            exporter = OtlpFileExporter(tmp_path / "logs", fsync=fsync)
            await exporter.export(request_of("a"))
            await exporter.close()
            assert len(synced) == expected


def append_many(path: str, name: str, count: int) -> None:
    import asyncio

    async def run() -> None:
        exporter = OtlpFileExporter(path, max_bytes=20_000, backups=1000)
        for n in range(count):
            await exporter.export(request_of(f"{name}-{n}", "x" * 500))
        await exporter.close()

    asyncio.run(run())


class TestSeveralProcesses:
    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock: one process a file")
    def test_none_loses_or_tears_a_line_while_all_of_them_rotate(self, tmp_path):
        context = multiprocessing.get_context("spawn")
        path = tmp_path / "logs"
        processes = [context.Process(target=append_many, args=(str(path), f"p{n}", 100)) for n in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0, 0]
        found = [bodies[0] for file in tmp_path.iterdir() for bodies in bodies_in(file)]
        assert sorted(found) == sorted(f"p{n}-{i}" for n in range(3) for i in range(100))
        assert len(list(tmp_path.iterdir())) > 5
        assert all(file.stat().st_size <= 20_000 for file in tmp_path.iterdir())
