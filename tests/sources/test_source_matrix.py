"""The matrix of sources, protocols and places against a real Collector; ``python -m tests.sources`` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fapilog_otel.receiver import ReceivedLog
from tests.receivers import Collector
from tests.receivers.build import COLLECTOR, build
from tests.sources.matrix import PLACES, PROTOCOLS, SOURCES, judge, run_row

RECORDS = 60
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    build(COLLECTOR)
    with Collector() as process:
        yield process


@pytest.mark.receiver
class TestMatrix:
    @pytest.mark.timeout(180)
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    @pytest.mark.parametrize("source", SOURCES)
    def test_every_record_arrives_once_in_its_own_span(self, collector: Collector, source: str, protocol: str) -> None:
        assert run_row(source, protocol, collector, RECORDS) == dict.fromkeys(PLACES, "")


class TestVerdict:
    def verdict(self, logs: list[ReceivedLog], count: int = 1) -> str:
        written = [{"place": "call", "number": 0, "trace_id": TRACE, "span_id": SPAN}]
        return judge(written, logs, count)["call"]

    def test_nothing_is_wrong_with_what_arrived_as_it_was_written(self, arrived: Any) -> None:
        assert self.verdict([arrived()]) == ""

    def test_tells_what_is_missing_or_was_never_written(self) -> None:
        assert self.verdict([], 2) == "1 not written, 1 missing"

    def test_tells_what_came_twice(self, arrived: Any) -> None:
        assert self.verdict([arrived(), arrived()]) == "1 too many"

    @pytest.mark.parametrize("wrong", [{"trace_id": "1" * 32}, {"span_id": "1" * 16}, {"body": "other"}])
    def test_tells_what_is_in_another_span_or_is_another_record(self, arrived: Any, wrong: dict[str, str]) -> None:
        assert self.verdict([arrived(**wrong)]) == "1 astray"

    def test_tells_what_nobody_wrote(self, arrived: Any) -> None:
        assert judge([], [arrived(attributes={"place": "elsewhere"})], 0)["elsewhere"] == "nobody wrote it"


@pytest.fixture
def arrived() -> Any:
    """A record as it was written, but for what is given."""
    import dataclasses

    import fapilog_otel as fo
    from fapilog_otel.receiver import OtlpReceiver

    with OtlpReceiver() as receiver, fo.configure(endpoint=receiver.http_endpoint, sources=[]) as handle:
        fo.get_logger("shop").info("order placed", place="call", number=0)
        assert handle.flush()
        (log,) = receiver.logs
    return lambda **changes: dataclasses.replace(log, **{"trace_id": TRACE, "span_id": SPAN, **changes})
