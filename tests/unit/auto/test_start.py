"""The start without code: from the environment, contained, and replaced by the application's own ``configure()``."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

import fapilog_otel as fo
from fapilog_otel.auto.start import LOGGING_SWITCH, is_helper, start, without_stdlib
from fapilog_otel.bootstrap import current_handle
from fapilog_otel.receiver import OtlpReceiver
from tests.contract.faces_support import clean_environment, receiver
from tests.unit.bootstrap.conftest import configure

__all__ = ["clean_environment", "configure", "receiver"]

Configure = Callable[..., fo.Handle]


@pytest.fixture(autouse=True)
def stopped() -> object:
    yield
    fo.shutdown(1)


class TestStart:
    def test_configures_from_the_environment(self, monkeypatch: pytest.MonkeyPatch, receiver: OtlpReceiver) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.http_endpoint)
        assert start()
        fo.get_logger("shop").info("x")
        handle = current_handle()
        assert handle is not None
        assert handle.is_zero_code
        assert handle.flush(5)
        assert [log.body for log in receiver.logs] == ["x"]

    def test_says_in_one_line_what_is_wrong_and_raises_nothing(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("FAPILOG_OTEL_PROTOCOL", "pigeon\nmail")
        assert not start()
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("fapilog_otel: not started, the application runs without: ConfigError")
        assert "FAPILOG_OTEL_PROTOCOL" in line

    def test_leaves_a_bridge_alone_that_runs_already(self, configure: Configure) -> None:
        handle = configure(exporters={"m": {"type": "memory"}}, sources=[])
        assert start()
        assert current_handle() is handle
        assert not handle.is_zero_code


class TestReplacement:
    def test_configure_in_the_code_replaces_it_with_a_warning(
        self, monkeypatch: pytest.MonkeyPatch, receiver: OtlpReceiver, configure: Configure
    ) -> None:
        said: list[str] = []
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.http_endpoint)
        assert start()
        first = current_handle()
        fo.get_logger("shop").info("before")
        monkeypatch.setattr(
            sys.modules["fapilog_otel.bootstrap.configure"],  # its package has a function of that name
            "get_diagnostics",
            lambda: type("D", (), {"report": lambda self, kind, text, **more: said.append(kind)})(),
        )
        second = configure(endpoint=receiver.http_endpoint, service_name="coded")
        fo.get_logger("shop").info("after")
        assert second.flush(5)
        assert first is not None
        assert first.closed
        assert not second.is_zero_code
        assert said == ["configure.replaced"]
        assert [(log.body, log.resource["service.name"]) for log in receiver.logs][1:] == [("after", "coded")]
        assert len(receiver.logs) == 2

    def test_an_equal_configure_goes_on_with_it(
        self, monkeypatch: pytest.MonkeyPatch, receiver: OtlpReceiver, configure: Configure
    ) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.http_endpoint)
        assert start()
        assert configure() is current_handle()


class TestSources:
    def test_the_standard_switch_leaves_stdlib_out(self) -> None:
        assert without_stdlib({}) == {}
        assert without_stdlib({LOGGING_SWITCH: "true"}) == {}
        assert without_stdlib({LOGGING_SWITCH: "false"}) == {"sources": []}
        named = {LOGGING_SWITCH: "False", "FAPILOG_OTEL_SOURCES": "stdlib, structlog"}
        assert without_stdlib(named) == {"sources": ["structlog"]}


class TestHelpers:
    def test_are_told_from_applications(self) -> None:
        assert is_helper(["python", "-c", "from multiprocessing.resource_tracker import main;main(5)"])
        assert not is_helper(["python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main()"])
