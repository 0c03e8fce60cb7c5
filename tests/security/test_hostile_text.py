"""Text made to forge lines, drive a terminal or hide itself, through everything that people read."""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

import fapilog_otel as fo
from fapilog_otel.cli.outcome import printable
from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from fapilog_otel.telemetry.diagnostics import Diagnostics
from fapilog_otel_exporters.console import ConsoleExporter
from fapilog_otel_exporters.stdout_json import StdoutJsonExporter

HOSTILE = {
    "forged line": "ok\nINFO  root  all is well",
    "carriage return": "ok\rINFO  root  all is well",
    "next line": "ok\x85INFO",
    "line separator": "ok\u2028INFO\u2029INFO",
    "vertical": "ok\x0b\x0cINFO",
    "colour": "\x1b[31mred\x1b[0m",
    "clear screen": "\x1b[2J\x1b[H",
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "device control": "\x1bPq\x1b\\",
    "one byte introducer": "\x9b31m\x9d0;x\x9c",
    "backspaces": "secret\x08\x08\x08\x08\x08\x08",
    "delete": "a\x7f",
    "null": "a\x00b",
    "right-to-left override": "\u202eexe.gpj",
    "embedding and isolate": "\u202a\u202b\u202c\u202d\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
    "lone surrogates": "\udfff\ud800",
}
ALLOWED = {"\n"}
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def dangerous(text: str, allowed: set[str] = ALLOWED) -> set[str]:
    """Give the characters of a text that a terminal would act on, or that reorder it."""
    marks = {"\u200e", "\u200f", "\u061c", "\u2028", "\u2029"}
    return {
        char
        for char in text
        if char not in allowed
        and (unicodedata.category(char) in ("Cc", "Cs") or unicodedata.bidirectional(char) in BIDI or char in marks)
    }


@pytest.mark.parametrize("kind", HOSTILE)
class TestOutputs:
    def log(self, configure: Callable[..., fo.Handle], exporter: Any, text: str) -> str:
        stream = io.StringIO()
        resource = {"hostile": text, f"k {text}": [text]}
        handle = configure(exporters={"out": exporter(stream=stream)}, resource=resource, sources=[])
        log: Any = fo.get_logger(f"shop {text}")
        log.info(text, **{text: text, "nested": {text: [text, {text: text}]}})
        try:
            raise ValueError(text)
        except ValueError:
            log.exception(text)
        assert handle.shutdown(5)
        return stream.getvalue()

    def test_the_console_shows_two_lines_and_a_stack(self, configure: Callable[..., fo.Handle], kind: str) -> None:
        written = self.log(configure, ConsoleExporter, HOSTILE[kind])
        assert dangerous(written) == set()
        first, second, *stack = written.rstrip("\n").split("\n")
        assert first
        assert second
        assert stack
        assert all(line.startswith(" ") for line in stack)

    def test_stdout_json_is_two_lines_of_json(self, configure: Callable[..., fo.Handle], kind: str) -> None:
        written = self.log(configure, StdoutJsonExporter, HOSTILE[kind])
        assert dangerous(written) & {chr(code) for code in (*range(0x20), *range(0xD800, 0xE000))} == set()
        lines = written.split("\n")
        assert lines[-1] == ""
        assert len(lines) == 3
        for line in lines[:-1]:
            assert (
                json.loads(line)["message"].replace("\ufffd", "?") == HOSTILE[kind].encode("utf-8", "replace").decode()
            )

    def test_diagnostics_are_one_line(self, kind: str) -> None:
        stream = io.StringIO()
        diagnostics = Diagnostics(lambda: stream)
        diagnostics.report("kind", f"event {HOSTILE[kind]}", cause=HOSTILE[kind])
        diagnostics.flush()
        assert dangerous(stream.getvalue()) == set()
        assert stream.getvalue().count("\n") == 1

    def test_what_a_server_says_is_one_line_too(
        self, configure: Callable[..., fo.Handle], kind: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        body = HOSTILE[kind].encode("utf-8", "surrogatepass")
        with OtlpReceiver(script=Script(then=Reply(status=400, accept=False, body=body))) as receiver:
            handle = configure(endpoint=receiver.http_endpoint, sources=[])
            fo.get_logger("shop").info("order")
            handle.shutdown(3)
        said = capfd.readouterr().err
        assert "HTTP 400" in said
        assert dangerous(said) == set()
        assert all(line.startswith("fapilog_otel ") for line in said.splitlines())

    def test_the_command_prints_it_escaped(self, kind: str) -> None:
        assert dangerous(printable(HOSTILE[kind]), set()) == set()


class TestLimits:
    def test_of_record_attributes_depth_and_nodes_hold_for_hostile_sizes(
        self, configure: Callable[..., fo.Handle]
    ) -> None:
        with OtlpReceiver(keep_bodies=True) as receiver:
            handle = configure(endpoint=receiver.http_endpoint, sources=[], shutdown_timeout=20)
            log: Any = fo.get_logger("shop")
            log.info("x" * 5_000_000)
            log.info("many", **{f"k{number}": number for number in range(5_000)})
            deep: Any = "deep"
            for _ in range(5_000):
                deep = {"k": [deep]}
            log.info("deep", deep=deep)
            log.info("wide", wide=[[number] for number in range(500_000)])
            log.info("large", **{f"k{number}": "x" * 100_000 for number in range(100)})
            assert handle.shutdown()
            records = {str(log.body)[:5]: log for log in receiver.logs}
            largest = max(request.size for request in receiver.requests)
        assert len(records) == 5
        assert largest < 300 << 10  # one record of at most 256 KiB a request, and its envelope
        assert len(records["many"].attributes) == 128
        assert records["many"].dropped_attributes_count == 5_000 - 128
        assert depth_of(records["deep"].attributes["deep"]) <= 16
        assert len(str(records["wide"].attributes["wide"])) < 100_000


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0
