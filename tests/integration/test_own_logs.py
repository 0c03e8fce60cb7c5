"""A root logger at DEBUG, transports that chatter, and dictConfig in the middle of an export."""

from __future__ import annotations

import logging
import logging.config
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import fapilog_otel as fo
from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from tests.contract.faces_support import clean_environment, configure, until
from tests.security.conftest import fresh_diagnostics

__all__ = ["clean_environment", "configure", "fresh_diagnostics"]

RECORDS = 30
DICT_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(message)s"}},
    "handlers": {"null": {"class": "logging.NullHandler"}},
    "root": {"level": "DEBUG", "handlers": ["null"]},
}


@pytest.fixture(autouse=True)
def root_at_debug() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.setLevel(logging.DEBUG)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver(grpc_port=0) as receiver:
        yield receiver


def exporters(kind: str, receiver: OtlpReceiver) -> dict[str, Any]:
    """Give the arguments of configure() for one of our transports, or for a stock exporter inside."""
    if kind == "http":
        return {"endpoint": receiver.http_endpoint}
    if kind == "grpc":
        return {"endpoint": receiver.grpc_endpoint, "protocol": "grpc"}
    if kind == "stock http":  # requests and urllib3 log each connection and each request at DEBUG
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

        exporter: Any = OTLPLogExporter(receiver.http_endpoint + "/v1/logs")
    else:
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter

        exporter = GrpcExporter(receiver.grpc_endpoint, insecure=True)
    return {"exporters": {"stock": {"type": "sdk_adapter", "exporter": exporter}}}


@pytest.mark.parametrize("kind", ["http", "grpc", "stock http", "stock grpc"])
class TestRootAtDebug:
    def test_what_exporting_says_never_comes_back(
        self, receiver: OtlpReceiver, configure: Callable[..., fo.Handle], kind: str
    ) -> None:
        handle = configure(**exporters(kind, receiver), level="TRACE", schedule_delay=0.01, shutdown_timeout=10)
        for number in range(RECORDS):
            logging.getLogger("app").debug("one %d", number)
            assert handle.flush(5)
        assert handle.shutdown()
        assert handle.stats().submitted == RECORDS
        assert Counter(log.scope.name for log in receiver.logs) == {"app": RECORDS}

    def test_a_new_logging_configuration_in_the_middle_of_an_export_hangs_and_loses_nothing(
        self, receiver: OtlpReceiver, configure: Callable[..., fo.Handle], kind: str
    ) -> None:
        receiver.script = Script(then=Reply(delay=0.05))
        handle = configure(**exporters(kind, receiver), level="TRACE", schedule_delay=0.005, shutdown_timeout=20)
        changing = threading.Event()

        def change() -> None:
            while not changing.wait(0.002):
                logging.config.dictConfig(DICT_CONFIG)

        changer = threading.Thread(target=change)
        changer.start()
        for number in range(300):
            logging.getLogger(f"app.{number % 7}").debug("one %d", number)
        until(lambda: receiver.requests)
        changing.set()
        changer.join(10)
        assert not changer.is_alive()
        assert handle.shutdown()
        assert handle.stats().submitted == 300
        assert sorted(str(log.body) for log in receiver.logs) == sorted(f"one {number}" for number in range(300))


class TestTheApplicationsOwnUse:
    @pytest.mark.parametrize("name", ["httpx", "httpcore.connection", "urllib3.connectionpool", "grpc._channel"])
    def test_of_a_transport_library_arrives(
        self, receiver: OtlpReceiver, configure: Callable[..., fo.Handle], name: str
    ) -> None:
        handle = configure(endpoint=receiver.http_endpoint, level="TRACE")
        logging.getLogger(name).debug("the application's request")
        assert handle.flush(5)
        assert [(log.scope.name, log.body) for log in receiver.logs] == [(name, "the application's request")]


class TestDiagnostics:
    def test_a_failing_destination_is_one_line_a_kind(
        self, receiver: OtlpReceiver, configure: Callable[..., fo.Handle], capfd: pytest.CaptureFixture[str]
    ) -> None:
        receiver.script = Script(then=Reply(status=400, accept=False))
        handle = configure(endpoint=receiver.http_endpoint, level="TRACE", schedule_delay=0.005)
        for number in range(200):
            logging.getLogger("app").info("refused %d", number)
            handle.flush(1)
        assert len(receiver.requests) >= 100
        lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("fapilog_otel ")]
        kinds = Counter(re.sub(r"[0-9]+", "n", line.split("=")[0]) for line in lines)
        assert lines
        assert max(kinds.values()) == 1, lines
        assert handle.stats().submitted == 200
