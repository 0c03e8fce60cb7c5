"""Compares what each process of an application says it wrote with what a receiver got from it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from fapilog_otel.receiver import ReceivedLog


def said_by_each(lines: Iterable[str]) -> dict[str, int]:
    """Records written by each process, by its pid as text."""
    said = [json.loads(line) for line in lines if line.startswith("{")]
    return {str(one["pid"]): one["written"] for one in said if "written" in one}


def numbered(logs: Iterable[ReceivedLog]) -> dict[str, Counter[Any]]:
    """How often each numbered record of each process arrived; each process names itself, and so does its resource."""
    found: dict[str, Counter[Any]] = defaultdict(Counter)
    for log in logs:
        if "index" not in log.attributes:
            continue
        side = str(log.attributes["side"])
        assert str(log.resource.get("process.pid")) == side
        found[side][log.attributes["index"]] += 1
    return dict(found)


def assert_once_each(said: dict[str, int], logs: Iterable[ReceivedLog]) -> None:
    """Fail unless exactly the records 0 to n - 1 of every process arrived, each once."""
    arrived = numbered(logs)
    wrong = {
        side: {
            "lost": sorted(set(range(count)) - set(arrived.get(side, ()))),
            "twice": [index for index, times in arrived.get(side, Counter()).items() if times > 1],
        }
        for side, count in said.items()
        if arrived.get(side, Counter()) != Counter(range(count))
    }
    assert wrong == {}
    assert set(arrived) <= set(said)
