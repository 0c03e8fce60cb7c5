"""Middleware for unknown servers, Celery's signals, and uvicorn's last signal."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, signals

from fapilog_otel.integrations._requests import REQUEST, RequestScope
from fapilog_otel.integrations.asgi import RequestContext as AsgiContext
from fapilog_otel.integrations.uvicorn import _Signals
from fapilog_otel.integrations.wsgi import RequestContext as WsgiContext
from fapilog_otel.testing import capture_logs

TRACEPARENT = f"00-{7:032x}-{8:016x}-01"
log = logging.getLogger("shop")


class TestAsgi:
    @pytest.mark.parametrize("kind", ["http", "websocket"])
    def test_a_requests_records_have_its_trace(self, kind: str) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            log.warning("x")

        with capture_logs() as capture:
            asyncio.run(
                AsgiContext(app)({"type": kind, "headers": [(b"traceparent", TRACEPARENT.encode())]}, None, None)
            )
        assert [record.trace_id for record in capture.records] == [7]

    def test_what_is_no_request_passes(self) -> None:
        seen: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append(REQUEST.get())

        asyncio.run(AsgiContext(app)({"type": "lifespan"}, None, None))
        assert seen == [None]


class TestWsgi:
    def test_a_streamed_answers_records_have_its_trace_and_nothing_else_has(self) -> None:
        closed: list[int] = []

        class Body:
            def __iter__(self) -> Iterator[bytes]:
                log.warning("first")
                yield b"a"
                log.warning("second")

            def close(self) -> None:
                log.warning("closed")
                closed.append(1)

        with capture_logs() as capture:
            answer: Any = WsgiContext(lambda environ, start: Body())({"HTTP_TRACEPARENT": TRACEPARENT}, None)
            for _ in answer:
                log.warning("between")
            answer.close()
        ids = {str(record.body): record.trace_id for record in capture.records}
        assert ids == {"first": 7, "between": 0, "second": 7, "closed": 7}
        assert closed == [1]

    def test_a_list_is_handed_on(self) -> None:
        assert WsgiContext(lambda environ, start: [b"x"])({}, None) == [b"x"]

    def test_under_a_server_that_has_begun_the_request_it_does_nothing(self) -> None:
        seen: list[Any] = []
        with RequestScope(TRACEPARENT) as scope:
            WsgiContext(lambda environ, start: seen.append(REQUEST.get()) or [])({}, None)
        assert seen == [scope.trace]


class TestCelery:
    @pytest.fixture
    def task(self) -> Any:
        app = Celery("shop", broker="memory://")

        @app.task(name="shop.pay")
        def pay() -> None:
            log.warning("paid")

        return pay

    def test_a_tasks_records_have_its_id_name_and_trace(self, task: Any) -> None:
        with capture_logs() as capture:
            task.push_request(id="t-1", headers={"traceparent": TRACEPARENT})
            signals.task_prerun.send(sender=task, task_id="t-1", task=task)
            task.run()
            signals.task_postrun.send(sender=task, task_id="t-1", task=task)
            task.pop_request()
            log.warning("after")
        paid, after = capture.records
        assert {key: paid.attributes[key] for key in ("celery.task_id", "celery.task_name")} == {
            "celery.task_id": "t-1",
            "celery.task_name": "shop.pay",
        }
        assert (paid.trace_id, paid.span_id) == (7, 8)
        assert after.trace_id == 0
        assert "celery.task_id" not in after.attributes

    def test_nothing_is_connected_after_shutdown(self, task: Any) -> None:
        with capture_logs():
            pass
        with capture_logs(integrations=False) as capture:
            signals.task_prerun.send(sender=task, task_id="t-2", task=task)
            log.warning("x")
        assert "celery.task_id" not in capture.records[0].attributes


class TestUvicornsSignal:
    @pytest.mark.parametrize(
        ("number", "handler", "said"),
        [
            (signal.SIGTERM, signal.SIG_DFL, ["last words", "raised"]),
            (signal.SIGTERM, signal.SIG_IGN, ["raised"]),
            (signal.SIGINT, signal.SIG_DFL, ["raised"]),
        ],
    )
    def test_that_nobody_handles_comes_after_what_is_pending(
        self, number: int, handler: Any, said: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[str] = []
        monkeypatch.setattr(signal, "getsignal", lambda _: handler)
        module = SimpleNamespace(raise_signal=lambda _: seen.append("raised"), SIGHUP=1)
        signals_ = _Signals(module, lambda: seen.append("last words"))
        signals_.raise_signal(number)
        assert seen == said
        assert signals_.SIGHUP == 1
