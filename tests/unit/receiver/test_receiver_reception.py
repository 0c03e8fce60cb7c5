from __future__ import annotations

import threading

import pytest

from fapilog_otel.receiver import ReceivedLog, ReceivedRequest, ReceivedSpan, Reception
from fapilog_otel.receiver.decode import Decoded

REQUEST = ReceivedRequest(transport="http", path="/v1/logs", headers={})


def logs(*bodies: str) -> Decoded:
    return Decoded(logs=tuple(ReceivedLog(body=body) for body in bodies))


class TestReception:
    def test_wakes_a_thread_that_waits_for_logs(self) -> None:
        reception = Reception()
        threads = [threading.Thread(target=reception.add_records, args=(logs("a", "b"),)) for _ in range(5)]
        for thread in threads:
            thread.start()
        assert len(reception.wait_for_logs(10, timeout=5)) == 10

    def test_waits_for_spans_and_requests_too(self) -> None:
        reception = Reception()
        reception.add_records(Decoded(spans=(ReceivedSpan(name="s"),)))
        reception.add_request(REQUEST)
        assert [span.name for span in reception.wait_for_spans(1, timeout=0)] == ["s"]
        assert reception.wait_for_requests(1, timeout=0) == [REQUEST]

    def test_says_what_had_arrived_when_the_time_is_up(self) -> None:
        reception = Reception()
        reception.add_records(logs("a"))
        with pytest.raises(TimeoutError, match=r"for 2 log records, received 1 \(1 logs, 0 spans, 0 requests in all\)"):
            reception.wait_for_logs(2, timeout=0.01)

    def test_hands_out_copies(self) -> None:
        reception = Reception()
        reception.logs.append(ReceivedLog())
        assert reception.logs == []

    def test_forgets_when_cleared(self) -> None:
        reception = Reception()
        reception.add_records(logs("a"))
        reception.add_records(Decoded(spans=(ReceivedSpan(),)))
        reception.add_request(REQUEST)
        reception.clear()
        assert (reception.logs, reception.spans, reception.requests) == ([], [], [])

    def test_keeps_only_the_newest_when_bounded(self) -> None:
        reception = Reception(keep=2)
        reception.add_records(logs("a", "b", "c"))
        assert [log.body for log in reception.logs] == ["b", "c"]
