from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapilog_otel.errors import ConfigError
from fapilog_otel.pipeline.patterns import URL_CREDENTIALS, VALUE_PATTERNS, make_scrub, user_pattern
from tests.unit.pipeline import made_up_secrets as secrets

ALL = (URL_CREDENTIALS, *VALUE_PATTERNS)
scrub = make_scrub(ALL, "***")

HOSTILE = {
    "jwt starts": "eyJ" * 33_000,
    "jwt parts": "eyJaaaaaa." * 10_000,
    "jwt without dot": "eyJ" + "a" * 100_000,
    "pem starts": "-----BEGIN PRIVATE KEY-----" * 3_700,
    "pem spaces": "-----BEGIN " + " " * 100_000,
    "urls": "://a:" * 20_000,
    "url of colons": "://u:" + ":" * 100_000,
    "url of ats": "://u:" + "@" * 100_000,
    "url without at": "http://user:" + "x" * 100_000,
    "url slashes": "://u:x/" * 14_000,
    "letters": "a" * 100_000,
    "bearers": "bearer " * 14_000,
    "bearer spaces": "bearer" + " " * 100_000,
    "basics": "basic aaaa " * 9_000,
    "basic run": "basic " + "a" * 100_000,
    "authorizations": "authorization:" * 7_000,
    "authorization spaces": "authorization" + " " * 100_000,
    "assignments": "token=" * 16_000,
    "open quotes": "token=\"token='" * 7_000,
    "backslashes": 'token="' + "\\" * 100_000,
    "aws": "secret_access_key=" * 5_500,
    "github": "ghp_" * 25_000,
    "github pat": "github_pat_" * 9_000,
    "slack": "xoxb-" * 20_000,
    "digits": "4" * 100_000,
    "spaced digits": "4 " * 50_000,
    "dashed groups": "4111-" * 20_000,
    "spaced pairs": "41 1" * 25_000,
}


class TestDefaultPatterns:
    @pytest.mark.parametrize(("text", "secret", "expected"), secrets.IN_TEXT + secrets.URLS)
    def test_masks_the_secret_and_keeps_the_rest(self, text: str, secret: str, expected: str | None) -> None:
        clean = scrub(text)
        assert secret not in clean
        assert expected is None or clean == expected

    @pytest.mark.parametrize("text", secrets.HARMLESS_TEXTS)
    def test_returns_a_harmless_text_itself(self, text: str) -> None:
        assert scrub(text) is text

    @pytest.mark.parametrize(("text", "secret", "expected"), secrets.IN_TEXT + secrets.URLS)
    @pytest.mark.parametrize("mask", ["***", "[REDACTED]", "removed by policy", r"\1\g<0>"])
    def test_a_masked_text_is_left_as_it_is(self, text: str, secret: str, expected: str | None, mask: str) -> None:
        masking = make_scrub(ALL, mask)
        clean = masking(text)
        assert mask in clean
        assert masking(clean) == clean

    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
    def test_takes_linear_time_on_hostile_text(self, text: str) -> None:
        started = time.process_time()
        scrub(text)
        assert time.process_time() - started < 10.0  # a quadratic pattern takes minutes

    def test_a_mask_before_a_secret_does_not_protect_it(self) -> None:
        assert scrub("password=***hunter2") == "password=***"


class TestLiterals:
    secret_texts = st.sampled_from([text for text, _, _ in secrets.IN_TEXT + secrets.URLS])
    noise = st.text(st.sampled_from("aAkKsS eyJ.:/@=-_\"'0123456789{}\\ſK\n"), max_size=12) | st.text(max_size=6)

    @given(st.lists(secret_texts | noise, max_size=5), st.booleans())
    def test_all_that_is_changed_holds_a_literal_or_a_long_digit_run(self, pieces: list[str], upper: bool) -> None:
        text = "".join(pieces).upper() if upper else "".join(pieces)
        for pattern in ALL:
            if make_scrub((pattern,), "***")(text) != text:
                lowered = "".join(c.lower() if c.isascii() else c for c in text)
                assert any(literal in lowered for literal in pattern.literals) or (
                    pattern.digits and longest_run(text) >= 12
                )

    @given(st.text(st.sampled_from("4135 -."), max_size=40))
    def test_card_numbers_are_long_digit_runs(self, text: str) -> None:
        assert scrub(text) is text or longest_run(text) >= 12

    @given(st.text(max_size=60))
    def test_scrubbing_any_text_never_raises_and_settles_at_once(self, text: str) -> None:
        clean = scrub(text)
        assert scrub(clean) == clean
        assert clean is text or clean != text

    def test_literals_are_lower_case_ascii_and_few_enough_for_the_native_scan(self) -> None:
        literals = {literal for pattern in ALL for literal in pattern.literals}
        assert all(literal.isascii() and literal == literal.lower() for literal in literals)
        assert len(literals) <= 128


class TestUserPattern:
    def test_masks_all_matches_and_is_always_tried(self) -> None:
        pattern = user_pattern(r"cust-\d+")
        assert (pattern.literals, pattern.digits) == ((), False)
        assert make_scrub((pattern,), "#")("from cust-1 to cust-22") == "from # to #"

    def test_an_empty_match_inserts_nothing(self) -> None:
        assert make_scrub((user_pattern(r"\b(?=x)|y+"),), "#")("x yy") == "x #"

    @pytest.mark.parametrize("expression", ["(", "a*", ""])
    def test_refuses_what_cannot_be_used(self, expression: str) -> None:
        with pytest.raises(ConfigError, match="patterns"):
            user_pattern(expression)


def longest_run(text: str) -> int:
    """Digits of the longest run with single spaces or dashes between them, counted in a way of its own."""
    best = run = 0
    gap = False
    for character in text:
        if character in "0123456789":
            run, gap = run + 1, False
        elif character in " -" and run and not gap:
            gap = True
        else:
            run, gap = 0, False
        best = max(best, run)
    return best
