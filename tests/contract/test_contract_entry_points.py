"""OpenTelemetry finds our classes by their entry points, and the global provider keeps its rules."""

from __future__ import annotations

from fapilog_otel.receiver import OtlpReceiver
from tests.contract.faces_support import run_python


class TestEntryPoints:
    def test_they_load_real_subclasses(self) -> None:
        found = run_python("""
            import json
            from importlib.metadata import entry_points
            import fapilog_otel as fo
            from opentelemetry import _logs
            from opentelemetry.sdk._logs.export import LogRecordExporter

            (provider,) = entry_points(group="opentelemetry_logger_provider", name="fapilog_otel")
            (exporter,) = entry_points(group="opentelemetry_logs_exporter", name="fapilog_otlp")
            print(json.dumps([provider.load() is fo.LoggerProvider, issubclass(fo.LoggerProvider, _logs.LoggerProvider),
                              exporter.load() is fo.FapilogLogRecordExporter,
                              issubclass(fo.FapilogLogRecordExporter, LogRecordExporter)]))
            """)
        assert found == [True, True, True, True]

    def test_the_variable_makes_ours_the_global_provider(self, receiver: OtlpReceiver) -> None:
        found = run_python(
            """
            import json
            from opentelemetry import _logs
            logger = _logs.get_logger("shop", "1")
            logger.emit(body="x", attributes={"k": 1})
            print(json.dumps(type(_logs.get_logger_provider()).__module__))
            """,
            OTEL_PYTHON_LOGGER_PROVIDER="fapilog_otel",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.http_endpoint,
            OTEL_SERVICE_NAME="shop",
        )
        assert found == "fapilog_otel.provider.provider"
        (log,) = receiver.logs
        assert (log.body, log.scope.name, log.attributes) == ("x", "shop", {"k": 1})
        assert log.resource["service.name"] == "shop"

    def test_the_sdks_own_start_up_takes_our_exporter(self, receiver: OtlpReceiver) -> None:
        run_python(
            """
            import json, logging
            from opentelemetry import _logs
            from opentelemetry.sdk._configuration import _OTelSDKConfigurator
            _OTelSDKConfigurator().configure()
            _logs.get_logger("shop").emit(body="x")
            print(json.dumps(_logs.get_logger_provider().force_flush()))
            """,
            OTEL_LOGS_EXPORTER="fapilog_otlp",
            OTEL_TRACES_EXPORTER="none",
            OTEL_METRICS_EXPORTER="none",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.http_endpoint,
        )
        assert [log.body for log in receiver.logs] == ["x"]
        assert receiver.requests[0].headers["user-agent"].startswith("fapilog-otel/")

    def test_our_provider_may_be_set_by_hand(self, receiver: OtlpReceiver) -> None:
        run_python(
            """
            import json
            import fapilog_otel as fo
            from opentelemetry import _logs
            early = _logs.get_logger("early")
            _logs.set_logger_provider(fo.LoggerProvider())
            early.emit(body="x")
            print(json.dumps(_logs.get_logger_provider().force_flush()))
            """,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.http_endpoint,
        )
        assert [log.body for log in receiver.logs] == ["x"]


class TestTheGlobalProvider:
    def test_configure_makes_ours_global_and_loggers_from_before_deliver(self, receiver: OtlpReceiver) -> None:
        found = run_python(
            """
            import json, sys
            import fapilog_otel as fo
            from opentelemetry import _logs
            early, own = _logs.get_logger("early"), fo.get_logger("own")
            early.emit(body="lost"); own.info("lost")
            handle = fo.configure(sources=[])
            early.emit(body="early"); own.info("own"); own.debug("below the default level")
            print(json.dumps([isinstance(_logs.get_logger_provider(), fo.LoggerProvider), handle.flush(5)]))
            """,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.http_endpoint,
        )
        assert found == [True, True]
        assert sorted(str(log.body) for log in receiver.logs) == ["early", "own"]

    def test_it_stays_while_the_backend_behind_it_changes(self) -> None:
        found = run_python(
            """
            import json
            import fapilog_otel as fo
            from fapilog_otel.receiver import OtlpReceiver
            from opentelemetry import _logs
            with OtlpReceiver() as first, OtlpReceiver() as second:
                with fo.configure(endpoint=first.http_endpoint, sources=[]):
                    cached = _logs.get_logger("cached"); cached.emit(body="one")
                    own = fo.get_logger("own").bind(k=1); own.info("two")
                between = _logs.get_logger("between"); between.emit(body="nowhere"); cached.emit(body="nowhere")
                with fo.configure(endpoint=second.http_endpoint, sources=[], service_name="again") as handle:
                    cached.emit(body="three"); own.info("four"); between.emit(body="five")
                    assert handle.flush(5)
                    stats = handle.stats()
                print(json.dumps({"first": sorted(log.body for log in first.logs),
                                  "second": sorted(log.body for log in second.logs),
                                  "names": sorted({log.resource["service.name"] for log in second.logs}),
                                  "submitted": stats.submitted}))
            """
        )
        assert found["first"] == ["one", "two"]
        assert found["second"] == ["five", "four", "three"]
        assert (found["names"], found["submitted"]) == (["again"], 3)

    def test_where_another_is_set_ours_is_attached_to_it_once(self, receiver: OtlpReceiver) -> None:
        found = run_python(
            """
            import json
            import fapilog_otel as fo
            from opentelemetry import _logs
            from opentelemetry.sdk._logs import LoggerProvider
            from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
            theirs, kept = LoggerProvider(), InMemoryLogRecordExporter()
            theirs.add_log_record_processor(SimpleLogRecordProcessor(kept))
            _logs.set_logger_provider(theirs)
            for body in ("first", "second"):
                with fo.configure(sources=[]) as handle:
                    _logs.get_logger("shop").emit(body=body)
                    assert theirs.force_flush()
            _logs.get_logger("shop").emit(body="after")
            print(json.dumps([_logs.get_logger_provider() is theirs, len(kept.get_finished_logs())]))
            """,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.http_endpoint,
        )
        assert found == [True, 3]
        assert [log.body for log in receiver.logs] == ["first", "second"]

    def test_where_it_is_one_of_ours_nothing_is_delivered_twice(self, receiver: OtlpReceiver) -> None:
        run_python(
            """
            import json
            import fapilog_otel as fo
            from opentelemetry import _logs
            before = _logs.get_logger_provider()
            with fo.configure(sources=[]):
                _logs.get_logger("shop").emit(body="x")
                fo.get_logger("own").info("y")
            print(json.dumps(before.shutdown()))
            """,
            OTEL_PYTHON_LOGGER_PROVIDER="fapilog_otel",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.http_endpoint,
        )
        assert sorted(str(log.body) for log in receiver.logs) == ["x", "y"]

    def test_disabled_nothing_becomes_global(self, receiver: OtlpReceiver) -> None:
        found = run_python(
            """
            import json, logging
            import fapilog_otel as fo
            from opentelemetry import _logs
            handle = fo.configure()
            fo.get_logger("own").error("x"); logging.getLogger("a").error("x")
            print(json.dumps([isinstance(_logs.get_logger_provider(), fo.LoggerProvider), handle.flush(),
                              handle.shutdown(), handle.stats().submitted]))
            """,
            OTEL_SDK_DISABLED="true",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.http_endpoint,
        )
        assert found == [False, True, True, 0]
        assert receiver.requests == []
