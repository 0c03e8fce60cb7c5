from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import (
    InMemoryLogRecordExporter,
    LogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.resources import Resource as SdkResource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TraceFlags, get_current_span, use_span

from fapilog_otel.compat.api import suppression_active
from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.contracts.exporter import exporter_traits
from fapilog_otel.encode.decode import decode_request
from fapilog_otel.errors import ConfigError, PermanentError, PluginError
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope
from fapilog_otel.receiver import OtlpReceiver
from fapilog_otel_exporters._sdk_records import readable_records
from fapilog_otel_exporters.sdk_adapter import SdkExporterAdapter, factory

SHOP = Scope(
    "shop.cart",
    "1.2",
    "https://example.org/scope",
    {"scope.key": "v"},
    resource=Resource({"service.name": "shop"}, "https://example.org/resource"),
)
RECORD = Record(
    timestamp=1_700_000_000_123_456_789,
    observed_timestamp=1_700_000_000_123_456_790,
    severity_number=13,
    severity_text="WARN",
    body={"list": [1, [None, b"\x00"]], "text": "x"},
    attributes={"s": "x", "b": True, "i": 1, "f": 1.5, "y": b"\xff", "n": None, "l": [1, [2, "a"]], "m": {"k": [1]}},
    trace_id=0x4BF92F3577B34DA6A3CE929D0E0E4736,
    span_id=0x00F067AA0BA902B7,
    trace_flags=1,
    event_name="shop.order",
    scope=SHOP,
)

KEYS = st.text(min_size=1, max_size=10)
SCALARS = st.none() | st.booleans() | st.text(max_size=10) | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=10)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
RECORDS = st.builds(
    Record,
    timestamp=st.integers(0, 2**64 - 1),
    observed_timestamp=st.integers(0, 2**64 - 1),
    severity_number=st.integers(0, 24),
    severity_text=st.text(max_size=10),
    body=VALUES,
    attributes=st.dictionaries(KEYS, VALUES, max_size=4),
    dropped_attributes_count=st.integers(0, 2**32 - 1),
    trace_id=st.integers(0, 2**128 - 1),
    span_id=st.integers(0, 2**64 - 1),
    trace_flags=st.integers(0, 255),
    event_name=st.text(max_size=10),
    scope=st.just(SHOP),
)


class ScriptedExporter(LogRecordExporter):
    """An exporter that does what it is told, and notes what is done to it."""

    def __init__(self, outcome: object = LogRecordExportResult.SUCCESS, **arguments: object) -> None:
        self.outcome = outcome
        self.arguments = arguments
        self.batches: list[object] = []
        self.suppressed: list[bool] = []
        self.shutdowns = 0

    def export(self, batch):
        self.batches.append(batch)
        self.suppressed.append(suppression_active())
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def shutdown(self) -> None:
        self.shutdowns += 1

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


class BrokenExporter(ScriptedExporter):
    def __init__(self, **arguments: object) -> None:
        raise RuntimeError(f"cannot reach hunter2 {arguments['headers']}")


def request_of(*records: Record) -> EncodedLogs:
    return EncodedLogs.from_records(records)


async def exported(record: Record):
    exporter = InMemoryLogRecordExporter()
    adapter = SdkExporterAdapter(exporter)
    await adapter.start()
    assert await adapter.export(request_of(record)) == ExportResult()
    (out,) = exporter.get_finished_logs()
    return out


class TestReadableRecords:
    async def test_every_field_arrives(self):
        out = await exported(RECORD)
        log = out.log_record
        assert log.timestamp == RECORD.timestamp
        assert log.observed_timestamp == RECORD.observed_timestamp
        assert log.severity_number is SeverityNumber.WARN
        assert log.severity_text == "WARN"
        assert log.body == RECORD.body
        assert (log.trace_id, log.span_id) == (RECORD.trace_id, RECORD.span_id)
        assert log.trace_flags == TraceFlags(1)
        assert isinstance(log.trace_flags, TraceFlags)
        assert log.event_name == "shop.order"
        assert out.dropped_attributes == 0

    async def test_attributes_keep_their_types_and_lists_are_tuples_as_in_the_sdk(self):
        attributes = (await exported(RECORD)).log_record.attributes
        assert dict(attributes) == {**RECORD.attributes, "l": (1, (2, "a")), "m": {"k": (1,)}}
        kinds = [type(value) for value in attributes.values()]
        assert kinds == [str, bool, int, float, bytes, type(None), tuple, dict]

    async def test_what_is_absent_is_absent_as_in_the_sdk(self):
        log = (await exported(Record(observed_timestamp=5))).log_record
        assert log.timestamp is log.severity_number is log.severity_text is log.body is log.event_name is None
        assert (log.trace_id, log.span_id, log.trace_flags) == (0, 0, TraceFlags(0))
        assert dict(log.attributes) == {}

    async def test_the_span_that_is_current_while_exporting_is_not_the_records(self):
        span = TracerProvider().get_tracer("t").start_span("current")
        with use_span(span):
            log = (await exported(Record(body="no span"))).log_record
        assert (log.trace_id, log.span_id) == (0, 0)

    async def test_the_context_leads_to_the_records_span(self):
        span_context = get_current_span((await exported(RECORD)).log_record.context).get_span_context()
        assert (span_context.trace_id, span_context.span_id) == (RECORD.trace_id, RECORD.span_id)

    async def test_a_trace_id_without_a_span_id_is_kept(self):
        log = (await exported(RECORD.replace(span_id=0))).log_record
        assert (log.trace_id, log.span_id) == (RECORD.trace_id, 0)

    async def test_dropped_attributes_are_told_and_none_is_dropped_again(self, monkeypatch):
        monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "2")
        monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1")
        many = {f"k{n}": "long text" for n in range(120)}
        for dropped in (0, 7):
            out = await exported(Record(attributes=many, dropped_attributes_count=dropped))
            assert out.dropped_attributes == dropped
            assert dict(out.log_record.attributes) == many

    async def test_resource_and_scope_are_built(self):
        out = await exported(RECORD)
        assert dict(out.resource.attributes) == {"service.name": "shop"}
        assert out.resource.schema_url == "https://example.org/resource"
        assert out.instrumentation_scope == InstrumentationScope(
            "shop.cart", "1.2", "https://example.org/scope", {"scope.key": "v"}
        )

    async def test_the_applications_own_resource_and_scope_objects_come_back(self):
        resource = SdkResource({"service.name": "own"})
        scope = InstrumentationScope("own")
        model = Scope("own", resource=Resource({"service.name": "own"}, origin=resource), origin=scope)
        out = await exported(Record(scope=model))
        assert out.resource is resource
        assert out.instrumentation_scope is scope

    def test_records_of_one_scope_share_its_objects(self):
        other = Scope("other", resource=SHOP.resource)
        first, second, third = readable_records([RECORD, RECORD, RECORD.replace(scope=other)])
        assert first.resource is second.resource is third.resource
        assert first.instrumentation_scope is second.instrumentation_scope is not third.instrumentation_scope

    async def test_a_record_can_be_printed_as_json_as_stock_ones_can(self):
        plain = RECORD.replace(body="text", attributes={"k": [1]}, dropped_attributes_count=2)
        assert '"dropped_attributes": 2' in (await exported(plain)).to_json()

    @given(RECORDS)
    def test_the_stock_otlp_encoder_writes_the_same_record(self, record):
        (out,) = decode_request(encode_logs(readable_records([record])).SerializeToString())
        assert out == record

    async def test_a_stock_pipeline_hands_over_the_same(self):
        stock = InMemoryLogRecordExporter()
        provider = LoggerProvider(resource=SdkResource({"service.name": "shop"}), shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(stock))
        context = Context()
        provider.get_logger("shop.cart", "1.2").emit(
            LogRecord(
                timestamp=5,
                observed_timestamp=6,
                context=context,
                severity_number=SeverityNumber.INFO,
                body={"k": [1, None]},
                attributes={"l": [1, 2], "s": "x"},
            )
        )
        (theirs,) = stock.get_finished_logs()
        ours = await exported(
            Record(
                timestamp=5,
                observed_timestamp=6,
                severity_number=9,
                body={"k": [1, None]},
                attributes={"l": [1, 2], "s": "x"},
                scope=Scope("shop.cart", "1.2", resource=Resource({"service.name": "shop"})),
            )
        )
        assert ours.resource == theirs.resource
        assert ours.instrumentation_scope == theirs.instrumentation_scope
        fields = ("timestamp", "observed_timestamp", "severity_number", "severity_text", "body", "event_name")
        for name in (*fields, "trace_id", "span_id", "trace_flags"):
            assert getattr(ours.log_record, name) == getattr(theirs.log_record, name), name
        assert isinstance(theirs.log_record.attributes, BoundedAttributes)
        assert dict(ours.log_record.attributes) == dict(theirs.log_record.attributes)


class TestExport:
    async def test_instrumentation_is_suppressed_meanwhile(self):
        exporter = ScriptedExporter()
        await SdkExporterAdapter(exporter).export(request_of(RECORD))
        assert exporter.suppressed == [True]
        assert not suppression_active()

    async def test_a_failure_is_permanent_for_the_exporter_has_retried(self):
        with pytest.raises(PermanentError, match="ScriptedExporter") as caught:
            await SdkExporterAdapter(ScriptedExporter(LogRecordExportResult.FAILURE)).export(request_of(RECORD))
        assert caught.value.reason == "exporter_failure"

    async def test_no_verdict_is_no_success(self):
        with pytest.raises(PermanentError, match="returned None"):
            await SdkExporterAdapter(ScriptedExporter(None)).export(request_of(RECORD))

    async def test_an_exception_is_permanent_and_its_type_is_named(self):
        exporter = ScriptedExporter(OSError("a\x1b[31mb\nc"))
        with pytest.raises(PermanentError, match="raised OSError: ") as caught:
            await SdkExporterAdapter(exporter).export(request_of(RECORD))
        assert caught.value.reason == "exporter_error"
        assert str(caught.value).isprintable()
        assert not suppression_active()

    async def test_a_keyboard_interrupt_passes(self):
        with pytest.raises(KeyboardInterrupt):
            await SdkExporterAdapter(ScriptedExporter(KeyboardInterrupt())).export(request_of(RECORD))

    async def test_a_stock_exporter_by_name_delivers_to_a_receiver(self):
        with OtlpReceiver() as receiver:
            endpoint = f"{receiver.http_endpoint.rstrip('/').removesuffix('/v1/logs')}/v1/logs"
            adapter = factory.create({"exporter": "otlp_proto_http", "arguments": {"endpoint": endpoint}})
            adapter.validate()
            await adapter.start()
            await adapter.export(request_of(RECORD))
            await adapter.close()
            (log,) = receiver.wait_for_logs(1, 10)
        assert (log.body, log.attributes) == (RECORD.body, RECORD.attributes)
        assert (log.trace_id, log.span_id) == (f"{RECORD.trace_id:032x}", f"{RECORD.span_id:016x}")
        assert (log.severity_number, log.timestamp, log.event_name) == (13, RECORD.timestamp, "shop.order")

    @pytest.mark.parametrize(("given_as", "fork_safe"), [("console", False), (ScriptedExporter, False)])
    def test_it_blocks_and_what_can_be_made_again_is_closed_before_a_fork(self, given_as, fork_safe):
        assert exporter_traits(SdkExporterAdapter(given_as)).blocking
        assert exporter_traits(SdkExporterAdapter(given_as)).fork_safe is fork_safe
        assert exporter_traits(SdkExporterAdapter(ScriptedExporter())).fork_safe


class TestLifecycle:
    async def test_an_instance_is_shut_down_once(self):
        exporter = ScriptedExporter()
        adapter = SdkExporterAdapter(exporter)
        await adapter.start()
        await adapter.close()
        await adapter.close()
        assert exporter.shutdowns == 1

    async def test_an_instance_that_never_started_is_shut_down_too(self):
        exporter = ScriptedExporter()
        await SdkExporterAdapter(exporter).close()
        assert exporter.shutdowns == 1

    async def test_an_instance_cannot_be_started_again(self):
        adapter = SdkExporterAdapter(ScriptedExporter())
        await adapter.start()
        await adapter.close()
        with pytest.raises(ConfigError, match=r"the instance was shut down\. Give a function"):
            await adapter.start()

    async def test_a_class_makes_a_new_exporter_at_each_start(self):
        made: list[ScriptedExporter] = []

        def make(**arguments: object) -> ScriptedExporter:
            made.append(ScriptedExporter(**arguments))
            return made[-1]

        adapter = SdkExporterAdapter(make, {"endpoint": "e"})
        for _ in range(2):
            await adapter.start()
            await adapter.start()
            await adapter.export(request_of(RECORD))
            await adapter.close()
        assert [exporter.arguments for exporter in made] == [{"endpoint": "e"}] * 2
        assert [exporter.shutdowns for exporter in made] == [1, 1]
        assert [len(exporter.batches) for exporter in made] == [1, 1]

    async def test_nothing_is_exported_after_close(self):
        exporter = ScriptedExporter()
        adapter = SdkExporterAdapter(exporter)
        await adapter.close()
        with pytest.raises(PermanentError, match="is shut down") as caught:
            await adapter.export(request_of(RECORD))
        assert caught.value.reason == "shutdown"
        assert exporter.batches == []

    async def test_a_shutdown_that_raises_is_told_and_not_repeated(self):
        class Bad(ScriptedExporter):
            def shutdown(self) -> None:
                super().shutdown()
                raise ValueError("no")

        exporter = Bad()
        adapter = SdkExporterAdapter(exporter)
        with pytest.raises(PermanentError, match=r"shutdown\(\) raised ValueError: no"):
            await adapter.close()
        await adapter.close()
        assert exporter.shutdowns == 1

    async def test_a_maker_that_fails_is_a_plugin_error_without_secrets(self):
        adapter = SdkExporterAdapter(BrokenExporter, {"headers": {"authorization": "Bearer hunter2"}})
        with pytest.raises(PluginError, match=r"BrokenExporter.*RuntimeError") as caught:
            await adapter.start()
        assert "hunter2" not in str(caught.value)


class TestValidate:
    def test_an_unknown_name_is_answered_with_the_near_one(self):
        with pytest.raises(PluginError, match="Did you mean 'otlp_proto_http'"):
            SdkExporterAdapter("otlp_proto_htpp").validate()

    def test_a_name_like_no_other_is_answered_with_the_known_ones(self):
        with pytest.raises(PluginError, match=r"Known: .*console.*otlp_proto_grpc"):
            SdkExporterAdapter("zzz").validate()

    @pytest.mark.parametrize("given_as", [5, object(), {"endpoint": "x"}])
    def test_what_is_no_exporter_is_refused(self, given_as):
        with pytest.raises(ConfigError, match="it cannot export"):
            SdkExporterAdapter(given_as).validate()

    def test_arguments_for_an_instance_are_refused(self):
        with pytest.raises(ConfigError, match="the exporter is made already") as caught:
            SdkExporterAdapter(ScriptedExporter(), {"headers": "hunter2"}).validate()
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize(
        "given_as", ["console", ScriptedExporter, ScriptedExporter()], ids=["name", "class", "made"]
    )
    def test_every_form_is_taken_through_the_factory(self, given_as):
        factory.create({"exporter": given_as}).validate()

    @pytest.mark.parametrize("settings", [{}, {"exporter": ""}, {"exporter": None}])
    def test_an_exporter_is_needed(self, settings):
        with pytest.raises(ConfigError, match="exporter"):
            factory.create(settings)

    def test_the_repr_names_the_exporter_and_hides_its_arguments(self):
        assert (
            repr(SdkExporterAdapter(ScriptedExporter, {"headers": "hunter2"})) == "SdkExporterAdapter(ScriptedExporter)"
        )
