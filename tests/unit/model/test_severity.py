from __future__ import annotations

import logging

import pytest

from fapilog_otel.model import severity as sev


class TestSeverityText:
    @pytest.mark.parametrize(
        ("number", "text"),
        [
            (1, "TRACE"), (2, "TRACE2"), (4, "TRACE4"), (5, "DEBUG"), (9, "INFO"), (10, "INFO2"), (12, "INFO4"),
            (13, "WARN"), (17, "ERROR"), (20, "ERROR4"), (21, "FATAL"), (24, "FATAL4"),
        ],
    )  # fmt: skip
    def test_is_the_short_name_of_the_data_model(self, number: int, text: str) -> None:
        assert sev.severity_text(number) == text

    @pytest.mark.parametrize("number", [0, -1, 25, 1000])
    def test_is_empty_for_what_has_no_name(self, number: int) -> None:
        assert sev.severity_text(number) == ""

    def test_of_every_number_can_be_read_back(self) -> None:
        assert [sev.parse_level(sev.severity_text(number)) for number in range(1, 25)] == list(range(1, 25))


class TestSeverityBand:
    def test_sorts_every_number_into_its_band(self) -> None:
        bands = [sev.severity_band(number) for number in range(25)]
        assert bands == [1] + [0] * 8 + [1] * 4 + [2] * 4 + [3] * 8

    @pytest.mark.parametrize("number", [sev.ERROR, sev.FATAL, sev.AUDIT, sev.SECURITY])
    def test_protects_errors_and_what_is_above(self, number: int) -> None:
        assert sev.severity_band(number) == sev.PROTECTED_BAND

    def test_has_a_name_for_each(self) -> None:
        assert len(sev.BANDS) == sev.BAND_COUNT


class TestSeverityFromStdlib:
    @pytest.mark.parametrize(
        ("level", "number"),
        [
            (-5, 0), (0, 0), (1, 1), (9, 1), (10, 5), (11, 6), (13, 8), (19, 8), (20, 9), (25, 12), (30, 13), (35, 16),
            (40, 17), (45, 20), (50, 21), (51, 22), (53, 24), (54, 24), (10**9, 24),
        ],
    )  # fmt: skip
    def test_counts_up_within_the_range_of_a_named_level(self, level: int, number: int) -> None:
        assert sev.severity_from_stdlib(level) == number

    @pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL])
    def test_agrees_with_the_stock_handler(self, level: int) -> None:
        assert sev.severity_text(sev.severity_from_stdlib(level)) == sev.text_from_stdlib(logging.getLevelName(level))

    def test_tells_fapilogs_levels_by_their_names(self) -> None:
        assert sev.severity_from_stdlib(60, "AUDIT") == 22
        assert sev.severity_from_stdlib(70, "SECURITY") == 23
        assert sev.severity_from_stdlib(60, "Level 60") == 22
        assert sev.severity_from_stdlib(70, "Level 70") == 23
        assert sev.severity_from_stdlib(60) == 24
        assert sev.severity_from_stdlib(70, "LOUD") == 24


class TestTextFromStdlib:
    @pytest.mark.parametrize(
        ("name", "text"),
        [("WARNING", "WARN"), ("CRITICAL", "FATAL"), ("INFO", "INFO"), ("Level 25", "Level 25"), ("", "")],
    )
    def test_renames_only_warning_and_critical(self, name: str, text: str) -> None:
        assert sev.text_from_stdlib(name) == text


class TestParseLevel:
    @pytest.mark.parametrize(
        ("level", "number"),
        [
            ("info", 9), (" Warning ", 13), ("WARN", 13), ("critical", 21), ("FATAL", 21), ("audit", 22),
            ("security", 23), ("trace", 1), ("DEBUG2", 6), ("error4", 20), ("20", 9), ("35", 16), (20, 9), (40, 17),
            ("NOTSET", 0), ("unspecified", 0), ("", 0), (0, 0), (True, 1),
        ],
    )  # fmt: skip
    def test_reads_what_users_write(self, level: str | int, number: int) -> None:
        assert sev.parse_level(level) == number

    @pytest.mark.parametrize("level", ["loud", "INFO5", "INFO1", "INFO22", "-10", "1.5", "²"])
    def test_refuses_other_names_and_lists_the_known_ones(self, level: str) -> None:
        with pytest.raises(ValueError, match=r"unknown level .* known: TRACE, DEBUG, INFO"):
            sev.parse_level(level)

    def test_a_bare_number_is_on_the_stdlib_scale(self) -> None:
        assert sev.parse_level("2") == sev.TRACE
        assert sev.parse_level("17") == sev.severity_from_stdlib(17) == sev.DEBUG + 3
