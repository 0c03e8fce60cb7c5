"""An exporter's start, made again and again until it succeeds: until then its branch's records wait."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fapilog_otel.buffer.engine import Engine
    from fapilog_otel.delivery.fanout import Branch

_ATTEMPT: Final = 5.0  # seconds for one start()
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 30.0


async def start_exporter(engine: Engine, branch: Branch) -> None:
    """Start a branch's exporter and let its requests go; on the loop."""
    wait = _FIRST_WAIT
    while not engine.control.closing:
        try:
            await asyncio.wait_for(branch.exporter.start(), _ATTEMPT)
            branch.opening_error = None
            break
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin's own code; degraded mode is announced and healed below
            cause = f"{type(error).__name__}: {error}"
            branch.opening_error = (time.time(), cause)
            engine.spec.diagnostics.report(
                f"{branch.name}.start",
                f"{branch.name} could not start; its logs wait",
                cause=cause,
                remedy="it is tried again; see the cause",
            )
        engine.attempted(branch)
        await engine.control.pause(wait)
        wait = min(wait * 2, _LONGEST_WAIT)
    engine.attempted(branch)
    branch.ready = True
    branch.pump()
