from __future__ import annotations

import subprocess
import sys

from opentelemetry import context as otel_context
from opentelemetry.context import attach, detach, set_value
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from fapilog_otel.compat import api
from tests.contract.faces_support import run_python


class TestSpanContextIds:
    def test_of_a_context_given(self) -> None:
        span = NonRecordingSpan(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1)))
        assert api.span_context_ids(set_span_in_context(span)) == (1, 2, 1)

    def test_zeros_where_there_is_no_valid_span(self) -> None:
        assert api.span_context_ids(None) == (0, 0, 0)
        assert api.span_context_ids(set_span_in_context(INVALID_SPAN)) == (0, 0, 0)


class TestRuntimeContextVar:
    def test_it_holds_the_current_context(self) -> None:
        variable = api.runtime_context_var()
        assert variable is not None
        token = attach(set_value("key", "value"))
        try:
            assert variable.get() is otel_context.get_current()
        finally:
            detach(token)

    def test_another_runtime_context_gives_none_and_logs_still_find_their_span(self) -> None:
        found = run_python("""
            import json
            from opentelemetry import context
            class Other(type(context._RUNTIME_CONTEXT)):
                pass
            context._RUNTIME_CONTEXT = Other()
            import fapilog_otel as fo
            from fapilog_otel.compat import api
            from fapilog_otel_exporters.memory import MemoryExporter
            from opentelemetry.sdk.trace import TracerProvider
            memory = MemoryExporter()
            provider = fo.LoggerProvider(settings=fo.Settings(exporters={"memory": memory}))
            with TracerProvider().get_tracer("t").start_as_current_span("s") as span:
                provider.get_logger("x").emit(body="x")
            provider.shutdown()
            print(json.dumps([api.runtime_context_var() is None,
                              memory.records[0].span_id == span.get_span_context().span_id]))
            """)
        assert found == [True, True]


class TestSuppression:
    def test_the_apis_key_is_read(self) -> None:
        assert not api.suppression_active()
        token = attach(set_value(otel_context._SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            assert api.suppression_active()
        finally:
            detach(token)


class TestImports:
    def test_the_api_loads_no_sdk(self) -> None:
        code = "import sys, fapilog_otel.compat.api; sys.exit('opentelemetry.sdk' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0

    def test_a_global_provider_is_not_made_by_asking(self) -> None:
        assert run_python("""
            import json
            from fapilog_otel.compat import api
            from opentelemetry._logs import _internal
            print(json.dumps(api.current_logger_provider() is None and _internal._LOGGER_PROVIDER is None))
            """, OTEL_PYTHON_LOGGER_PROVIDER="fapilog_otel")  # fmt: skip
