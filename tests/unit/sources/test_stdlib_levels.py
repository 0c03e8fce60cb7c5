from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest
from stdlib_doubles import ListHandler, RecordingProvider

from fapilog_otel.errors import ConfigError
from fapilog_otel.sources.stdlib import StdlibHandle
from fapilog_otel.sources.stdlib.levels import (
    LevelCache,
    LevelRules,
    effective_level,
    level_cache,
    new_cache_class,
    stdlib_level,
)

Install = Callable[..., StdlibHandle]
LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


def log_all(logger: logging.Logger) -> None:
    for level in LEVELS:
        logger.log(level, logging.getLevelName(level))


class TestStdlibLevel:
    @pytest.mark.parametrize(
        ("value", "number"),
        [
            ("info", 20),
            ("WARNING", 30),
            ("Warn", 30),
            ("fatal", 50),
            ("NOTSET", 0),
            ("trace", 1),
            ("DEBUG2", 11),
            ("ERROR4", 43),
            ("FATAL2", 51),
            ("audit", 60),
            ("security", 70),
            ("25", 25),
            (logging.DEBUG, 10),
            (0, 0),
        ],
    )
    def test_reads_names_of_logging_and_of_opentelemetry(self, value: str | int, number: int) -> None:
        assert stdlib_level("level", value) == number

    def test_prefers_a_name_that_the_application_registered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(logging._nameToLevel, "verbose", 7)
        assert stdlib_level("level", "verbose") == 7

    @pytest.mark.parametrize("value", ["loud", None, 1.5, True, b"INFO"])
    def test_refuses_anything_else_by_name_of_the_setting(self, value: object) -> None:
        with pytest.raises(ConfigError, match=r"levels\['a'\]"):
            LevelRules(levels={"a": value})  # type: ignore[dict-item]


class TestLevelRules:
    @pytest.mark.parametrize(
        ("name", "floor"),
        [("a", 10), ("a.x", 10), ("a.b", 40), ("a.b.c", 40), ("ab", 20), ("a.bc", 10), ("", 20), ("root", 20)],
    )
    def test_longest_name_wins(self, name: str, floor: int) -> None:
        assert LevelRules("INFO", {"a": "DEBUG", "a.b": "ERROR"}).floor(name) == floor

    @pytest.mark.parametrize("root", ["", "root"])
    def test_root_entry_holds_for_every_logger(self, root: str) -> None:
        rules = LevelRules(levels={root: "ERROR", "a": "DEBUG"})
        assert [rules.floor(name) for name in ("root", "x.y", "a.b")] == [40, 40, 10]

    def test_are_equal_when_they_decide_alike(self) -> None:
        assert LevelRules("info", {"": "DEBUG"}) == LevelRules(20, {"root": 10})
        assert LevelRules("info") != LevelRules("debug")


class TestEffectiveLevel:
    def test_tells_what_is_inherited_from_the_root(self, clean_logging: None) -> None:
        logging.getLogger("own").setLevel(15)
        assert effective_level(logging.getLogger("other.child")) == (logging.WARNING, True)
        assert effective_level(logging.getLogger("own.child")) == (15, False)
        assert effective_level(logging.getLogger()) == (logging.WARNING, True)

    def test_of_a_logger_outside_any_hierarchy_is_its_own(self) -> None:
        assert effective_level(logging.Logger("bare", 15)) == (15, False)  # noqa: LOG001
        assert effective_level(logging.Logger("bare")) == (0, False)  # noqa: LOG001


class TestWithoutLevel:
    def test_captures_info_where_the_root_stands_at_warning(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        install()
        log_all(logging.getLogger("a.b"))
        assert provider.bodies == ["INFO", "WARNING", "ERROR", "CRITICAL"]

    @pytest.mark.parametrize(("root", "expected"), [(logging.DEBUG, 5), (logging.INFO, 4), (logging.ERROR, 2), (0, 5)])
    def test_takes_over_any_other_level_of_the_root(
        self, install: Install, provider: RecordingProvider, root: int, expected: int
    ) -> None:
        install()
        logging.getLogger().setLevel(root)
        log_all(logging.getLogger("a.b"))
        assert len(provider.emitted) == expected

    @pytest.mark.parametrize("level", LEVELS)
    def test_obeys_a_level_set_on_a_logger(self, install: Install, provider: RecordingProvider, level: int) -> None:
        install()
        logging.getLogger("a").setLevel(level)
        log_all(logging.getLogger("a.b"))
        assert len(provider.emitted) == len([one for one in LEVELS if one >= level])

    def test_holds_for_the_root_logger_itself(self, install: Install, provider: RecordingProvider) -> None:
        install()
        log_all(logging.getLogger())
        assert provider.bodies == ["INFO", "WARNING", "ERROR", "CRITICAL"]


class TestWithLevel:
    def test_captures_below_the_level_of_the_root(self, install: Install, provider: RecordingProvider) -> None:
        install("DEBUG")
        logging.getLogger().setLevel(logging.ERROR)
        log_all(logging.getLogger("a"))
        assert len(provider.emitted) == 5

    def test_captures_nothing_below_it(self, install: Install, provider: RecordingProvider) -> None:
        install("ERROR")
        logging.getLogger().setLevel(logging.DEBUG)
        logging.getLogger("own").setLevel(logging.DEBUG)
        for name in ("a", "own", "own.child"):
            log_all(logging.getLogger(name))
        assert provider.bodies == ["ERROR", "CRITICAL"] * 3

    def test_never_captures_below_a_level_set_on_a_logger(self, install: Install, provider: RecordingProvider) -> None:
        install("DEBUG")
        logging.getLogger("noisy").setLevel(logging.ERROR)
        log_all(logging.getLogger("noisy.child"))
        assert provider.bodies == ["ERROR", "CRITICAL"]

    def test_notset_captures_everything_that_is_inherited(self, install: Install, provider: RecordingProvider) -> None:
        install(0)
        logging.getLogger("a").log(1, "lowest")
        assert provider.bodies == ["lowest"]


class TestLevels:
    def test_win_over_level_and_over_the_applications_levels(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        install("INFO", levels={"a": "DEBUG", "a.quiet": "CRITICAL"})
        logging.getLogger("a").setLevel(logging.ERROR)
        logging.getLogger("a.quiet").setLevel(logging.DEBUG)
        log_all(logging.getLogger("a.b"))
        assert len(provider.emitted) == 5
        provider.emitted.clear()
        log_all(logging.getLogger("a.quiet"))
        assert provider.bodies == ["CRITICAL"]

    def test_leave_the_handlers_what_they_had(self, install: Install) -> None:
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        install(levels={"a": "DEBUG"})
        log_all(logging.getLogger("a"))
        assert handler.lines == ["WARNING", "ERROR", "CRITICAL"]


class TestVerdicts:
    """They follow the application's levels at once, as its own cache does."""

    def test_follow_later_changes_of_level(self, install: Install, provider: RecordingProvider) -> None:
        install()
        log = logging.getLogger("a.b")
        log.info("1")
        logging.getLogger("a").setLevel(logging.ERROR)
        log.info("2")
        logging.getLogger("a").setLevel(logging.NOTSET)
        log.info("3")
        logging.getLogger().setLevel(logging.ERROR)
        log.info("4")
        logging.getLogger().setLevel(logging.WARNING)
        log.info("5")
        assert provider.bodies == ["1", "3", "5"]

    def test_follow_disable(self, install: Install, provider: RecordingProvider) -> None:
        install("DEBUG")
        log = logging.getLogger("a")
        log.info("1")
        logging.disable(logging.INFO)
        log.info("2")
        log.warning("3")
        logging.disable(logging.NOTSET)
        log.info("4")
        assert provider.bodies == ["1", "3", "4"]

    def test_follow_a_disabled_logger(self, install: Install, provider: RecordingProvider) -> None:
        install("DEBUG")
        log = logging.getLogger("a")
        log.info("1")
        log.disabled = True
        log.info("2")
        assert not log.isEnabledFor(logging.CRITICAL)
        log.disabled = False
        log.info("3")
        assert provider.bodies == ["1", "3"]

    def test_leave_the_cache_of_logging_as_it_would_be(self, install: Install) -> None:
        install()
        log = logging.getLogger("a")
        assert log.isEnabledFor(logging.ERROR)
        assert not log.isEnabledFor(logging.DEBUG)
        assert log._cache == {logging.ERROR: True, logging.DEBUG: False}  # type: ignore[attr-defined]
        log.setLevel(logging.CRITICAL)
        assert log._cache == {}  # type: ignore[attr-defined]

    def test_found_while_a_level_changes_are_not_kept(self, clean_logging: None) -> None:
        kind = new_cache_class()
        cache = level_cache(logging.getLogger("a"), kind)
        before = cache.ours
        logging.getLogger("a").setLevel(logging.DEBUG)
        before[logging.DEBUG] = False  # what a thread stores that began before
        assert level_cache(logging.getLogger("a"), kind) is cache
        assert cache.ours == {}

    def test_of_earlier_rules_are_not_taken_over(self, install: Install, provider: RecordingProvider) -> None:
        bare = logging.Logger("bare")  # noqa: LOG001 - no manager knows it, so nobody clears its cache
        bare.parent = logging.getLogger()
        handle = install("ERROR")
        assert not bare.isEnabledFor(logging.DEBUG)
        handle.uninstall()
        install("DEBUG")
        bare.debug("hello")
        assert provider.bodies == ["hello"]

    def test_survive_a_storm_of_level_changes(self, install: Install, provider: RecordingProvider) -> None:
        install()
        log = logging.getLogger("a.b")
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                log.isEnabledFor(logging.INFO)

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        try:
            for _ in range(300):
                logging.getLogger("a").setLevel(logging.ERROR)
                assert not log.isEnabledFor(logging.INFO)
                logging.getLogger("a").setLevel(logging.NOTSET)
                assert log.isEnabledFor(logging.INFO)
        finally:
            stop.set()
            for asker in askers:
                asker.join(10)


class TestLevelCache:
    def test_keeps_what_the_cache_held(self, clean_logging: None) -> None:
        log = logging.getLogger("a")
        assert log.isEnabledFor(logging.ERROR)
        cache = level_cache(log, new_cache_class())
        assert isinstance(cache, LevelCache)
        assert cache == {logging.ERROR: True}
        cache.ours[logging.DEBUG] = True
        cache.clear()
        assert cache == {}
        assert cache.ours == {}
