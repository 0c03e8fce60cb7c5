from __future__ import annotations

import io
import os
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel_exporters.console import ConsoleExporter, console_lines, factory

RECORD = Record(
    timestamp=1_700_000_000_123_456_789,
    severity_number=17,
    severity_text="ERROR",
    body="payment failed",
    attributes={"order_id": "o-1", "total": 12.5},
    trace_id=0x4BF92F3577B34DA6A3CE929D0E0E4736,
    span_id=0x00F067AA0BA902B7,
    scope=Scope("shop.cart"),
)
HEAD = "1970-01-01T00:00:00.000Z -    "


class TestConsoleLines:
    def test_a_record_is_a_line_with_short_ids(self):
        assert console_lines(RECORD) == (
            "2023-11-14T22:13:20.123Z ERROR [shop.cart] payment failed"
            "  order_id=o-1 total=12.5 trace_id=4bf92f35 span_id=00f067aa\n"
        )

    def test_a_bare_record_has_a_time_and_no_level(self):
        assert console_lines(Record()) == f"{HEAD} \n"

    def test_an_exceptions_stack_stands_indented_below(self):
        stack = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no\n'
        record = Record(
            body="failed", attributes={"exception.type": "ValueError", "exception.stacktrace": stack, "order": 1}
        )
        assert console_lines(record) == (
            f"{HEAD} failed  exception.type=ValueError order=1\n"
            "    Traceback (most recent call last):\n"
            '      File "a.py", line 1\n'
            "    ValueError: no\n"
        )

    @pytest.mark.parametrize(("stack", "shown"), [([1], "[1]"), ("", '""')])
    def test_a_stack_without_lines_is_an_attribute_like_others(self, stack, shown):
        lines = console_lines(Record(body="m", attributes={"exception.stacktrace": stack}))
        assert lines == f"{HEAD} m  exception.stacktrace={shown}\n"

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("plain", "plain"),
            ("two words", '"two words"'),
            ("", '""'),
            ("a=b", '"a=b"'),
            ('say "hi"', '"say \\"hi\\""'),
            (True, "true"),
            (None, "null"),
            (b"\x00\xff", '"AP8="'),
            ([1, "a"], '[1,"a"]'),
            ({"k": {"n": None}}, '{"k":{"n":null}}'),
            ("Bücher", "Bücher"),
        ],
    )
    def test_values_are_unambiguous(self, value, shown):
        assert console_lines(Record(body="m", attributes={"k": value})) == f"{HEAD} m  k={shown}\n"

    def test_a_structured_body_is_shown_as_json(self):
        assert console_lines(Record(body={"a": [1]})) == f'{HEAD} {{"a":[1]}}\n'

    def test_an_event_without_a_body_is_shown_by_its_name(self):
        assert console_lines(Record(event_name="shop.order")) == f"{HEAD} shop.order\n"
        assert console_lines(Record(event_name="shop.order", body="m")) == f"{HEAD} m  event_name=shop.order\n"

    def test_dropped_attributes_are_told(self):
        assert "dropped_attributes_count=3" in console_lines(Record(dropped_attributes_count=3))

    @pytest.mark.parametrize(("number", "code"), [(5, 2), (9, 32), (0, 32), (13, 33), (17, 31), (21, 31)])
    def test_the_level_alone_is_coloured_by_its_severity(self, number, code):
        line = console_lines(Record(severity_number=number, severity_text="LEVEL", body="m"), color=True)
        assert line == f"1970-01-01T00:00:00.000Z \x1b[{code}mLEVEL\x1b[0m m\n"

    @pytest.mark.parametrize("field", ["body", "severity_text", "event_name", "scope", "key", "value", "inner"])
    def test_no_text_can_forge_a_line_or_drive_the_terminal(self, field):
        evil = "x\n2023-11-14 ERROR forged\r\x1b]0;title\x07\x9b2J\u202e\u2028"
        record = {
            "body": Record(body=evil),
            "severity_text": Record(severity_text=evil),
            "event_name": Record(event_name=evil),
            "scope": Record(scope=Scope(evil)),
            "key": Record(attributes={evil: 1}),
            "value": Record(attributes={"k": evil}),
            "inner": Record(body={evil: [evil]}),
        }[field]
        lines = console_lines(record)
        assert lines.endswith("\n")
        assert lines[:-1].isprintable()

    def test_a_stack_cannot_forge_a_line_either(self):
        evil = "Traceback\n2023-11-14 ERROR forged\r\x1b[2J\u2028x"
        lines = console_lines(Record(attributes={"exception.stacktrace": evil})).split("\n")
        assert lines[1:] == ["    Traceback", "    2023-11-14 ERROR forged\\r\\x1b[2J\\u2028x", ""]

    @given(st.text(), st.dictionaries(st.text(), st.text(), max_size=3))
    def test_any_record_is_one_printable_line_and_its_stack(self, body, attributes):
        lines = console_lines(Record(body=body, attributes=attributes, scope=Scope(body)))
        first, *stack = lines.splitlines()
        assert first.startswith(HEAD)
        assert all(line.startswith("    ") for line in stack)
        assert len(stack) <= attributes.get("exception.stacktrace", "").count("\n") + 1
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", lines)


class TestConsoleExporter:
    async def test_the_default_is_stderr(self, capfd):
        exporter = factory.create({})
        await exporter.start()
        assert await exporter.export(EncodedLogs.from_records([RECORD, RECORD])) == ExportResult()
        await exporter.close()
        captured = capfd.readouterr()
        assert captured.err == console_lines(RECORD) * 2
        assert captured.out == ""

    async def test_stdout_and_paths_can_be_chosen(self, capfd, tmp_path):
        for stream in ("stdout", str(tmp_path / "log")):
            exporter = factory.create({"stream": stream})
            await exporter.export(EncodedLogs.from_records([RECORD]))
            await exporter.close()
        assert capfd.readouterr().out == (tmp_path / "log").read_text("utf-8") == console_lines(RECORD)

    @pytest.mark.parametrize(("color", "colored"), [(True, True), (False, False), (None, False)])
    async def test_color_can_be_forced_and_is_off_where_no_terminal_is(self, color, colored):
        stream = io.StringIO()
        await ConsoleExporter(stream, color=color).export(EncodedLogs.from_records([RECORD]))
        assert ("\x1b[" in stream.getvalue()) == colored

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has other terminals")
    @pytest.mark.parametrize(
        ("environment", "colored"),
        [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
    )
    async def test_a_terminal_is_coloured_unless_the_user_says_no(self, environment, colored, monkeypatch):
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        leader, follower = os.openpty()
        with os.fdopen(leader, "rb", buffering=0) as reading, os.fdopen(follower, "w", encoding="utf-8") as stream:
            await ConsoleExporter(stream).export(EncodedLogs.from_records([RECORD]))
            assert (b"\x1b[31mERROR\x1b[0m" in reading.read(4096)) == colored
