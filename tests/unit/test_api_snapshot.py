"""The public API is what the committed snapshot says; `python -m tests.api_snapshot --write` records a meant change."""

from __future__ import annotations

import difflib

import pytest

import fapilog_otel
from tests.api_snapshot import SNAPSHOT, render_apart


class TestPublicApi:
    def test_is_the_committed_one(self) -> None:
        committed, present = SNAPSHOT.read_text().splitlines(), render_apart().splitlines()
        changes = list(difflib.unified_diff(committed, present, "committed", "present", lineterm="", n=0))
        if changes:
            pytest.fail(
                "\n".join([*changes, "", "If this is meant: python -m tests.api_snapshot --write"]), pytrace=False
            )

    def test_names_are_sorted(self) -> None:
        assert fapilog_otel.__all__ == sorted(fapilog_otel.__all__)

    def test_every_name_can_be_used_and_is_shown_by_dir(self) -> None:
        for name in fapilog_otel.__all__:
            assert getattr(fapilog_otel, name) is not None
        assert set(fapilog_otel.__all__) <= set(dir(fapilog_otel))

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        assert not hasattr(fapilog_otel, "no_such_name")
