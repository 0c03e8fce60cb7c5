from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapilog_otel.model.record import Record
from fapilog_otel_exporters._rendering import escape_controls, event_time, iso_time, json_text, level_name


class TestEscapeControls:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("a\nb\r\t", "a\\nb\\r\\t"),
            ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
            ("\0\x07\x7f", "\\x00\\x07\\x7f"),
            ("\x9b2J", "\\x9b2J"),
            ("\u2028\u2029\u202e\u2066", "\\u2028\\u2029\\u202e\\u2066"),
            ("\ud800", "\\ud800"),
            ("Bücher € 日本 🙂", "Bücher € 日本 🙂"),
        ],
    )
    def test_control_characters_are_spelled_out(self, text, shown):
        assert escape_controls(text) == shown

    @given(st.text())
    def test_any_text_stays_on_one_line_and_can_be_encoded(self, text):
        shown = escape_controls(text)
        assert len(shown.splitlines()) <= 1
        assert all(character.isprintable() or character == " " or ord(character) > 0x9F for character in shown)
        shown.encode()


class TestIsoTime:
    @pytest.mark.parametrize(
        ("nanoseconds", "digits", "shown"),
        [
            (0, 9, "1970-01-01T00:00:00.000000000Z"),
            (1_700_000_000_123_456_789, 9, "2023-11-14T22:13:20.123456789Z"),
            (1_700_000_000_000_000_001, 9, "2023-11-14T22:13:20.000000001Z"),
            (1_700_000_000_999_999_999, 3, "2023-11-14T22:13:20.999Z"),
            (2**64 - 1, 9, "2554-07-21T23:34:33.709551615Z"),
        ],
    )
    def test_nanoseconds_are_kept(self, nanoseconds, digits, shown):
        assert iso_time(nanoseconds, digits) == shown


class TestRecordFields:
    def test_the_observed_time_stands_in_for_an_unknown_one(self):
        assert event_time(Record(observed_timestamp=5)) == 5
        assert event_time(Record(timestamp=4, observed_timestamp=5)) == 4

    def test_the_level_is_the_sources_own_name_or_that_of_the_number(self):
        assert level_name(Record(severity_number=22, severity_text="AUDIT")) == "AUDIT"
        assert level_name(Record(severity_number=10)) == "INFO2"
        assert level_name(Record()) == ""


class TestJsonText:
    def test_every_kind_of_value_has_a_form(self):
        value = {
            "s": "x",
            "b": True,
            "i": 2**63 - 1,
            "f": 1.5,
            "y": b"\x00\xff",
            "n": None,
            "l": [1, [2]],
            "m": {"k": 1},
        }
        assert json.loads(json_text(value)) == {**value, "y": "AP8="}

    @pytest.mark.parametrize(("value", "text"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")])
    def test_what_json_lacks_is_text(self, value, text):
        assert json.loads(json_text([value])) == [text]

    def test_line_breaks_are_escaped(self):
        assert "\n" not in json_text("a\nb")
