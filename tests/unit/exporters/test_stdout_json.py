from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.contracts.exporter import exporter_traits
from fapilog_otel.errors import PermanentError
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope
from fapilog_otel_exporters.stdout_json import RESERVED, StdoutJsonExporter, factory, json_line

SHOP = Scope("shop.cart", resource=Resource({"service.name": "shop", "host.name": "a"}))
RECORD = Record(
    timestamp=1_700_000_000_123_456_789,
    observed_timestamp=1_700_000_000_123_456_790,
    severity_number=9,
    severity_text="INFO",
    body="order placed",
    attributes={"order.id": "o-1", "total": 12.5, "items": [1, 2]},
    trace_id=0x4BF92F3577B34DA6A3CE929D0E0E4736,
    span_id=0x00F067AA0BA902B7,
    trace_flags=1,
    scope=SHOP,
)
KEYS = st.text(max_size=8) | st.sampled_from(
    [*RESERVED, *(f"attributes.{name}" for name in RESERVED), *(f"resource.{name}" for name in RESERVED)]
)


def line_of(record: Record) -> dict:
    text = json_line(record)
    assert text.endswith("\n")
    assert text.count("\n") == 1
    return json.loads(text)


class TestJsonLine:
    def test_a_record_is_one_flat_object(self):
        assert list(line_of(RECORD).items()) == [
            ("timestamp", "2023-11-14T22:13:20.123456789Z"),
            ("level", "INFO"),
            ("severity_number", 9),
            ("message", "order placed"),
            ("logger", "shop.cart"),
            ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("span_id", "00f067aa0ba902b7"),
            ("trace_flags", 1),
            ("order.id", "o-1"),
            ("total", 12.5),
            ("items", [1, 2]),
            ("service.name", "shop"),
            ("host.name", "a"),
        ]

    def test_fields_without_a_value_are_left_out(self):
        assert line_of(Record()) == {"timestamp": "1970-01-01T00:00:00.000000000Z"}

    def test_events_and_dropped_attributes_are_told(self):
        line = line_of(Record(event_name="shop.order", dropped_attributes_count=3))
        assert (line["event_name"], line["dropped_attributes_count"]) == ("shop.order", 3)

    def test_a_structured_body_stays_structured(self):
        assert line_of(Record(body={"a": [1, None]}))["message"] == {"a": [1, None]}

    def test_an_attribute_never_takes_a_reserved_name_even_one_not_in_use(self):
        line = line_of(Record(body="real", attributes={"message": "forged", "trace_id": "forged"}))
        assert line["message"] == "real"
        assert "trace_id" not in line
        assert line["attributes.message"] == line["attributes.trace_id"] == "forged"

    def test_an_attribute_wins_over_the_resource_which_gets_a_prefix(self):
        line = line_of(RECORD.replace(attributes={"host.name": "b"}))
        assert (line["host.name"], line["resource.host.name"]) == ("b", "a")

    def test_a_prefix_that_is_taken_is_repeated(self):
        line = line_of(Record(attributes={"level": 1, "attributes.level": 2}))
        assert (line["attributes.level"], line["attributes.attributes.level"]) == (1, 2)

    @given(st.dictionaries(KEYS, st.integers(), max_size=8), st.dictionaries(KEYS, st.integers(), max_size=8))
    def test_no_value_is_ever_lost(self, attributes, resource):
        record = Record(attributes=attributes, scope=Scope(resource=Resource(resource)))
        line = line_of(record)
        own = line_of(Record())
        assert len(line) == len(own) + len(attributes) + len(resource)
        assert {name: line[name] for name in own} == own


class TestStdoutJsonExporter:
    async def test_a_request_is_written_in_one_go_and_flushed(self):
        writes: list[str] = []

        class Stream(io.StringIO):
            def write(self, text: str, /) -> int:
                writes.append(text)
                return len(text)

            def flush(self) -> None:
                writes.append("flush")

        exporter = StdoutJsonExporter(Stream())
        await exporter.start()
        assert await exporter.export(EncodedLogs.from_records([RECORD, RECORD])) == ExportResult()
        assert writes == [json_line(RECORD) * 2, "flush"]

    async def test_the_default_is_stdout(self, capfd):
        exporter = factory.create({})
        await exporter.start()
        await exporter.export(EncodedLogs.from_records([RECORD]))
        await exporter.close()
        captured = capfd.readouterr()
        assert captured.out == json_line(RECORD)
        assert captured.err == ""

    async def test_text_is_utf8_whatever_the_locale(self, tmp_path):
        path = tmp_path / "out"
        with path.open("w", encoding="ascii") as stream:
            await StdoutJsonExporter(stream).export(EncodedLogs.from_records([Record(body="Bücher € 🙂")]))
        assert json.loads(path.read_bytes())["message"] == "Bücher € 🙂"

    async def test_a_path_is_appended_to(self, tmp_path):
        exporter = factory.create({"stream": str(tmp_path / "out.jsonl")})
        for _ in range(2):
            await exporter.start()
            await exporter.export(EncodedLogs.from_records([RECORD]))
            await exporter.close()
        assert (tmp_path / "out.jsonl").read_text("utf-8") == json_line(RECORD) * 2

    async def test_a_reader_that_has_gone_is_a_permanent_error(self):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as stream, pytest.raises(PermanentError) as caught:
            await StdoutJsonExporter(stream).export(EncodedLogs.from_records([RECORD]))
        assert caught.value.reason == "epipe"

    def test_it_blocks_and_so_gets_a_thread_of_its_own(self):
        assert exporter_traits(StdoutJsonExporter()).blocking

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much a pipe holds")
    def test_a_writer_stuck_in_a_full_pipe_does_not_abort_the_interpreter_at_exit(self):
        code = (
            "import asyncio, sys, threading, time\n"
            "from fapilog_otel.contracts import EncodedLogs\n"
            "from fapilog_otel.model.record import Record\n"
            "from fapilog_otel_exporters.stdout_json import StdoutJsonExporter\n"
            "request = EncodedLogs.from_records([Record(body='x' * 200_000)])\n"
            "export = lambda: asyncio.run(StdoutJsonExporter().export(request))\n"
            "threading.Thread(target=export, daemon=True).start()\n"
            "print('ready', file=sys.stderr, flush=True)\n"
            "sys.stdin.readline()\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr
        try:
            assert process.stderr.readline() == "ready\n"
            wait_until_full(process.stdout.fileno())
            process.stdin.write("\n")
            process.stdin.close()
            assert process.wait(20) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                stream.close()


def wait_until_full(descriptor: int) -> None:
    """Wait until a pipe holds all it can, so that its writer is stuck in a write that is longer."""
    import fcntl
    import termios

    capacity = fcntl.fcntl(descriptor, getattr(fcntl, "F_GETPIPE_SZ", 1032))  # named since Python 3.10
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        held = bytearray(4)
        fcntl.ioctl(descriptor, termios.FIONREAD, held)
        if int.from_bytes(held, sys.byteorder) == capacity:
            return
        time.sleep(0.01)
    raise AssertionError("the pipe never filled")
