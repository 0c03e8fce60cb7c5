"""Whether what arrived is what was written: every log once, unchanged, in its span, and the accounts even."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fapilog_otel.cli.demo_shop.journal import Entry
from fapilog_otel.receiver import ReceivedLog, ReceivedSpan
from fapilog_otel.telemetry.accounting import DestinationStats

_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison found.

    Args:
        written: Logs that the shop wrote.
        matched: Logs that arrived as they were written, and whose span arrived too.
        problems: What is wrong, a line each; empty: nothing.
    """

    written: int
    matched: int
    problems: tuple[str, ...] = ()


def compare(written: Sequence[Entry], logs: Sequence[ReceivedLog], spans: Sequence[ReceivedSpan]) -> Verdict:
    """Compare the shop's own account with what arrived, by ids, level and body, each as often as it was written."""
    expected = Counter(written)
    arrived = Counter(_entry(log) for log in logs)
    known = {(span.trace_id, span.span_id) for span in spans}
    missing = list((expected - arrived).elements())
    surplus = list((arrived - expected).elements())
    stray = [entry for entry in (expected & arrived).elements() if (entry.trace_id, entry.span_id) not in known]
    problems = (
        _problem(missing, "did not arrive as written"),
        _problem(surplus, "arrived that the shop did not write so"),
        _problem(stray, "arrived, but not the span that they belong to"),
    )
    matched = (expected & arrived).total() - len(stray) if expected else 0
    return Verdict(len(written), matched, tuple(problem for problem in problems if problem))


def leak_problems(secrets: Iterable[str], logs: Sequence[ReceivedLog]) -> tuple[str, ...]:
    """Give what is wrong where a text that redaction must hide has arrived anyhow; the text itself is not shown."""
    found = sum(any(secret in repr((log.body, log.attributes)) for secret in secrets) for log in logs)
    return (f"{found} logs hold a card number, which should be masked",) if found else ()


def account_problems(stats: DestinationStats, written: int) -> tuple[str, ...]:
    """Give what is wrong with a destination's account: uneven, or not everything delivered."""
    problems = []
    if not stats.balanced:
        problems.append(f"the account of {stats.name} does not balance")
    if stats.submitted != written:
        problems.append(f"{stats.submitted} logs were submitted to {stats.name}, {written} were written")
    if stats.delivered != written:
        reasons = {**stats.dropped_by_reason, **stats.failed_by_reason}
        why = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
        told = f" ({why})" if why else ""
        problems.append(f"{stats.delivered} of {written} logs were acknowledged by {stats.name}{told}")
    return tuple(problems)


def _entry(log: ReceivedLog) -> Entry:
    body = log.body if isinstance(log.body, str) else repr(log.body)
    return Entry(log.trace_id, log.span_id, log.severity_text, body)


def _problem(entries: Iterable[Entry], what: str) -> str:
    found = list(entries)
    if not found:
        return ""
    shown = ", ".join(f"{entry.level} {entry.body!r}" for entry in found[:_SHOWN])
    return f"{len(found)} logs {what}: {shown}" + (", …" if len(found) > _SHOWN else "")
