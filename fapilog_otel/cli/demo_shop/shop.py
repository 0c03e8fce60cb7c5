"""A shop in one process: a client, an HTTP handler, a worker thread and an asyncio loop, one trace through all of them.

::

    place_order ──HTTP, traceparent──► handler ──► reserve stock
                                          ├──queue, context──► worker thread: charge card (may be declined)
                                          └──task, context───► asyncio loop: send confirmation
"""

from __future__ import annotations

import asyncio
import contextvars
import http.client
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from types import TracebackType
from typing import ClassVar, Final, cast

from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from typing_extensions import Self

from fapilog_otel.cli.demo_shop.journal import Journal

SERVICE: Final = "shop"
_PATIENCE: Final = 5.0  # seconds that one part of the shop waits for another
_TRACEPARENT: Final = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class Order:
    """What a customer wants.

    Args:
        number: The order's name.
        item: What is bought.
        left: How many the stock has.
        card_number: Never arrives anywhere: the pipeline masks it.
        solvent: Whether the bank pays.
    """

    number: str
    item: str
    left: int
    card_number: str
    solvent: bool


ORDERS: Final = (
    Order("o-1001", "tea pot", 12, "4111 1111 1111 1111", solvent=True),
    Order("o-1002", "samovar", 1, "4000 0000 0000 0002", solvent=False),
)


class CardDeclinedError(Exception):
    """The bank said no."""


class Shop:
    """The running shop; a context manager that starts its threads and ends them.

    Args:
        tracer: Where its spans come from.
        journal: Where its logs go.
    """

    def __init__(self, tracer: Tracer, journal: Journal) -> None:
        self._tracer = tracer
        self._journal = journal
        self._payments: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._server = _Server(self)
        self._threads = [
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, name="shop-web"),
            threading.Thread(target=self._work, name="shop-worker"),
            threading.Thread(target=self._loop.run_forever, name="shop-asyncio"),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._payments.put(None)
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join(_PATIENCE)
        self._loop.close()

    def place_order(self, order: Order) -> int:
        """Order over HTTP, as a customer's program does.

        Returns:
            The status of the answer.
        """
        with self._tracer.start_as_current_span(f"place order {order.number}", kind=SpanKind.CLIENT):
            self._journal.own("shop.till", "INFO", "placing an order", order_id=order.number, item=order.item)
            headers = {"content-type": "application/json"}
            _TRACEPARENT.inject(headers)
            connection = http.client.HTTPConnection("127.0.0.1", self._server.server_port, timeout=_PATIENCE)
            try:
                connection.request("POST", "/orders", json.dumps({"number": order.number}), headers)
                return connection.getresponse().status
            finally:
                connection.close()

    def answer(self, number: str, headers: dict[str, str]) -> int:
        """Take an order that came over HTTP, in the trace that its headers name.

        Returns:
            The status to answer with.
        """
        context = _TRACEPARENT.extract(headers)
        order = next(order for order in ORDERS if order.number == number)
        with self._tracer.start_as_current_span("POST /orders", context, SpanKind.SERVER):
            self._journal.stdlib("shop.web", "INFO", "order %s received", number, item=order.item)
            self._reserve(order)
            paid = self._charge_in_worker(order)
            if paid:
                self._confirm_in_loop(order)
            status = 201 if paid else 402
            self._journal.stdlib("shop.web", "INFO" if paid else "WARN", "order %s answered with %d", number, status)
            return status

    def _reserve(self, order: Order) -> None:
        with self._tracer.start_as_current_span("reserve stock"):
            self._journal.own("shop.stock", "DEBUG", "looking in the store", item=order.item, left=order.left)
            if order.left == 1:
                self._journal.own("shop.stock", "WARN", "the last one is reserved", item=order.item)

    def _charge_in_worker(self, order: Order) -> bool:
        paid: Future[bool] = Future()
        context = contextvars.copy_context()
        self._payments.put(lambda: context.run(self._charge, order, paid))
        return paid.result(_PATIENCE)

    def _work(self) -> None:
        while (payment := self._payments.get()) is not None:
            payment()

    def _charge(self, order: Order, paid: Future[bool]) -> None:
        try:
            with self._tracer.start_as_current_span("charge card"):
                self._journal.own("shop.cards", "INFO", "charging the card", card_number=order.card_number)
                self._pay(order)
        except CardDeclinedError:
            paid.set_result(False)
        else:
            paid.set_result(True)

    def _pay(self, order: Order) -> None:
        try:
            _ask_bank(order)
        except CardDeclinedError:
            self._journal.own_exception("shop.cards", "payment failed", order_id=order.number)
            raise

    def _confirm_in_loop(self, order: Order) -> None:
        # The task inherits the handler's context, and with it the trace.
        asyncio.run_coroutine_threadsafe(self._confirm(order), self._loop).result(_PATIENCE)

    async def _confirm(self, order: Order) -> None:
        with self._tracer.start_as_current_span("send confirmation"):
            self._journal.event("shop.mail", "order.confirmed", "order confirmed", order_id=order.number)
            await asyncio.sleep(0)
            await self._journal.own_async("shop.mail", "mail handed over", to="customer")


def _ask_bank(order: Order) -> None:
    if not order.solvent:
        raise CardDeclinedError("insufficient funds")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take an order."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        names = {name.lower(): value for name, value in self.headers.items()}
        self.send_response(cast("_Server", self.server).shop.answer(body["number"], names))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
        """Say nothing: the shop has its own log."""


class _Server(ThreadingHTTPServer):
    daemon_threads: ClassVar[bool] = True  # type: ignore[misc]

    def __init__(self, shop: Shop) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.shop = shop
