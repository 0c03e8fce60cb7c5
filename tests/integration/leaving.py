"""How the application `leaving` is run, and what each of its ways to leave looks like from outside."""

from __future__ import annotations

import re
import signal
from typing import Any

import pytest

from tests.integration.child import PYTHONS, Child, Ended

RECORDS = 2000
CODES = {
    "normal": 0,
    "sys_exit": 3,
    "uncaught": 1,
    "sigterm": -signal.SIGTERM,
    "sigterm_own_handler": 5,
    "closed_loop": 0,
    "interrupt": -signal.SIGINT,
}
SIGNALS = {"sigterm": signal.SIGTERM, "sigterm_own_handler": signal.SIGTERM, "interrupt": signal.SIGINT}
WAYS = pytest.mark.parametrize("way", list(CODES))
PROTOCOLS = pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
INTERPRETERS = pytest.mark.parametrize("python", PYTHONS)

_LOST = re.compile(r"(\d+) records? (?:was|were) not delivered before the shutdown deadline")


def leave(
    way: str,
    endpoint: str,
    protocol: str,
    service_name: str = "shop",
    *,
    python: str,
    code: int | None = None,
    **environ: str,
) -> tuple[Ended, float]:
    """Run the application; gives its end, and the seconds that it took to leave."""
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_SERVICE_NAME": service_name,
        **environ,
    }
    with Child("leaving", way, environ=variables, python=python) as child:
        if way in SIGNALS:
            child.wait_for("leaving")
            left = child.signal(SIGNALS[way])
            ended = child.end()
        else:
            ended = child.end()
            left = ended.said()["leaving"]
    assert ended.code == (CODES[way] if code is None else code), ended.err
    return ended, ended.at - left


def lost_according_to(err: str) -> int:
    """The number of records that stderr says were lost; 0: it says nothing of the kind."""
    found = _LOST.findall(err)
    assert len(found) <= 1, err
    return int(found[0]) if found else 0


def stats_of(ended: Ended) -> dict[str, Any]:
    """The account as it stood after shutdown, which no process that a signal ended can report."""
    said = ended.said()
    assert said["balanced"]
    stats: dict[str, Any] = said["stats"]
    return stats
