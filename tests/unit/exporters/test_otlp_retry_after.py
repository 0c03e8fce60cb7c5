from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from fapilog_otel_exporters._retry_after import retry_after


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "expected"), [("0", 0.0), ("3", 3.0), (" 120 ", 120.0), ("31536000", 31536000.0)]
    )
    def test_gives_seconds(self, value: str, expected: float) -> None:
        assert retry_after(value) == expected

    @pytest.mark.parametrize(
        "value", [None, "", "soon", "-5", "1.5", "3 s", "٣", "Mon, 99 Foo 2030 00:00:00 GMT", "\x00"]
    )
    def test_ignores_what_is_malformed_or_negative(self, value: str | None) -> None:
        assert retry_after(value) is None

    def test_measures_a_date_against_the_local_clock(self) -> None:
        delay = retry_after(formatdate(time.time() + 30, usegmt=True))

        assert delay is not None
        assert 28 <= delay <= 30

    def test_measures_a_date_against_the_servers_clock_where_it_is_known(self) -> None:
        assert retry_after("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:30 GMT") == 7.0

    def test_understands_the_two_obsolete_date_forms(self) -> None:
        date = "Sun, 06 Nov 1994 08:49:30 GMT"

        assert retry_after("Sunday, 06-Nov-94 08:49:37 GMT", date) == 7.0
        assert retry_after("Sun Nov  6 08:49:37 1994", date) == 7.0

    def test_ignores_a_date_in_the_past(self) -> None:
        assert retry_after("Sun, 06 Nov 1994 08:49:37 GMT") is None

    def test_takes_a_number_of_any_length(self) -> None:
        assert retry_after("9" * 5000) == float("9" * 15)
