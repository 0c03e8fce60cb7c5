"""``configure()``: once, again, differently, wrongly; what it leaves behind; ``install`` and ``shutdown``."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource

import fapilog_otel as fo
from fapilog_otel.bootstrap import current_handle
from fapilog_otel.errors import ConfigError
from fapilog_otel.receiver import OtlpReceiver
from fapilog_otel.settings import load_settings
from fapilog_otel.settings.difference import differences
from fapilog_otel.telemetry.diagnostics import Diagnostics
from fapilog_otel_exporters.memory import MemoryExporter
from tests.contract.faces_support import run_python
from tests.naming import stable_id

Configure = Callable[..., fo.Handle]


class TestOnce:
    def test_everything_is_delivered_with_the_resource(self, receiver: OtlpReceiver, configure: Configure) -> None:
        handle = configure(
            endpoint=receiver.http_endpoint, service_name="shop", resource={"team": "a"}, headers={"x-key": "v"}
        )
        fo.get_logger("own").info("own")
        logging.getLogger("app").warning("stdlib %s", "text")
        assert handle.flush(5)
        assert sorted(str(log.body) for log in receiver.logs) == ["own", "stdlib text"]
        assert {log.resource["service.name"] for log in receiver.logs} == {"shop"}
        assert {log.resource["team"] for log in receiver.logs} == {"a"}
        assert receiver.requests[0].path == "/v1/logs"
        assert receiver.requests[0].headers["x-key"] == "v"

    def test_without_arguments_it_reads_the_environment(
        self, receiver: OtlpReceiver, configure: Configure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.http_endpoint)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "env")
        handle = configure()
        fo.get_logger("own").info("x")
        assert handle.flush(5)
        assert receiver.logs[0].resource["service.name"] == "env"

    @pytest.mark.parametrize("name", [None, "named"])
    def test_an_sdk_resource_is_used_as_it_is_but_for_a_name_given_beside_it(
        self, memory: MemoryExporter, configure: Configure, name: str | None
    ) -> None:
        resource = Resource({"service.name": "given", "k": "v"}, "https://schema")
        handle = configure(exporters={"memory": memory}, sources=[], resource=resource, service_name=name)
        fo.get_logger("own").info("x")
        assert handle.flush(5)
        sent = memory.records[0].scope.resource
        assert dict(sent.attributes) == {"service.name": name or "given", "k": "v"}
        assert (handle.provider.resource is resource) == (name is None)

    def test_none_of_the_exporters_delivers_to_nobody(
        self, configure: Configure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
        handle = configure(sources=[])
        log = fo.get_logger("own")
        log.error("x")
        assert not log.enabled()
        assert handle.flush(1)
        assert handle.stats() == fo.Stats()


class TestAgain:
    def test_equal_arguments_give_the_same_handle(self, memory: MemoryExporter, configure: Configure) -> None:
        handle = configure(exporters={"memory": memory}, sources=[], level="INFO")
        assert configure(exporters={"memory": memory}, sources=[], level="INFO") is handle
        assert configure(settings=fo.Settings(exporters={"memory": memory}, sources=[], level="INFO")) is handle
        assert current_handle() is handle

    def test_different_ones_are_an_error_and_change_nothing(self, memory: MemoryExporter, configure: Configure) -> None:
        handle = configure(exporters={"memory": memory}, sources=[])
        with pytest.raises(ConfigError, match="already"):
            configure(exporters={"memory": memory}, sources=[], level="ERROR")
        fo.get_logger("own").info("x")
        assert handle.flush(5)
        assert len(memory.records) == 1

    def test_what_differs_is_named_with_both_values_and_origins(
        self, memory: MemoryExporter, configure: Configure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(exporters={"memory": memory}, sources=[], level="INFO", headers={"authorization": "s3cr3t-1"})
        monkeypatch.setenv("FAPILOG_OTEL_SCHEDULE_DELAY", "3")
        with pytest.raises(ConfigError) as caught:
            configure(
                exporters={"memory": MemoryExporter()}, sources=[], level="ERROR", headers={"authorization": "s3cr3t-2"}
            )
        told = str(caught.value)
        assert "level is ERROR (argument) and was INFO (argument)" in told
        assert "schedule_delay is 3.0 (environment FAPILOG_OTEL_SCHEDULE_DELAY) and was 1.0 (default)" in told
        assert "headers is another {'authorization': '***'} (argument)" in told
        assert "exporters.memory is another MemoryExporter (argument)" in told
        assert "s3cr3t" not in told
        assert "timeout" not in told

    def test_equal_arguments_in_another_environment_give_the_same_handle_and_a_line(
        self,
        memory: MemoryExporter,
        configure: Configure,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        handle = configure(exporters={"memory": memory}, sources=[])
        monkeypatch.setattr(sys.modules["fapilog_otel.bootstrap.configure"], "get_diagnostics", Diagnostics)
        monkeypatch.setenv("FAPILOG_OTEL_LEVEL", "ERROR")
        assert configure(exporters={"memory": memory}, sources=[]) is handle
        assert "level is ERROR (environment FAPILOG_OTEL_LEVEL) and was none (default)" in capsys.readouterr().err
        assert handle.settings.level is None

    def test_the_same_url_taken_in_another_way_is_a_difference(self, memory: MemoryExporter) -> None:
        base = load_settings({}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:1"})
        (found,) = differences(base, load_settings({}, {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://h:1"}))
        assert "endpoint is another http://h:1 (environment OTEL_EXPORTER_OTLP_LOGS_ENDPOINT)" in str(found)

    def test_after_shutdown_anything_goes(self, memory: MemoryExporter, configure: Configure) -> None:
        first = configure(exporters={"memory": memory}, sources=[])
        first.shutdown()
        second = configure(exporters={"memory": memory}, sources=[], level="ERROR")
        assert second is not first
        assert not second.closed
        assert current_handle() is second

    def test_threads_that_configure_together_get_the_same_handle(
        self, memory: MemoryExporter, configure: Configure
    ) -> None:
        found: list[fo.Handle] = []
        threads = [
            threading.Thread(target=lambda: found.append(configure(exporters={"memory": memory}, sources=[])))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(found) == 8
        assert len(set(map(id, found))) == 1

    def test_in_a_forked_child_it_may_be_called_with_other_arguments(self) -> None:
        found = run_python("""
            import json, os
            import fapilog_otel as fo
            from fapilog_otel.receiver import OtlpReceiver
            with OtlpReceiver() as receiver:
                handle = fo.configure(endpoint=receiver.http_endpoint, service_name="parent")
                log = fo.get_logger("own")
                pid = os.fork()
                if pid == 0:
                    log.info("inherited")
                    with fo.configure(endpoint=receiver.http_endpoint, service_name="child") as own:
                        assert own is not handle
                        log.info("configured")
                    os._exit(0)
                assert os.waitpid(pid, 0)[1] == 0
                log.info("parent")
                assert handle.flush(5)
                print(json.dumps(sorted([log.body, log.resource["service.name"]] for log in receiver.logs)))
            """)
        assert found == [["configured", "child"], ["inherited", "parent"], ["parent", "parent"]]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"protocol": "smoke"}, "protocol"),
    ({"endpoint": "ftp://host"}, "endpoint"),
    ({"endpoint": "http://"}, "endpoint"),
    ({"endpoint": "collector:4318"}, "endpoint"),
    ({"endpoint": "http://host:99999"}, "endpoint"),
    ({"endpoint": "http://host:4317/path", "protocol": "grpc"}, "path"),
    ({"certificate": "/no/such/file.pem"}, "certificate"),
    ({"client_key": "/no/such/file.pem"}, "client_key"),
    ({"timeout": -1}, "timeout"),
    ({"timeout": "soon"}, "timeout"),
    ({"headers": "no-equals-sign"}, "headers"),
    ({"headers": {"bad name": "x"}}, "headers"),
    ({"compression": "zip"}, "compression"),
    ({"level": "LOUD"}, "level"),
    ({"levels": {"a": "LOUD"}}, "levels"),
    ({"on_full": "explode"}, "on_full"),
    ({"exporters": {"x": {"type": "no_such_exporter"}}}, "no_such_exporter"),
    ({"exporters": {"memory": {"type": "memory", "max_recrods": 1}}}, "max_records"),
    ({"exporters": {"x": object()}}, "x"),
    ({"exporters": {"m": {"type": "memory"}}, "endpoint": "http://h"}, "endpoint"),
    ({"stages": ["no_such_stage"]}, "no_such_stage"),
    ({"without": ["no_such_stage"]}, "no_such_stage"),
    ({"sources": ["no_such_source"]}, "no_such_source"),
    ({"preset": "no_such_preset"}, "preset"),
    ({"endpiont": "http://h"}, "endpoint"),
    ({"resource": 5}, "resource"),
    ({"settings": {}}, "settings"),
    ({"spool": "/dev/null/spool"}, "spool"),
]


class TestBadInput:
    @pytest.mark.parametrize(("arguments", "told"), BAD, ids=[stable_id(arguments) for arguments, _ in BAD])
    def test_it_is_refused_at_once_and_leaves_nothing_behind(
        self, configure: Configure, memory: MemoryExporter, arguments: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(ConfigError, match=told):
            configure(**arguments)
        assert current_handle() is None
        handle = configure(exporters={"memory": memory}, sources=[])
        fo.get_logger("own").info("x")
        assert handle.flush(5)

    def test_bad_standard_variables_warn_and_raise_only_when_strict(
        self, configure: Configure, memory: MemoryExporter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
        with pytest.raises(ConfigError, match="OTEL_EXPORTER_OTLP_TIMEOUT"):
            configure(exporters={"memory": memory}, sources=[], strict=True)
        assert configure(exporters={"memory": memory}, sources=[]).settings.timeout == 10

    def test_the_same_mistakes_are_refused_by_a_provider_made_directly(self) -> None:
        with pytest.raises(ConfigError, match="protocol"):
            fo.LoggerProvider(settings=fo.Settings(protocol="smoke"))  # type: ignore[arg-type]

    def test_an_exporter_that_finds_itself_wrong_is_refused(self, configure: Configure) -> None:
        with pytest.raises(ConfigError, match="max_records"):
            configure(exporters={"memory": MemoryExporter(0)}, sources=[])
        assert current_handle() is None


class TestInstall:
    def test_one_more_source_is_taken_out_at_shutdown(self, configure: Configure, memory: MemoryExporter) -> None:
        class Source:
            provider: Any = None
            uninstalled = 0

            def install(self, provider: Any) -> Any:
                self.provider = provider
                return self

            def uninstall(self) -> None:
                self.uninstalled += 1

            def to_record(self, native: object) -> fo.Record:
                return fo.Record(body=str(native))

        handle = configure(exporters={"memory": memory}, sources=[])
        source = Source()
        assert fo.install(source) is source
        source.provider.get_logger("from source").emit(body="x")
        assert handle.shutdown()
        assert source.uninstalled == 1
        assert memory.records[0].scope.name == "from source"

    def test_a_source_that_cannot_be_taken_out_does_not_stop_delivery(
        self, configure: Configure, memory: MemoryExporter
    ) -> None:
        class Stuck:
            def install(self, provider: Any) -> Any:
                return self

            def uninstall(self) -> None:
                raise RuntimeError("stuck")

            def to_record(self, native: object) -> fo.Record:
                return fo.Record()

        handle = configure(exporters={"memory": memory}, sources=[Stuck()])
        fo.get_logger("own").info("x")
        assert handle.shutdown()
        assert len(memory.records) == 1

    def test_it_needs_a_bridge(self) -> None:
        with pytest.raises(ConfigError, match="configure"):
            fo.install("stdlib")

    def test_an_unknown_one_is_refused(self, configure: Configure, memory: MemoryExporter) -> None:
        configure(exporters={"memory": memory}, sources=[])
        with pytest.raises(ConfigError, match="nothing"):
            fo.install("nothing")

    def test_what_stdlib_was_before_it_is_afterwards(self, configure: Configure, memory: MemoryExporter) -> None:
        before = logging.Logger.callHandlers
        handle = configure(exporters={"memory": memory})
        assert logging.Logger.callHandlers is not before
        handle.shutdown()
        assert logging.Logger.callHandlers is before


class TestShutdown:
    def test_it_ends_what_runs_and_is_harmless_otherwise(self, configure: Configure, memory: MemoryExporter) -> None:
        assert fo.shutdown() is True
        handle = configure(exporters={"memory": memory}, sources=[])
        fo.get_logger("own").info("x")
        assert fo.shutdown() is True
        assert (handle.closed, len(memory.records)) == (True, 1)
        assert current_handle() is None


class TestFiles:
    def test_a_certificate_may_be_given_as_a_path(self, configure: Configure, tmp_path: Path) -> None:
        bad = tmp_path / "bad.pem"
        bad.write_text("no certificate")
        with pytest.raises(ConfigError):
            configure(endpoint="https://127.0.0.1:1", certificate=str(bad))
        assert current_handle() is None
