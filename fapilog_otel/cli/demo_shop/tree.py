"""Logs under the spans that they were written in, as a tree for the terminal.

::

    place order o-1001  client  6.1 ms  span 00f067aa0ba902b7
    ├─ 03:10:00.123 INFO  placing an order  [shop.till]  order_id=o-1001
    └─ POST /orders  server  4.8 ms  span 53995c3f42cd8ad8
       └─ ...

Everything that came over the wire is escaped: no record can forge a line or drive the terminal.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from fapilog_otel.cli.outcome import printable
from fapilog_otel.model.severity import severity_band
from fapilog_otel.receiver import ReceivedLog, ReceivedSpan

_Item: TypeAlias = ReceivedSpan | ReceivedLog
_T = TypeVar("_T")

_KINDS: Final = {2: "server", 3: "client", 4: "producer", 5: "consumer"}
_ERROR_STATUS: Final = 2
_LEVEL_COLORS: Final = ("2", "32", "33", "31")  # dim, green, yellow, red, by severity band
_BOLD: Final = "1"
_DIM: Final = "2"
_RED: Final = "31"
# What tells where on this machine the program lies, and what takes many lines.
_LEFT_OUT: Final = ("code.", "thread.", "exception.")


@dataclass(frozen=True, slots=True)
class Style:
    """How lines are drawn.

    Args:
        color: Whether ANSI sequences are used.
        unicode: Whether branches are drawn with box-drawing characters.
    """

    color: bool = False
    unicode: bool = True

    def paint(self, code: str, text: str) -> str:
        """Give a text in a colour, or as it is."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text

    @property
    def branches(self) -> tuple[str, str, str, str]:
        """A branch, the last branch, and what stands below either."""
        return ("├─ ", "└─ ", "│  ", "   ") if self.unicode else ("|- ", "`- ", "|  ", "   ")


def trace_lines(logs: Sequence[ReceivedLog], spans: Sequence[ReceivedSpan], style: Style) -> Iterator[str]:
    """Give the lines of every trace, the earliest first, then the logs that belong to none.

    Args:
        logs: What arrived.
        spans: What arrived; a log whose span is not among them is shown as an orphan.
        style: How to draw.
    """
    logs_of = _by(logs, lambda log: log.trace_id)
    spans_of = _by(spans, lambda span: span.trace_id)
    traces = sorted({*logs_of, *spans_of} - {""}, key=lambda trace: _first(spans_of[trace], logs_of[trace]))
    for trace in traces:
        yield from _Trace(trace, logs_of[trace], spans_of[trace], style).lines()
        yield ""
    if logs_of[""]:
        yield style.paint(_RED, "outside any trace")
        yield from (log_line(log, style) for log in logs_of[""])
        yield ""


def log_line(log: ReceivedLog, style: Style) -> str:
    """Give a log as one line: time, level, body, attributes, scope."""
    level = f"{printable(log.severity_text) or '-':<5}"
    color = _LEVEL_COLORS[severity_band(log.severity_number)]
    body = log.body if isinstance(log.body, str) else _text(log.body)
    parts = [f"{clock(_written(log))} {style.paint(color, level)} {printable(body)}"]
    if "exception.type" in log.attributes:
        kind = str(log.attributes["exception.type"]).rpartition(".")[2]
        parts.append(style.paint(_RED, printable(f"{kind}: {log.attributes.get('exception.message', '')}")))
    parts.append(style.paint(_DIM, f"[{printable(log.scope.name)}]"))
    pairs = _pairs(log)
    if pairs:
        parts.append(style.paint(_DIM, pairs))
    return "  ".join(parts)


def clock(nanoseconds: int) -> str:
    """Give the time of day in UTC, ``03:10:00.123``."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{time.strftime('%H:%M:%S', time.gmtime(seconds))}.{rest // 1_000_000:03d}"


class _Trace:
    """One trace: its spans by parent and its logs by span."""

    def __init__(self, trace_id: str, logs: list[ReceivedLog], spans: list[ReceivedSpan], style: Style) -> None:
        self._trace_id = trace_id
        self._logs = logs
        self._spans = spans
        self._style = style
        self._known = {span.span_id for span in spans}
        self._logs_of = _by(logs, lambda log: log.span_id)
        self._children = _by(spans, lambda span: span.parent_span_id if span.parent_span_id in self._known else "")

    def lines(self) -> Iterator[str]:
        resources = [*(span.resource for span in self._spans), *(log.resource for log in self._logs)]
        services = {str(resource.get("service.name", "?")) for resource in resources}
        counts = f"{len(self._spans)} spans, {len(self._logs)} logs"
        head = f"trace {self._trace_id}  service {printable(', '.join(sorted(services)))}  {counts}"
        yield self._style.paint(_BOLD, head)
        for root in self._children[""]:
            yield self._span_line(root)
            yield from self._below(root, "")
        orphans = [log for log in self._logs if log.span_id not in self._known]
        if orphans:
            yield self._style.paint(_RED, "their span has not arrived")
            yield from (log_line(log, self._style) for log in orphans)

    def _below(self, span: ReceivedSpan, indent: str) -> Iterator[str]:
        branch, last_branch, below, below_last = self._style.branches
        items: list[_Item] = [*self._logs_of[span.span_id], *self._children[span.span_id]]
        items.sort(key=_begin)
        for item in items:
            last = item is items[-1]
            lead = indent + (last_branch if last else branch)
            if isinstance(item, ReceivedLog):
                yield lead + log_line(item, self._style)
            else:
                yield lead + self._span_line(item)
                yield from self._below(item, indent + (below_last if last else below))

    def _span_line(self, span: ReceivedSpan) -> str:
        parts = [self._style.paint(_BOLD, printable(span.name))]
        facts = [_KINDS[span.kind]] if span.kind in _KINDS else []
        facts += [f"{(span.end - span.start) / 1e6:.1f} ms", f"span {span.span_id}"]
        parts.append(self._style.paint(_DIM, "  ".join(facts)))
        if span.status_code == _ERROR_STATUS:
            parts.append(self._style.paint(_RED, f"ERROR {printable(span.status_message)}".rstrip()))
        return "  ".join(parts)


def _first(spans: Sequence[ReceivedSpan], logs: Sequence[ReceivedLog]) -> int:
    return min([*map(_begin, spans), *map(_begin, logs)])


def _begin(item: _Item) -> int:
    return _written(item) if isinstance(item, ReceivedLog) else item.start


def _written(log: ReceivedLog) -> int:
    return log.timestamp or log.observed_timestamp


def _pairs(log: ReceivedLog) -> str:
    shown = {key: value for key, value in log.attributes.items() if not key.startswith(_LEFT_OUT)}
    if log.event_name:
        shown = {"event_name": log.event_name, **shown}
    return " ".join(f"{printable(key)}={_text(value)}" for key, value in shown.items())


def _text(value: object) -> str:
    if isinstance(value, str) and value and not set(value) & set(' ="'):
        return printable(value)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    plain = dict(value) if isinstance(value, Mapping) else value
    return printable(json.dumps(plain, ensure_ascii=False, default=str))


def _by(items: Iterable[_T], key: Callable[[_T], str]) -> defaultdict[str, list[_T]]:
    found: defaultdict[str, list[_T]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return found
