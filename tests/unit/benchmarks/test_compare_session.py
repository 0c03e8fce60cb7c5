"""The comparison around a run: groups, what is left out, real receivers' files, the plot."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks.compare import cli, environments, plot, report
from benchmarks.compare.environments import Needs, UnavailableError, interpreter
from benchmarks.compare.groups import GROUPS, VARIANTS
from benchmarks.compare.real_receivers import RecordingCollector
from benchmarks.compare.session import Run, Session
from benchmarks.compare.variants import Group, Variant
from benchmarks.compare.verdict import Expected, examine
from tests.unit.benchmarks.test_compare_verdict import EXPECTED, request, written

SDK = Variant("sdk", "the SDK", "sdk", "api", 100)
OURS = Variant("ours", "our logger", "ours", "own", 100)


def run(variant: Variant, *, seconds: float, lost: int = 0, faults: tuple[str, ...] = ()) -> Run:
    return Run(variant, 100, lost, seconds, seconds, seconds / 2, 10.0, 1, 200.0, faults)


class TestGroups:
    def test_begin_with_the_sdk_or_a_library_over_it(self) -> None:
        assert {group.peer.library for group in GROUPS} == {"sdk", "structlog", "loguru"}

    def test_have_one_variant_a_key(self) -> None:
        for group in GROUPS:
            assert all(VARIANTS[variant.key] == variant for variant in group.variants)

    def test_show_the_default_stages_beside_every_row_without_any(self) -> None:
        for group in GROUPS:
            keys = {variant.key for variant in group.variants}
            assert {variant.key.replace("-bare", "") for variant in group.variants if not variant.stages} <= keys

    def test_are_cut_down_to_what_is_asked_for_and_its_peer(self) -> None:
        kept = cli._chosen(["grpc"], everything=False)
        assert [[variant.key for variant in group.variants] for group in kept] == [["stock-grpc", "grpc"]]
        assert cli._measurements(["grpc", "latency"], everything=False) == ["latency"]
        assert cli._measurements(None, everything=False) == []


class TestReport:
    def test_divides_the_rows_rate_by_the_sdks(self) -> None:
        session = Session({"sdk": [run(SDK, seconds=2.0)], "ours": [run(OURS, seconds=0.5)]})
        ((_, (_, ours)),) = report.rows([Group("one", (SDK, OURS))], session)
        assert (ours["ratio"], ours["cpu_ratio"]) == (4.0, 4.0)

    def test_counts_a_lost_record_neither_as_delivered_nor_as_speed(self) -> None:
        session = Session({"sdk": [run(SDK, seconds=1.0)], "ours": [run(OURS, seconds=1.0, lost=50)]})
        ((_, (_, ours)),) = report.rows([Group("one", (SDK, OURS))], session)
        assert (ours["delivered"], ours["lost"], ours["ratio"]) == (50, 50, 0.5)

    @pytest.mark.parametrize(("present", "missing"), [(SDK, OURS), (OURS, SDK)], ids=["a-row", "the-peer"])
    def test_gives_the_reason_where_a_row_was_left_out(self, present: Variant, missing: Variant) -> None:
        session = Session({present.key: [run(present, seconds=1.0)]}, {missing.key: "no such thing"})
        ((_, lines),) = report.rows([Group("one", (SDK, OURS))], session)
        assert "our logger: left out, no such thing" in report.table(lines)

    def test_a_fault_of_a_row_in_two_groups_is_told_once(self) -> None:
        lines = [{"key": "sdk", "faults": ["lost"]}]
        assert cli._faults({"groups": [("a", lines), ("b", lines)], "measurements": []}) == ["sdk: lost"]


class TestInterpreter:
    def test_is_this_one_for_ours_and_the_sdk(self) -> None:
        assert interpreter(OURS) == interpreter(SDK)

    def test_is_refused_with_a_reason_that_is_not_sought_twice(self, monkeypatch, tmp_path: Path) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        needs = Needs("no_such_module", ("./no-such-folder",))
        monkeypatch.setitem(environments.PEERS, "loguru", needs)
        variant = Variant("loguru", "loguru", "loguru", "own", 1)
        with pytest.raises(UnavailableError, match="cannot be installed"):
            interpreter(variant)
        monkeypatch.setattr(environments.subprocess, "run", None)
        with pytest.raises(UnavailableError, match="cannot be installed"):
            interpreter(variant)

    def test_is_refused_for_a_setting_that_this_version_lacks(self, monkeypatch) -> None:
        monkeypatch.setattr(environments, "has_setting", lambda name: False)
        with pytest.raises(UnavailableError, match="fast_stdlib"):
            interpreter(Variant("fast", "fast", "ours", "stdlib", 1, fast=True))
        interpreter(Variant("plain", "plain", "ours", "stdlib", 1, fast=False))


class TestRecordingCollector:
    def test_reads_messages_whose_fields_are_in_any_order(self, tmp_path: Path) -> None:
        usual = request([written(0)])
        # The body of the record, field 5, first: as good a message.
        fields = written(0)
        fields.ClearField("body")
        reordered = b"\x2a" + bytes([len(body := written(0).body.SerializeToString())]) + body
        inner = reordered + fields.SerializeToString()
        scope = b"\x12" + _length(inner) + inner
        resource = b"\x12" + _length(scope) + scope
        other = b"\x0a" + _length(resource) + resource
        assert other != usual
        collector = RecordingCollector()
        collector._file = tmp_path / "logs"
        collector._file.write_bytes(b"".join(len(one).to_bytes(4, "big") + one for one in (usual, other)))
        assert list(collector.bodies()) == [usual, usual]


class TestSpans:
    def span(self) -> Span:
        attributes = list(written(0).attributes)
        span = Span(
            trace_id=EXPECTED.trace_id, span_id=bytes(8), parent_span_id=EXPECTED.span_id, start_time_unix_nano=1
        )
        span.attributes.extend(attributes)
        for key, value in (("logfire.msg", written(0).body), ("logfire.level_num", None)):
            pair = span.attributes.add(key=key)
            if value is None:
                pair.value.int_value = 9
            else:
                pair.value.CopyFrom(value)
        return span

    def verdict(self, *spans: Span) -> list[str]:
        message = ExportTraceServiceRequest()
        message.resource_spans.add().scope_spans.add().spans.extend(spans)
        expected = Expected(EXPECTED.trace_id, EXPECTED.span_id, "traces")
        found = examine([message.SerializeToString()], expected)
        assert found.records == len(spans)
        return found.faults

    def test_that_are_right_are_accepted(self) -> None:
        assert self.verdict(self.span(), self.span()) == []

    @pytest.mark.parametrize("field", ["trace_id", "parent_span_id", "start_time_unix_nano", "attributes"])
    def test_that_lack_something_are_not(self, field: str) -> None:
        broken = self.span()
        broken.ClearField(field)
        assert self.verdict(broken, self.span()) != []


class TestPlot:
    def points(self) -> list[dict[str, object]]:
        return [
            {"sweep": sweep, "label": str(x), "x": x, "ours": {"rate": 900_000.0 / x}, "sdk": {"rate": 20_000.0 / x}}
            for sweep in ("threads", "size", "attributes", "destinations", "hard")
            for x in (1, 2, 4)
        ]

    def test_draws_a_curve_a_side_in_each_panel(self) -> None:
        root = ET.fromstring(plot.draw(self.points()))
        assert sum(one.tag.endswith("polyline") for one in root.iter()) == 2 * 4
        assert sum(one.tag.endswith("circle") for one in root.iter()) == 2 * 4 * 3

    def test_scale_is_logarithmic(self) -> None:
        scale = plot.Scale(10, 1_000, 0, 200)
        assert [round(scale.at(value)) for value in (10, 100, 1_000)] == [0, 100, 200]


def _length(message: bytes) -> bytes:
    low, high = len(message) & 0x7F, len(message) >> 7
    return bytes([low | 0x80, high]) if high else bytes([low])
