from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from fapilog_otel.receiver import SUCCESS, Disconnect, GrpcStatus, ReceivedRequest, Reply, Script, Truncate
from fapilog_otel.receiver.script import as_script

REQUEST = ReceivedRequest(transport="http", path="/v1/logs", headers={}, count=3)
BUSY = Reply(status=503)


class TestScript:
    def test_gives_its_replies_in_order_and_then_success(self) -> None:
        script = Script([BUSY, Reply(status=400)])
        assert [script.take(REQUEST).status for _ in range(4)] == [503, 400, 200, 200]

    def test_ends_with_another_last_word_if_told(self) -> None:
        script = Script([SUCCESS], then=BUSY)
        assert [script.take(REQUEST).status for _ in range(3)] == [200, 503, 503]

    def test_asks_a_function_for_each_request(self) -> None:
        script = Script(lambda request: BUSY if request.count > 2 else None)
        assert script.take(REQUEST) is BUSY
        assert script.take(ReceivedRequest(transport="http", path="/", headers={})) is SUCCESS

    def test_gives_each_reply_once_to_many_threads(self) -> None:
        script = Script([Reply(status=500 + number % 100, delay=number) for number in range(1000)])
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda _: script.take(REQUEST).delay, range(1000)))
        assert sorted(taken) == list(range(1000))
        assert script.remaining == 0

    def test_gives_an_early_reply_only_when_it_is_next(self) -> None:
        early = Reply(status=401, early=True)
        script = Script([BUSY, early])
        assert script.take_early() is None
        assert script.take(REQUEST) is BUSY
        assert script.take_early() is early
        assert script.take_early() is None

    def test_is_made_from_a_list_a_function_or_nothing(self) -> None:
        script = Script()
        assert as_script(script) is script
        assert as_script([BUSY]).take(REQUEST) is BUSY
        assert as_script(lambda _: BUSY).take(REQUEST) is BUSY
        assert as_script(None).take(REQUEST) is SUCCESS


class TestReply:
    @pytest.mark.parametrize(
        ("reply", "accepts"),
        [
            (Reply(), True),
            (Reply(status=202, rejected=1), True),
            (Reply(status=302), False),
            (Reply(status=503), False),
            (Reply(fault=Truncate(5)), True),
            (Reply(fault=Disconnect()), False),
            (Reply(fault=Disconnect(), accept=True), True),
            (Reply(accept=False), False),
            (Reply(grpc=GrpcStatus(code="OK")), True),
            (Reply(grpc=GrpcStatus(code="UNAVAILABLE")), False),
        ],
    )
    def test_stores_records_when_the_sender_is_told_success(self, reply: Reply, accepts: bool) -> None:
        assert reply.accepts is accepts
