"""The provider's own contract: resource, flush, shutdown, being disabled, limits, forks, letting go of memory."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from typing import Any

import pytest
from opentelemetry._logs import NoOpLogger
from opentelemetry.sdk.resources import Resource

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError
from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from fapilog_otel_exporters.memory import MemoryExporter
from tests.contract.faces_support import Closing, KeepingExporter, delivered, run_python


class TestResource:
    def test_it_is_the_very_object_given(self, memory: MemoryExporter, closing: Closing) -> None:
        resource = Resource({"service.name": "shop", "n": 1}, "https://schema")
        provider = closing(fo.LoggerProvider(resource, settings=fo.Settings(exporters={"memory": memory})))
        assert provider.resource is resource
        provider.get_logger("a").emit(body="x")
        sent = delivered(provider, memory)[0].scope.resource
        assert (dict(sent.attributes), sent.schema_url) == ({"service.name": "shop", "n": 1}, "https://schema")

    def test_secrets_in_it_and_in_scopes_are_redacted_and_the_object_is_left_alone(
        self, memory: MemoryExporter, closing: Closing
    ) -> None:
        resource = Resource({"db.password": "hunter2", "url": "postgres://u:hunter2@h/d"})
        keeping = KeepingExporter()
        exporters = {"memory": memory, "sdk": {"type": "sdk_adapter", "exporter": keeping}}
        provider = closing(fo.LoggerProvider(resource, settings=fo.Settings(exporters=exporters)))
        logger = provider.get_logger("a", attributes={"api_key": "hunter2", "dsn": "postgres://u:hunter2@h/d", "n": 1})
        logger.emit(body="x")
        scope = delivered(provider, memory)[0].scope
        assert dict(scope.attributes) == {"api_key": "***", "dsn": "postgres://u:***@h/d", "n": 1}
        assert dict(scope.resource.attributes) == {"db.password": "***", "url": "postgres://u:***@h/d"}
        (shown,) = keeping.records
        assert "hunter2" not in repr((dict(shown.resource.attributes), dict(shown.instrumentation_scope.attributes)))
        assert provider.resource is resource
        assert resource.attributes["db.password"] == "hunter2"

    def test_redaction_that_is_off_leaves_it_as_it_is(self, memory: MemoryExporter, closing: Closing) -> None:
        settings = fo.Settings(
            exporters={"memory": memory}, redaction={"enabled": False}, resource={"db.password": "x"}
        )
        provider = closing(fo.LoggerProvider(settings=settings))
        provider.get_logger("a").emit(body="x")
        assert delivered(provider, memory)[0].scope.resource.attributes["db.password"] == "x"

    def test_it_is_detected_where_none_is_given(
        self, memory: MemoryExporter, closing: Closing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=a,service.name=env")
        provider = closing(fo.LoggerProvider(settings=fo.Settings(exporters={"memory": memory}, service_name="shop")))
        assert isinstance(provider.resource, Resource)
        attributes = provider.resource.attributes
        assert (attributes["team"], attributes["service.name"]) == ("a", "shop")
        assert attributes["process.pid"] == os.getpid()
        assert attributes["telemetry.sdk.name"] == "opentelemetry"


class TestDisabled:
    def test_the_variable_gives_loggers_that_do_nothing(
        self, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch, closing: Closing
    ) -> None:
        monkeypatch.setenv("OTEL_SDK_DISABLED", "True")
        provider = closing(fo.LoggerProvider(settings=fo.Settings(endpoint=receiver.http_endpoint)))
        logger = provider.get_logger("shop", "1", attributes={"a": 1})
        logger.emit(body="x")
        assert isinstance(logger, NoOpLogger)
        assert not logger.enabled()
        assert isinstance(provider.resource, Resource)
        assert provider.force_flush()
        assert provider.shutdown()
        assert receiver.requests == []


class TestFlush:
    def test_true_means_that_the_receiver_has_it(self, receiver: OtlpReceiver, closing: Closing) -> None:
        provider = closing(fo.LoggerProvider(settings=fo.Settings(endpoint=receiver.http_endpoint)))
        provider.get_logger("shop").emit(body="x")
        assert provider.force_flush(timeout_millis=5_000) is True
        assert [log.body for log in receiver.logs] == ["x"]

    def test_false_after_a_refusal(self, receiver: OtlpReceiver, closing: Closing) -> None:
        receiver.script = Script(then=Reply(status=400))
        provider = closing(fo.LoggerProvider(settings=fo.Settings(endpoint=receiver.http_endpoint)))
        provider.get_logger("shop").emit(body="x")
        assert provider.force_flush(5_000) is False

    def test_it_ends_with_its_timeout_where_nobody_answers(self, receiver: OtlpReceiver, closing: Closing) -> None:
        receiver.script = Script(then=Reply(delay=30))
        settings = fo.Settings(endpoint=receiver.http_endpoint, shutdown_timeout=0.2)
        provider = closing(fo.LoggerProvider(settings=settings))
        provider.get_logger("shop").emit(body="x")
        started = time.monotonic()
        assert provider.force_flush(300) is False
        assert 0.25 < time.monotonic() - started < 1.5

    def test_its_default_comes_from_the_environment(
        self, receiver: OtlpReceiver, closing: Closing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_BLRP_EXPORT_TIMEOUT", "250")
        receiver.script = Script(then=Reply(delay=30))
        settings = fo.Settings(endpoint=receiver.http_endpoint, shutdown_timeout=0.2)
        provider = closing(fo.LoggerProvider(settings=settings))
        provider.get_logger("shop").emit(body="x")
        started = time.monotonic()
        assert provider.force_flush() is False
        assert time.monotonic() - started < 1.5

    def test_nothing_pending_is_success_and_a_negative_timeout_no_error(self, provider: fo.LoggerProvider) -> None:
        assert provider.force_flush(1_000) is True
        assert provider.force_flush(-5) in (True, False)


class TestShutdown:
    def test_it_delivers_what_is_pending(self, provider: fo.LoggerProvider, memory: MemoryExporter) -> None:
        provider.get_logger("shop").emit(body="x")
        assert provider.shutdown() is True
        assert [record.body for record in memory.records] == ["x"]

    def test_a_second_one_does_nothing(self, provider: fo.LoggerProvider) -> None:
        assert provider.shutdown() is True
        assert provider.shutdown() is True

    def test_false_where_something_was_lost(self, receiver: OtlpReceiver) -> None:
        receiver.script = Script(then=Reply(status=503))
        provider = fo.LoggerProvider(settings=fo.Settings(endpoint=receiver.http_endpoint))
        provider.get_logger("shop").emit(body="x")
        started = time.monotonic()
        assert provider.shutdown(timeout_millis=500) is False
        assert time.monotonic() - started < 1.5
        stats = provider.stats()
        assert (stats.submitted, stats.in_flight, stats.balanced) == (1, 0, True)

    def test_afterwards_everything_is_a_counted_no_op(
        self, provider: fo.LoggerProvider, memory: MemoryExporter
    ) -> None:
        logger: Any = provider.get_logger("shop")
        provider.shutdown()
        logger.emit(body="late")
        logger.error("late")
        assert isinstance(provider.get_logger("shop"), NoOpLogger)
        assert provider.force_flush() is False
        assert memory.records == ()
        assert provider.stats().dropped_by_reason == {"shutdown": 2}

    def test_threads_that_shut_down_together_do_it_once(self, provider: fo.LoggerProvider) -> None:
        results: list[bool] = []
        threads = [threading.Thread(target=lambda: results.append(provider.shutdown())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert results == [True] * 8


class TestLimitsFromTheEnvironment:
    @pytest.mark.parametrize("prefix", ["OTEL_", "OTEL_LOGRECORD_"])
    def test_count_and_length_are_read_at_construction(
        self, memory: MemoryExporter, closing: Closing, monkeypatch: pytest.MonkeyPatch, prefix: str
    ) -> None:
        monkeypatch.setenv(f"{prefix}ATTRIBUTE_COUNT_LIMIT", "2")
        monkeypatch.setenv(f"{prefix}ATTRIBUTE_VALUE_LENGTH_LIMIT", "3")
        provider = closing(fo.LoggerProvider(settings=fo.Settings(exporters={"memory": memory})))
        monkeypatch.setenv(f"{prefix}ATTRIBUTE_COUNT_LIMIT", "9")
        provider.get_logger("shop").emit(attributes={"a": "12345", "b": ["12345"], "c": 1})
        (record,) = delivered(provider, memory)
        assert dict(record.attributes) == {"a": "123", "b": ["123"]}
        assert record.dropped_attributes_count == 1

    def test_the_one_for_log_records_goes_first(
        self, memory: MemoryExporter, closing: Closing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "1")
        monkeypatch.setenv("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "2")
        provider = closing(fo.LoggerProvider(settings=fo.Settings(exporters={"memory": memory})))
        provider.get_logger("shop").emit(attributes=dict.fromkeys("abc", 1))
        assert len(delivered(provider, memory)[0].attributes) == 2

    def test_a_bad_one_is_ignored(
        self, memory: MemoryExporter, closing: Closing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "many")
        provider = closing(fo.LoggerProvider(settings=fo.Settings(exporters={"memory": memory})))
        provider.get_logger("shop").emit(attributes={str(n): n for n in range(200)})
        assert len(delivered(provider, memory)[0].attributes) == 128


class TestSettings:
    def test_a_bad_one_is_refused_at_construction(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FAPILOG_OTEL_TIMEOUT", "-1")
        with pytest.raises(ConfigError, match="FAPILOG_OTEL_TIMEOUT"):
            fo.LoggerProvider()

    def test_a_spool_that_cannot_be_is_refused(self, tmp_path: Any) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        with pytest.raises(ConfigError, match="spool"):
            fo.LoggerProvider(settings=fo.Settings(spool=str(tmp_path / "link")))

    def test_a_configurator_that_switches_a_scope_off_is_obeyed(self, memory: MemoryExporter, closing: Closing) -> None:
        class Off:
            is_enabled = False

        class On:
            is_enabled = True

        provider = closing(
            fo.LoggerProvider(
                settings=fo.Settings(exporters={"memory": memory}),
                _logger_configurator=lambda scope: Off() if scope.name == "noisy" else On(),
            )
        )
        assert not provider.get_logger("noisy").enabled()
        provider.get_logger("noisy").emit(body="x")
        provider.get_logger("shop").emit(body="y")
        assert [record.body for record in delivered(provider, memory)] == ["y"]


class TestFork:
    def test_cached_and_new_loggers_deliver_with_the_childs_facts(self) -> None:
        found = run_python("""
            import json, os
            import fapilog_otel as fo
            from fapilog_otel.receiver import OtlpReceiver
            from opentelemetry.sdk.resources import Resource

            with OtlpReceiver() as receiver:
                provider = fo.LoggerProvider(Resource.create({"k": "v"}),
                                             settings=fo.Settings(endpoint=receiver.http_endpoint))
                cached = provider.get_logger("cached")
                cached.emit(body="parent")
                own = provider.make_logger("own", own=True).bind(b=1)
                pid = os.fork()
                if pid == 0:
                    cached.emit(body="child cached")
                    provider.get_logger("new").emit(body="child new")
                    own.info("child own")
                    os._exit(0 if provider.force_flush(5000) and provider.stats().submitted == 3 else 1)
                _, status = os.waitpid(pid, 0)
                cached.emit(body="parent again")
                assert provider.force_flush(5000)
                logs = {str(log.body): log.resource for log in receiver.logs}
                print(json.dumps({"status": status, "parent": os.getpid(), "child": pid, "count": len(receiver.logs),
                      "pids": {body: r.get("process.pid") for body, r in logs.items()},
                      "ids": {body: r["service.instance.id"] for body, r in logs.items()},
                      "kept": {r["k"] for r in logs.values()} == {"v"}}))
                provider.shutdown()
            """)
        assert found["status"] == 0
        assert found["count"] == 5
        children = ("child cached", "child new", "child own")
        assert {found["pids"][body] for body in children} == {found["child"]}
        assert len({found["ids"][body] for body in children}) == 1
        assert found["ids"]["child new"] != found["ids"]["parent"] == found["ids"]["parent again"]
        assert found["kept"]

    def test_an_instance_id_that_the_application_set_is_kept(self) -> None:
        found = run_python("""
            import json, os
            import fapilog_otel as fo
            from opentelemetry.sdk.resources import Resource

            provider = fo.LoggerProvider(Resource({"service.instance.id": "mine"}),
                                         settings=fo.Settings(exporters={"memory": {"type": "memory"}}))
            reading, writing = os.pipe()
            if os.fork() == 0:
                os.write(writing, json.dumps(dict(provider.resource.attributes)).encode())
                os._exit(0)
            os.wait()
            print(os.read(reading, 4096).decode())
            """)
        assert found["service.instance.id"] == "mine"


class TestMemory:
    def test_a_provider_is_collected_after_shutdown(self, memory: MemoryExporter) -> None:
        provider = fo.LoggerProvider(settings=fo.Settings(exporters={"memory": memory}))
        provider.get_logger("shop").emit(body="x")
        provider.shutdown()
        gone = weakref.ref(provider)
        del provider
        gc.collect()
        assert gone() is None

    def test_what_is_logged_is_not_kept(self, provider: fo.LoggerProvider) -> None:
        class Value:
            def __str__(self) -> str:
                return "value"

        value = Value()
        attributes = {"k": value}
        provider.get_logger("shop").emit(body=value, attributes=attributes)
        gone = weakref.ref(value)
        del value, attributes
        gc.collect()
        assert gone() is None
