"""``fapilog-otel demo``: a small shop's logs, sent over OTLP and shown under the spans of their traces."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import typer

from fapilog_otel.bootstrap import configure
from fapilog_otel.cli.demo_shop.journal import Journal
from fapilog_otel.cli.demo_shop.shop import ORDERS, SERVICE, Shop
from fapilog_otel.cli.demo_shop.spans import CountedSpans, spans_like_logs, spans_over_http, tracer_provider
from fapilog_otel.cli.demo_shop.surroundings import plain_environment, quiet_logging
from fapilog_otel.cli.demo_shop.tree import Style, trace_lines
from fapilog_otel.cli.demo_shop.verdict import Verdict, account_problems, compare, leak_problems
from fapilog_otel.cli.options import given
from fapilog_otel.cli.outcome import DELIVERED, NOT_DELIVERED, printable, say_error
from fapilog_otel.receiver import OtlpReceiver
from fapilog_otel.settings import Settings, load_settings, mask_url
from fapilog_otel.telemetry.accounting import DestinationStats, Stats

_OWN: Final = "receiver"
_COLLECTOR: Final = "collector"
_PATIENCE: Final = 3.0  # seconds for every log to be acknowledged
_AFTERWARDS: Final = 0.5  # seconds for the end, when whoever has not answered by then will not
_INTRODUCTION: Final = """\
A shop logs in four places, all in one process: an HTTP handler, a worker thread, an asyncio task and their client.
  shop.web                           stdlib logging
  shop.till  shop.stock  shop.cards  fapilog_otel.get_logger
  shop.mail                          OpenTelemetry's Logs API, and await log.ainfo
The spans are the OpenTelemetry SDK's. Logs and spans go over OTLP to {where}.
What arrived there follows: times are UTC, and the card numbers were masked before they left.
"""


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run of the shop left behind."""

    journal: Journal
    stats: Stats
    spans: CountedSpans
    foreign_spans: CountedSpans | None


def run_demo(endpoint: str | None, protocol: str | None) -> int:
    """Run the shop and show its logs under the spans of their traces.

    Args:
        endpoint: A collector to send to as well, base URL; None: only to a receiver of the demo's own.
        protocol: OTLP protocol of the logs; None: the configured one.

    Returns:
        0 if every log arrived once, unchanged, in its trace and span, and every destination acknowledged it; else 1.

    Raises:
        ConfigError: The endpoint or the protocol cannot be used.
    """
    with ExitStack() as stack:
        stack.enter_context(plain_environment(keep_settings=endpoint is not None))
        stack.enter_context(quiet_logging(SERVICE, "opentelemetry"))
        collector = _collector(endpoint, protocol)
        if collector is not None and collector.disabled:
            say_error("nothing is sent: everything is disabled by OTEL_SDK_DISABLED or FAPILOG_OTEL_DISABLED")
            return NOT_DELIVERED
        own_grpc = collector is None and protocol == "grpc"
        receiver = stack.enter_context(OtlpReceiver(http_port=0, grpc_port=0 if own_grpc else None))
        run = _run_shop(receiver, protocol, collector)
        return _report(run, receiver, collector)


def _collector(endpoint: str | None, protocol: str | None) -> Settings | None:
    """Give the settings for a collector, or None where only the protocol is asked for, once that is checked."""
    settings = load_settings(given(endpoint, protocol))
    return settings if endpoint is not None else None


def _run_shop(receiver: OtlpReceiver, protocol: str | None, collector: Settings | None) -> _Run:
    journal = Journal()
    spans = spans_over_http(receiver.http_endpoint)
    foreign = None if collector is None else spans_like_logs(collector)
    tracing = tracer_provider(SERVICE, [spans] if foreign is None else [foreign, spans])
    handle = configure(**_arguments(receiver, protocol, collector))
    try:
        with Shop(tracing.get_tracer(SERVICE), journal) as shop:
            for order in ORDERS:
                shop.place_order(order)
        tracing.shutdown()
        handle.flush(_PATIENCE)
    finally:
        handle.shutdown(_AFTERWARDS)
    return _Run(journal, handle.stats(), spans, foreign)


def _arguments(receiver: OtlpReceiver, protocol: str | None, collector: Settings | None) -> dict[str, Any]:
    return {
        "exporters": {**_foreign_destinations(collector), _OWN: _own_destination(receiver, protocol, collector)},
        "service_name": SERVICE,
        # Nothing that the shop writes may be left out, and nothing that a library writes may come in.
        "level": "FATAL",
        "levels": {SERVICE: "TRACE"},
        "sample": 1.0,
        "sources": ("stdlib",),
        "schedule_delay": 0.1,
        "handle_sigterm": False,
    }


def _own_destination(receiver: OtlpReceiver, protocol: str | None, collector: Settings | None) -> dict[str, object]:
    if collector is None and protocol == "grpc":
        return {"type": "otlp_grpc", "endpoint": receiver.grpc_endpoint}
    chosen = {"protocol": protocol} if protocol in {"http/protobuf", "http/json"} else {}
    return {"type": "otlp_http", "endpoint": receiver.http_endpoint, **chosen}


def _foreign_destinations(collector: Settings | None) -> Mapping[str, object]:
    if collector is None:
        return {}
    found = collector.destinations()
    return {_COLLECTOR if len(found) == 1 else name: config for name, config in found.items()}


def _report(run: _Run, receiver: OtlpReceiver, collector: Settings | None) -> int:
    logs, spans, written = receiver.logs, receiver.spans, run.journal.entries
    verdict = compare(written, logs, spans)
    accounts = list(run.stats.destinations.values())
    problems = [
        *verdict.problems,
        *leak_problems([order.card_number for order in ORDERS], logs),
        *(line for one in accounts for line in account_problems(one, len(written))),
    ]
    typer.echo(_INTRODUCTION.format(where=_where(collector)))
    for line in trace_lines(logs, spans, _style()):
        typer.echo(line)
    _print_accounts(accounts, verdict)
    for problem in problems:
        say_error(problem)
    _advise(run, accounts, collector)
    return NOT_DELIVERED if problems else DELIVERED


def _where(collector: Settings | None) -> str:
    if collector is None:
        return "a receiver in this process"
    protocol, url = collector.logs_endpoint()
    return f"{printable(mask_url(url))} ({protocol}),\nand to a receiver in this process, so that they can be shown"


def _print_accounts(accounts: Sequence[DestinationStats], verdict: Verdict) -> None:
    for one in accounts:
        terms = ("delivered", "filtered", "dropped", "failed", "in_flight")
        total = " + ".join(f"{term.replace('_', ' ')} {getattr(one, term)}" for term in terms)
        balance = "balanced" if one.balanced else "NOT BALANCED"
        typer.echo(f"{printable(one.name):<9}  submitted {one.submitted} = {total}  ({balance})")
        lanes = ", ".join(f"{name} {lane.submitted}" for name, lane in one.lanes.items())
        typer.echo(f"{'':<9}  by level: {lanes}")
    each = ", each once, in the trace and the span that it was written in" if not verdict.problems else ""
    typer.echo(f"\n{verdict.matched} of {verdict.written} logs arrived{each}.")


def _advise(run: _Run, accounts: Sequence[DestinationStats], collector: Settings | None) -> None:
    if collector is None or run.foreign_spans is None:
        return
    if any(one.name != _OWN and not one.delivered for one in accounts):
        say_error("see what is wrong with: fapilog-otel doctor --endpoint …")
    elif run.foreign_spans.refused or not run.foreign_spans.accepted:
        # A store for logs alone is a fine destination; the logs carry their ids all the same.
        typer.echo("The collector took the logs, but not the spans: their traces will not be found there.")


def _style() -> Style:
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        "├─└│".encode(encoding)
    except (LookupError, UnicodeEncodeError):
        drawn = False
    else:
        drawn = True
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Style(color=sys.stdout.isatty() and not plain, unicode=drawn)
