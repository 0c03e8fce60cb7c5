"""What redaction costs a text: the native scan that finds most texts clean, and the full search behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.compare.workload import BODY
from benchmarks.cores import logger, native, plan

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

TEXTS = {
    "short": BODY,
    "long": "GET /shop/cart/items/17423?page=2 returned in 12 ms; " * 40,
    "digits": "order 4821 9930 1745, lot 20260311, part 7781-22",
    "secret": "login of ann with password=correct-horse-battery",
}
CALLS = 1_000


def _redaction() -> Any:
    redaction = plan(stages=True).redaction
    assert redaction is not None
    return redaction


def _repeat(call: Any, text: str) -> None:
    for _ in range(CALLS):
        call(text)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
class TestRedaction:
    def test_native_scan(self, benchmark: BenchmarkFixture, text: str) -> None:
        benchmark(_repeat, native().Suspicion(_redaction()).matches, text)

    def test_full_search(self, benchmark: BenchmarkFixture, text: str) -> None:
        scrub = _redaction().scrub
        assert (scrub(text) is text) == ("password" not in text)
        benchmark(_repeat, scrub, text)

    def test_log_call(self, benchmark: BenchmarkFixture, text: str) -> None:
        benchmark(_repeat, logger(is_native=True, stages=True).info, text)
