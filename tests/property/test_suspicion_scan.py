"""The native scan that tells clean texts: it says of every text exactly what its two rules say."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from fapilog_otel.encode._native import Suspicion
from fapilog_otel.encode.plan import KEEP, Redaction
from fapilog_otel.pipeline import default_redaction

LONG_RUN = re.compile(r"[0-9](?:[ -]?[0-9]){11}")
FOLDED = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
DEFAULT = default_redaction()

LITERALS = st.lists(st.text("abtoken:/-_ 1é", min_size=2, max_size=6), max_size=8)
WORDS = ["token", "TOKEN", "toke", "://", "-----BEGIN", "a", "é", "☃", "\0"]
PIECES = st.sampled_from([*WORDS, " ", "-", "1", "12", "123456789012", "4111 1111"])
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=20).map("".join), st.text("01 -x", max_size=60))


def expected(redaction: Redaction, text: str) -> bool:
    folded = text.translate(FOLDED)
    found = any(literal.lower() in folded for literal in redaction.literals)
    return found or (redaction.digits and LONG_RUN.search(text) is not None)


@given(literals=LITERALS, digits=st.booleans(), text=TEXTS)
@settings(max_examples=1500, deadline=None)
def test_it_finds_what_holds_a_literal_or_a_long_run_of_digits(literals: list[str], digits: bool, text: str) -> None:
    redaction = Redaction(lambda _: KEEP, str, tuple(literals), digits)
    assert Suspicion(redaction).matches(text) == expected(redaction, text)


@given(text=TEXTS)
@settings(max_examples=500, deadline=None)
def test_it_never_misses_what_the_default_redactors_change(text: str) -> None:
    assert DEFAULT.scrub is not None
    if DEFAULT.scrub(text) != text:
        assert Suspicion(DEFAULT).matches(text)


def test_it_finds_every_literal_of_the_default_redactors_anywhere_in_a_text() -> None:
    scan = Suspicion(DEFAULT)
    for literal in DEFAULT.literals:
        for spelling in (literal, literal.upper()):
            for before in ("", "x", "x" * 9, "x" * 50):
                assert scan.matches(before + spelling)
                assert scan.matches(before + spelling + "y")
                assert not scan.matches(before + spelling[:-1])
