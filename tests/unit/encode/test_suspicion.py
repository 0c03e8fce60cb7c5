from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapilog_otel.encode.suspicion import has_digit_run, suspicion_of
from fapilog_otel.pipeline import default_redaction

LITERALS = default_redaction().literals
WORDS = st.lists(st.text(alphabet="aAbB-_:é", min_size=1, max_size=4), min_size=1, max_size=6)


class TestLiterals:
    @given(words=WORDS, text=st.text(alphabet="aAbB-_:é ", max_size=20))
    def test_are_found_as_a_search_for_each_of_them_would(self, words: list[str], text: str) -> None:
        suspicious = suspicion_of(words, digits=False)
        assert suspicious(text) == any(word.lower() in text.lower() for word in words)

    @pytest.mark.parametrize("literal", LITERALS)
    @pytest.mark.parametrize("around", ["{}", "a{}", "{}z", "é {} 😀", "\ud800{}", "s{}k-", "acc{}"])
    def test_those_of_the_default_redactors_are_found_in_any_case(self, literal: str, around: str) -> None:
        suspicious = suspicion_of(LITERALS, digits=True)
        for text in (literal, literal.upper(), literal.title()):
            assert suspicious(around.format(text))

    @pytest.mark.parametrize(
        "text", ["", "order placed, payment taken, mail queued", "o-17423", "12345678901", "naïve é"]
    )
    def test_ordinary_texts_are_not_suspicious(self, text: str) -> None:
        assert not suspicion_of(LITERALS, digits=True)(text)

    def test_none_are_never_found(self) -> None:
        assert not suspicion_of((), digits=False)("password=1 4111111111111111")

    def test_the_empty_one_is_everywhere(self) -> None:
        assert suspicion_of(("a", ""), digits=False)("x")

    @pytest.mark.parametrize("words", [("ab", "abc"), ("abc", "ab"), ("a+", "a("), ("a.c", "abd")])
    def test_may_begin_alike_and_hold_any_character(self, words: tuple[str, ...]) -> None:
        suspicious = suspicion_of(words, digits=False)
        assert all(suspicious(f"x{word}") for word in words)
        assert not suspicious("axc")


class TestDigitRuns:
    @pytest.mark.parametrize("text", ["4111111111111111", "4111 1111 1111 1111", "x4111-1111-1111-1111", "1" * 12])
    def test_are_found(self, text: str) -> None:
        assert has_digit_run(text)
        assert suspicion_of((), digits=True)(f"\ud800{text}")

    @pytest.mark.parametrize("text", ["1" * 11, "1a" * 20, "", "1.234.567.890.123", "٣" * 20])
    def test_shorter_and_interrupted_ones_are_none(self, text: str) -> None:
        assert not has_digit_run(text)

    @given(st.text(alphabet="0123456789 -a", max_size=30))
    def test_none_is_missed(self, text: str) -> None:
        longest = max(map(len, text.replace(" ", "").replace("-", "").split("a")))
        if longest >= 12 and "  " not in text and "--" not in text and " -" not in text and "- " not in text:
            assert has_digit_run(text)
