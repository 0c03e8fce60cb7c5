"""The demo's parts: the tree that it prints and the comparison that its exit code comes from."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from fapilog_otel.cli.demo_shop.journal import Entry
from fapilog_otel.cli.demo_shop.tree import Style, log_line, trace_lines
from fapilog_otel.cli.demo_shop.verdict import account_problems, compare, leak_problems
from fapilog_otel.receiver import ReceivedLog, ReceivedScope, ReceivedSpan
from fapilog_otel.telemetry.accounting import DestinationStats

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
CHILD = "53995c3f42cd8ad8"


def log(
    body: str = "hello", *, span_id: str = SPAN, trace_id: str = TRACE, timestamp: int = 2_000_000, **more: object
) -> ReceivedLog:
    fields: dict[str, object] = {
        "severity_text": "INFO",
        "severity_number": 9,
        "scope": ReceivedScope("shop.web"),
        "resource": {"service.name": "shop"},
        **more,
    }
    return ReceivedLog(body=body, span_id=span_id, trace_id=trace_id, timestamp=timestamp, **fields)  # type: ignore[arg-type]


def span(name: str = "work", span_id: str = SPAN, parent: str = "", start: int = 1_000_000) -> ReceivedSpan:
    return ReceivedSpan(
        name=name,
        trace_id=TRACE,
        span_id=span_id,
        parent_span_id=parent,
        start=start,
        end=start + 4_200_000,
        resource={"service.name": "shop"},
    )


def entry(body: str = "hello", span_id: str = SPAN) -> Entry:
    return Entry(TRACE, span_id, "INFO", body)


class TestCompare:
    def test_equal_is_well(self) -> None:
        verdict = compare([entry(), entry()], [log(), log()], [span()])
        assert (verdict.written, verdict.matched, verdict.problems) == (2, 2, ())

    def test_nothing_written_and_nothing_arrived_matches_nothing(self) -> None:
        assert compare([], [], []).matched == 0

    def test_a_log_twice_is_not_well(self) -> None:
        assert compare([entry()], [log(), log()], [span()]).problems == (
            "1 logs arrived that the shop did not write so: INFO 'hello'",
        )

    def test_only_the_first_few_are_named(self) -> None:
        (problem,) = compare([entry(str(number)) for number in range(9)], [], [span()]).problems
        assert problem == "9 logs did not arrive as written: INFO '0', INFO '1', INFO '2', …"

    def test_a_secret_is_counted_and_not_shown(self) -> None:
        (problem,) = leak_problems(["s3cret"], [log("the s3cret"), log()])
        assert problem.startswith("1 logs hold")
        assert "s3cret" not in problem


class TestAccountProblems:
    def account(self, delivered: int, failed: int, submitted: int = 3) -> DestinationStats:
        return DestinationStats(
            "receiver", submitted, delivered, 0, 0, failed, 0, failed_by_reason={"http_400": failed}
        )

    def test_all_delivered_is_well(self) -> None:
        assert account_problems(self.account(3, 0), 3) == ()

    def test_the_reason_is_told(self) -> None:
        assert account_problems(self.account(1, 2), 3) == ("1 of 3 logs were acknowledged by receiver (http_400 2)",)

    def test_an_account_that_is_not_even_is_told(self) -> None:
        problems = account_problems(self.account(3, 1), 3)
        assert problems == ("the account of receiver does not balance",)

    def test_logs_that_were_never_submitted_are_told(self) -> None:
        assert account_problems(self.account(3, 0), 4)[0] == "3 logs were submitted to receiver, 4 were written"


class TestTree:
    def lines(self, logs: list[ReceivedLog], spans: list[ReceivedSpan]) -> list[str]:
        return list(trace_lines(logs, spans, Style(color=False)))

    def test_logs_and_spans_stand_under_their_parent_in_order_of_time(self) -> None:
        spans = [span("child", CHILD, SPAN, 3_000_000), span("root", start=1_000_000)]
        logs = [log("after", timestamp=9_000_000), log("within", span_id=CHILD, timestamp=4_000_000), log("before")]
        head, *body = self.lines(logs, spans)
        assert head == f"trace {TRACE}  service shop  2 spans, 3 logs"
        assert [re.sub(r"\d\d:\d\d:\d\d\.\d{3} ", "", line) for line in body] == [
            f"root  4.2 ms  span {SPAN}",
            "├─ INFO  before  [shop.web]",
            f"├─ child  4.2 ms  span {CHILD}",
            "│  └─ INFO  within  [shop.web]",
            "└─ INFO  after  [shop.web]",
            "",
        ]

    def test_a_span_whose_parent_is_elsewhere_is_a_root(self) -> None:
        assert self.lines([], [span("work", parent=CHILD)])[1].startswith("work  ")

    def test_a_log_without_a_trace_is_shown_apart(self) -> None:
        assert self.lines([log(trace_id="", span_id="")], [])[0] == "outside any trace"

    def test_earlier_traces_come_first(self) -> None:
        other = replace(span("later", start=9_000_000), trace_id="f" * 32)
        text = "\n".join(self.lines([], [other, span("earlier")]))
        assert text.index("earlier") < text.index("later")

    def test_control_characters_are_escaped_wherever_they_come_from(self) -> None:
        evil = "a\x1b[2J\r\nb\u202e"
        found = log(
            evil,
            attributes={evil: evil, "exception.type": evil, "exception.message": evil, "list": [evil]},
            severity_text=evil,
            event_name=evil,
            scope=ReceivedScope(evil),
            resource={"service.name": evil},
        )
        lines = self.lines([found], [replace(span(evil), status_code=2, status_message=evil)])
        assert all(line.isprintable() for line in lines)
        assert len(lines) == 4

    def test_colour_is_used_only_when_asked_for(self) -> None:
        found = log(severity_text="ERROR", severity_number=17)
        assert "\x1b[31mERROR\x1b[0m" in log_line(found, Style(color=True))
        assert "\x1b" not in log_line(found, Style(color=False))

    def test_where_the_program_lies_is_left_out(self) -> None:
        line = log_line(log(attributes={"code.file.path": "/home/me/app.py", "total": 3}), Style())
        assert line.endswith("[shop.web]  total=3")

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("plain", "plain"),
            ("two words", '"two words"'),
            ("", '""'),
            (b"\x00\x01", "<2 bytes>"),
            ({"a": [1]}, '{"a": [1]}'),
        ],
    )
    def test_values_are_shown_so_that_they_can_be_told_apart(self, value: object, shown: str) -> None:
        assert log_line(log(attributes={"key": value}), Style()).endswith(f"key={shown}")
