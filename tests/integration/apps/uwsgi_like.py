"""Forks as uWSGI's master does: in C, past Python's fork hooks, with a post-fork hook of the module ``uwsgi``."""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import sys
import types

import fapilog_otel

CHILDREN = 3
EACH = 50

faulthandler.enable()
server = types.ModuleType("uwsgi")
server.opt = {"master": True}
server.worker_id = lambda: 0
server.masterpid = os.getpid
called: list[int] = []
server.post_fork_hook = lambda: called.append(os.getpid())
sys.modules["uwsgi"] = server
handle = fapilog_otel.configure(sources=[])
logger = fapilog_otel.get_logger("shop")


def log() -> None:
    for index in range(EACH):
        logger.info("order placed", index=index, side=str(os.getpid()))


def report() -> None:
    os.write(1, (json.dumps({"pid": os.getpid(), "written": EACH}) + "\n").encode())


log()
fork = ctypes.PyDLL(None).fork  # keeps the interpreter's lock, as uWSGI does
for _ in range(CHILDREN):
    if (pid := fork()) == 0:
        server.post_fork_hook()
        log()
        report()
        delivered = handle.flush(5.0) and called == [os.getpid()]
        os._exit(0 if delivered and handle.stats().submitted == EACH else 1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        sys.exit(code)
report()
