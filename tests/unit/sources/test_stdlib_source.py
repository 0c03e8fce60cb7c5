from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from stdlib_doubles import RecordingProvider

from fapilog_otel.errors import ConfigError
from fapilog_otel.sources.stdlib import StdlibHandle, StdlibSource

Install = Callable[..., StdlibHandle]


class TestInstall:
    def test_twice_alike_gives_the_same_handle(self, install: Install) -> None:
        assert install("info", {"a": "DEBUG"}) is install(logging.INFO, {"a": 10})

    @pytest.mark.parametrize("other", [StdlibSource("DEBUG"), StdlibSource("INFO", code_attributes=False)])
    def test_twice_with_other_options_is_refused(
        self, install: Install, provider: RecordingProvider, other: StdlibSource
    ) -> None:
        install("INFO")
        with pytest.raises(ConfigError, match="uninstall"):
            other.install(provider)

    def test_for_another_provider_is_refused_until_uninstalled(self, install: Install) -> None:
        handle = install()
        with pytest.raises(ConfigError, match="uninstall"):
            StdlibSource().install(RecordingProvider())
        handle.uninstall()
        again = StdlibSource().install(RecordingProvider())
        assert again is not handle
        again.uninstall()

    def test_needs_a_provider(self, clean_logging: None) -> None:
        with pytest.raises(ConfigError, match="get_logger"):
            StdlibSource().install(object())

    def test_refuses_levels_it_does_not_know(self) -> None:
        with pytest.raises(ConfigError, match="level="):
            StdlibSource("loud")


class TestLoggersOfTheProvider:
    def test_are_asked_for_once_a_name(self, install: Install, provider: RecordingProvider) -> None:
        install()
        for _ in range(3):
            logging.getLogger("a").error("hello")
            logging.getLogger().error("hello")
        assert provider.asked == ["a", "root"]
        assert provider.last["scope"] == "root"

    def test_follow_the_name_on_the_record(self, install: Install, provider: RecordingProvider) -> None:
        install(levels={"remote": "ERROR"})
        for level in (logging.INFO, logging.ERROR):
            record = logging.makeLogRecord({"name": "remote.worker", "levelno": level, "msg": str(level)})
            logging.getLogger("receiver").handle(record)
        assert [(fields["scope"], fields["body"]) for fields in provider.emitted] == [("remote.worker", "40")]

    def test_are_bounded_in_number(self, install: Install) -> None:
        handle = install()
        log = logging.getLogger("receiver")
        for number in range(10_000):
            log.handle(logging.makeLogRecord({"name": f"request.{number}", "levelno": 40, "msg": "hello"}))
        assert len(handle._hook._receiver._targets) <= 4096  # type: ignore[attr-defined]


class TestEmit:
    def test_gets_the_fields_of_the_api(self, install: Install, provider: RecordingProvider) -> None:
        install(code_attributes=False)
        logging.getLogger("a").warning({"n": 1}, extra={"otel.event.name": "seen", "k": "v"})
        fields = provider.last
        del fields["scope"]
        assert sorted(fields) == [
            "attributes",
            "body",
            "event_name",
            "observed_timestamp",
            "severity_number",
            "severity_text",
            "timestamp",
        ]
        assert fields["timestamp"] <= fields["observed_timestamp"]
        assert (fields["severity_number"], fields["severity_text"]) == (13, "WARN")
        assert (fields["body"], fields["attributes"], fields["event_name"]) == ({"n": 1}, {"k": "v"}, "seen")
