"""uWSGI: its master forks the workers in C, and runs Python's fork hooks only where it has been told to.

::

    configure() in a worker (lazy-apps), or py-call-uwsgi-fork-hooks   nothing to do
    configure() in the master                                          our part of the hooks runs as a post-fork hook
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.buffer import exit as process_exit
from fapilog_otel.buffer import fork
from fapilog_otel.contracts import exporter_traits
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.buffer.engine import Engine

_HOOKS: Final = "py-call-uwsgi-fork-hooks"


def follow_workers(engine: Engine | None, in_child: Callable[[], None]) -> None:
    """Have the workers of a uWSGI master begin anew as every other forked child does; elsewhere do nothing.

    Args:
        engine: What delivers in the master. A transport that a fork must find closed (gRPC) gets a line with the
            remedy: nobody tells before uWSGI forks.
        in_child: Called in each worker.
    """
    server: Any = sys.modules.get("uwsgi")
    if server is None or engine is None or server.worker_id() > 0 or _has(server, _HOOKS):
        return
    master = os.getpid()

    def in_worker() -> None:
        if os.getpid() != master:  # without a master process the only worker is this one
            fork.in_child_unannounced()
            process_exit.in_child_unannounced()
            in_child()

    _after_forks_call(server, in_worker)
    if server.masterpid() and not all(exporter_traits(branch.exporter).fork_safe for branch in engine.branches):
        get_diagnostics().report(
            "uwsgi.fork",
            "uWSGI forks its workers without telling Python, which gRPC does not live through: they deliver nothing",
            remedy=f"set `{_HOOKS} = true` or `lazy-apps = true` in uWSGI's configuration, or use http/protobuf",
        )


def _has(server: Any, option: str) -> bool:
    return option in server.opt or option.encode() in server.opt


def _after_forks_call(server: Any, hook: Callable[[], None]) -> None:
    """Add a post-fork hook beside the application's, whether it sets its own or decorates with ``@postfork``."""
    before, spooler = getattr(server, "post_fork_hook", None), getattr(server, "spooler", None)
    try:
        decorators: Any = importlib.import_module("uwsgidecorators")  # imported later it would replace our hook
    except Exception:  # noqa: BLE001 - it raises a bare Exception where there is no master process
        chain: list[Callable[[], None]] = []
        server.post_fork_hook = lambda: [one() for one in tuple(chain)]
    else:
        chain = decorators.postfork_chain
        if spooler is not None:
            server.spooler = spooler
    if before is not None and before is not getattr(sys.modules.get("uwsgidecorators"), "postfork_chain_hook", None):
        chain.append(before)
    chain.insert(0, hook)
