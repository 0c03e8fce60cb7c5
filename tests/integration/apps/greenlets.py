"""A gevent application: its greenlets log, yield, flush and leave; patched before anything else, as gevent asks for."""

from __future__ import annotations

import gevent.monkey

gevent.monkey.patch_all()

import faulthandler  # noqa: E402 - after patching
import itertools  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
from dataclasses import asdict  # noqa: E402

import gevent  # noqa: E402

import fapilog_otel  # noqa: E402

GREENLETS = 50
EACH = 40

faulthandler.enable()
handle = fapilog_otel.configure()
own, stdlib = fapilog_otel.get_logger("shop.own"), logging.getLogger("shop.stdlib")
numbers = itertools.count()


def work() -> None:
    for _ in range(0, EACH, 2):
        own.info("order placed", index=next(numbers))
        gevent.sleep(0)
        stdlib.info("order placed", extra={"index": next(numbers)})


def ticks() -> None:
    while not flushed:
        gevent.sleep(0.001)
        ticked.append(None)


flushed: list[bool] = []
ticked: list[None] = []
ticking = gevent.spawn(ticks)
gevent.joinall([gevent.spawn(work) for _ in range(GREENLETS)])
flushed.append(handle.flush(10.0))  # the other greenlets go on meanwhile
print(json.dumps({"flushed": flushed[0], "ticks": len(ticked), "stats": asdict(handle.stats())}))
work()  # delivered at exit
