"""Calls go the short way only while nobody else needs the record, whatever changes between two calls."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from stdlib_doubles import EncodingProvider, ListHandler

from fapilog_otel.sources.stdlib import StdlibHandle, StdlibSource
from fapilog_otel.sources.stdlib import hook as hook_module
from fapilog_otel.sources.stdlib.fast import level_methods
from fapilog_otel.telemetry.origin import exporting, our_thread

pytestmark = pytest.mark.usefixtures("fast")
LOG = "shop.cart"


@pytest.fixture
def log(fast: StdlibHandle) -> logging.Logger:
    """A logger that has logged before, so that all verdicts are known."""
    made = logging.getLogger(LOG)
    for _ in range(2):
        made.info("warm")
        made.debug("warm")
    return made


def goes_short(call: Callable[[], object]) -> bool:
    """Tell whether a call runs none of logging's own functions."""
    seen: list[str] = []

    def notice(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename == logging.__file__:
            seen.append(frame.f_code.co_name)

    sys.setprofile(notice)
    try:
        call()
    finally:
        sys.setprofile(None)
    return "_log" not in seen and "makeRecord" not in seen


@contextmanager
def attribute(owner: object, name: str, value: object) -> Iterator[None]:
    """An attribute of the owner's own, for the block."""
    before = vars(owner).get(name, logging)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if before is logging:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


@contextmanager
def handler(owner: logging.Logger, added: logging.Handler) -> Iterator[None]:
    """A handler on a logger, for the block."""
    owner.addHandler(added)
    try:
        yield
    finally:
        owner.removeHandler(added)


class TestShortWay:
    def test_is_gone_by_every_level_method(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        logging.getLogger().addHandler(logging.NullHandler())
        for number in (10, 20, 30, 40, 50):
            log.log(number, "warm")
        encoding.take()
        for name in ("info", "warning", "error", "critical", "fatal"):
            assert goes_short(lambda name=name: getattr(log, name)("hello %s", "you")), name
        assert goes_short(lambda: log.log(logging.INFO, "hello %s", "you"))
        assert [record.body for record in encoding.take()] == ["hello you"] * 6

    def test_writes_what_the_record_says(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        encoding.take()
        assert goes_short(lambda: log.info("%d of %s", 3, "cart", extra={"a": "x", "b": 1, "c": 1.5, "d": True}))
        (record,) = encoding.take()
        assert (record.body, record.severity_number, record.severity_text) == ("3 of cart", 9, "INFO")
        assert (record.scope.name, record.timestamp > 0) == (LOG, True)
        attributes = dict(record.attributes)
        assert attributes.pop("code.file.path") == __file__
        assert isinstance(attributes.pop("code.line.number"), int)
        assert attributes.pop("code.function.name") == "<lambda>"
        assert attributes == {"a": "x", "b": 1, "c": 1.5, "d": True}

    def test_is_gone_by_loggers_made_before_and_after(self, log: logging.Logger) -> None:
        later = logging.getLogger("later")
        later.info("warm")
        assert goes_short(lambda: later.info("hello"))
        assert goes_short(lambda: log.info("hello"))

    def test_asks_nobody_about_a_level_that_is_off(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        encoding.take()
        assert goes_short(lambda: log.debug("hello"))
        assert encoding.take() == []

    def test_takes_a_record_for_us_alone_past_the_handlers(
        self, log: logging.Logger, encoding: EncodingProvider
    ) -> None:
        logging.getLogger().setLevel(logging.WARNING)  # INFO for us, as documented
        shown = ListHandler()
        with handler(logging.getLogger(), shown):
            log.info("warm")
            encoding.take()
            assert goes_short(lambda: log.info("hello"))
        assert [record.body for record in encoding.take()] == ["hello"]
        assert shown.lines == []

    def test_leaves_no_mark_of_a_check_that_was_answered(self, log: logging.Logger) -> None:
        logging.getLogger().setLevel(logging.WARNING)
        log.info("warm")
        shown = ListHandler()
        with handler(logging.getLogger(), shown):
            assert log.isEnabledFor(logging.INFO)
            assert goes_short(lambda: log.info("hello"))
            log.handle(logging.makeLogRecord({"name": LOG, "levelno": 20, "levelname": "INFO", "msg": "received"}))
        assert shown.lines == ["received"]


def _raise(*args: object, **kwargs: object) -> Any:
    raise AssertionError("not to be called")


class TestChangesBetweenCalls:
    @pytest.mark.parametrize("owner", [LOG, "shop", ""])
    def test_a_handler_gets_the_record(self, log: logging.Logger, owner: str) -> None:
        shown = ListHandler()
        with handler(logging.getLogger(owner), shown):
            assert not goes_short(lambda: log.info("hello"))
        assert shown.lines == ["hello"]
        assert goes_short(lambda: log.info("hello"))

    def test_a_handler_that_stands_above_does_not_need_it(self, log: logging.Logger) -> None:
        shown = ListHandler(logging.WARNING)
        with handler(logging.getLogger(), shown):
            assert goes_short(lambda: log.info("hello"))
            shown.setLevel(logging.INFO)
            assert not goes_short(lambda: log.info("hello"))
            shown.level = logging.ERROR
            assert goes_short(lambda: log.info("hello"))
        assert shown.lines == ["hello"]

    def test_a_handler_whose_level_is_its_own_affair_is_asked(self, log: logging.Logger) -> None:
        class Moody(ListHandler):
            level = property(lambda self: logging.ERROR, lambda self, value: None)  # type: ignore[assignment]

        with handler(logging.getLogger(), Moody()):
            assert not goes_short(lambda: log.info("hello"))

    def test_a_null_handler_with_a_handle_of_its_own_is_asked(self, log: logging.Logger) -> None:
        null = logging.NullHandler()
        seen: list[logging.LogRecord] = []
        with handler(logging.getLogger(), null):
            assert goes_short(lambda: log.info("hello"))
            with attribute(null, "handle", seen.append):
                log.info("hello")
            with attribute(logging.NullHandler, "handle", lambda self, record: seen.append(record)):
                log.info("hello")
            assert goes_short(lambda: log.info("hello"))
        assert len(seen) == 2

    def test_without_handlers_the_last_resort_prints_warnings(
        self, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        screen = io.StringIO()
        monkeypatch.setattr(sys, "stderr", screen)
        log.warning("warm")
        assert not goes_short(lambda: log.warning("hello"))
        assert screen.getvalue() == "warm\nhello\n"
        monkeypatch.setattr(logging, "lastResort", None)
        monkeypatch.setattr(log.manager, "emittedNoHandlerWarning", False)
        log.info("hello")
        assert "No handlers could be found" in screen.getvalue()

    @pytest.mark.parametrize("name", [LOG, "shop"])
    def test_propagate_decides_who_listens(self, log: logging.Logger, name: str) -> None:
        shown = ListHandler()
        with handler(logging.getLogger(), shown):
            log.addHandler(logging.NullHandler())
            assert not goes_short(lambda: log.info("one"))
            for value in (False, 0):
                logging.getLogger(name).propagate = value  # type: ignore[assignment]
                assert goes_short(lambda: log.info("two"))
            logging.getLogger(name).propagate = True
            assert not goes_short(lambda: log.info("three"))
        assert shown.lines == ["one", "three"]

    def test_a_filter_is_asked(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        encoding.take()
        refuse = lambda record: False  # noqa: E731
        log.addFilter(refuse)
        log.info("hello")
        assert encoding.take() == []
        log.removeFilter(refuse)
        assert goes_short(lambda: log.info("hello"))

    def test_a_filter_of_a_parent_is_not(self, log: logging.Logger) -> None:
        logging.getLogger().addFilter(_raise)
        assert goes_short(lambda: log.info("hello"))

    def test_levels_hold_at_once(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        encoding.take()
        log.setLevel(logging.ERROR)
        log.info("off")
        log.info("off")
        log.setLevel(logging.DEBUG)
        log.debug("on")
        assert goes_short(lambda: log.debug("on"))
        logging.getLogger("shop").setLevel(logging.ERROR)
        log.setLevel(logging.NOTSET)
        log.info("off")
        assert [record.body for record in encoding.take()] == ["on", "on"]

    def test_disable_holds_at_once(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        encoding.take()
        logging.disable(logging.INFO)
        log.info("off")
        log.info("off")
        logging.disable(logging.NOTSET)
        log.info("on")
        with attribute(log, "disabled", True):
            log.info("off")
        assert [record.body for record in encoding.take()] == ["on"]

    def test_a_factory_makes_the_record(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        encoding.take()

        def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = logging.LogRecord(*args, **kwargs)
            record.shard = 7
            return record

        logging.setLogRecordFactory(factory)
        try:
            log.info("hello")
        finally:
            logging.setLogRecordFactory(logging.LogRecord)
        log.info("hello")
        assert [record.attributes.get("shard") for record in encoding.take()] == [7, None]

    @pytest.mark.parametrize("name", ["_log", "handle", "filter", "callHandlers", "makeRecord", "findCaller"])
    def test_a_method_that_somebody_replaces_is_called(self, log: logging.Logger, name: str) -> None:
        called: list[str] = []
        original = getattr(logging.Logger, name)

        def replacement(self: Any, *args: Any, **kwargs: Any) -> Any:
            called.append(name)
            return original(self, *args, **kwargs)

        for owner in (logging.Logger, log):
            with attribute(owner, name, replacement if owner is not log else replacement.__get__(log)):
                log.info("hello")
        assert called == [name, name]
        assert goes_short(lambda: log.info("hello"))

    def test_a_level_check_that_somebody_replaces_is_asked(
        self, log: logging.Logger, encoding: EncodingProvider
    ) -> None:
        encoding.take()
        for owner in (logging.Logger, log):
            with attribute(owner, "isEnabledFor", lambda *args: False):
                log.info("off")
        assert encoding.take() == []

    @pytest.mark.parametrize("name", ["__init__", "getMessage"])
    def test_a_record_class_that_somebody_changes_is_used(self, log: logging.Logger, name: str) -> None:
        called: list[str] = []
        original = getattr(logging.LogRecord, name)

        def replacement(self: Any, *args: Any, **kwargs: Any) -> Any:
            called.append(name)
            return original(self, *args, **kwargs)

        with attribute(logging.LogRecord, name, replacement):
            log.info("hello")
        assert called
        assert goes_short(lambda: log.info("hello"))

    def test_a_clock_that_somebody_stops_is_read(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        encoding.take()
        import time

        name = "time_ns" if sys.version_info >= (3, 13) else "time"
        with attribute(time, name, lambda: 1_000_000_000 if name == "time_ns" else 1.0):
            log.info("hello")
        assert encoding.take()[0].timestamp == 1_000_000_000

    def test_a_level_gets_the_name_it_has(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        encoding.take()
        logging.addLevelName(logging.INFO, "NOTE")
        try:
            assert goes_short(lambda: log.info("hello"))
        finally:
            logging.addLevelName(logging.INFO, "INFO")
        assert goes_short(lambda: log.info("hello"))
        assert [record.severity_text for record in encoding.take()] == ["NOTE", "INFO"]

    def test_a_parent_that_is_exchanged_is_asked(self, log: logging.Logger) -> None:
        shown = ListHandler()
        other = logging.Logger("other", logging.INFO)  # noqa: LOG001 - no ancestors
        other.addHandler(shown)
        with attribute(log, "parent", other):
            log.info("hello")
        assert shown.lines == ["hello"]

    def test_an_attribute_of_the_applications_own_does_not_matter(self, log: logging.Logger) -> None:
        with attribute(log, "shop", "west"):
            assert goes_short(lambda: log.info("hello"))


class TestClassesOfTheApplication:
    @pytest.mark.parametrize(
        "overrides",
        [
            {"makeRecord": lambda self, *args, **kwargs: logging.Logger.makeRecord(self, *args, **kwargs)},
            {"handle": lambda self, record: logging.Logger.handle(self, record)},
            {"_log": lambda self, *args, **kwargs: logging.Logger._log(self, *args, **kwargs)},
            {"findCaller": lambda self, *args: ("f.py", 7, "function", None)},
            {"handlers": property(lambda self: [], lambda self, value: None)},
            {"__getattribute__": lambda self, name: object.__getattribute__(self, name)},
        ],
        ids=lambda overrides: next(iter(overrides)),
    )
    def test_that_change_a_method_keep_it(self, encoding: EncodingProvider, overrides: dict[str, Any]) -> None:
        log = type("Own", (logging.Logger,), overrides)("own", logging.INFO)
        log.info("warm")
        assert not goes_short(lambda: log.info("hello"))
        assert [record.body for record in encoding.take()] == ["warm", "hello"]

    def test_that_change_nothing_go_the_short_way(self) -> None:
        class Own(logging.Logger):
            def notice(self, message: str) -> None:
                self.info(message)

        log = Own("own", logging.INFO)
        log.notice("warm")
        assert goes_short(lambda: log.notice("hello"))
        with attribute(Own, "handle", _raise), pytest.raises(AssertionError):
            log.notice("hello")


class TestOurOwnExporting:
    def test_is_not_captured(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        encoding.take()
        for ours in (exporting, our_thread):
            with ours():
                log.info("ours")
        assert encoding.take() == []

    def test_of_transports_is_left_to_the_ordinary_way(self, fast: StdlibHandle) -> None:
        log = logging.getLogger("urllib3.connectionpool")
        log.info("warm")
        assert not goes_short(lambda: log.info("hello"))


class TestLogsWithinLogs:
    def test_of_a_str_are_followed_as_deep_as_ever(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        class Loud:
            def __str__(self) -> str:
                log.info("within %s", self)
                log.info("plain")
                return "loud"

        encoding.take()
        log.info("hello %s", Loud())
        bodies = [str(record.body) for record in encoding.take()]
        assert bodies[-1] == "hello loud"
        assert len(bodies) <= 2 * hook_module.MAX_NESTED


class TestInstalling:
    def test_methods_keep_their_names_and_are_put_back(self, fast: StdlibHandle) -> None:
        methods = level_methods()
        assert [name for name, *_ in methods] == ["debug", "info", "warning", "error", "critical", "log"]
        for name, method, _ in methods:
            assert logging.Logger.__dict__[name] is method
            assert (method.__name__, method.__objclass__) == (name, logging.Logger)
        fast.uninstall()
        for name, _, original in methods:
            assert logging.Logger.__dict__[name] is original

    def test_one_under_anothers_falls_silent(
        self, fast: StdlibHandle, encoding: EncodingProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ours = logging.Logger.info
        monkeypatch.setattr(logging.Logger, "info", lambda self, *args, **kwargs: ours(self, *args, **kwargs))
        logging.getLogger(LOG).info("one")
        fast.uninstall()
        encoding.take()
        logging.getLogger(LOG).info("two")
        assert encoding.take() == []
        again = StdlibSource().install(encoding)
        logging.getLogger(LOG).info("three")
        logging.getLogger(LOG).info("four")
        again.uninstall()
        assert [record.body for record in encoding.take()] == ["three", "four"]

    def test_stays_away_where_records_go_to_somebody_else(
        self, fast: StdlibHandle, encoding: EncodingProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fast.uninstall()
        seen: list[str] = []
        original = logging.Logger.callHandlers

        def tracked(self: logging.Logger, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())
            original(self, record)

        monkeypatch.setattr(logging.Logger, "callHandlers", tracked)
        again = StdlibSource().install(encoding)
        logging.getLogger(LOG).info("one")
        logging.getLogger(LOG).info("two")
        again.uninstall()
        assert seen == ["one", "two"]

    @pytest.mark.parametrize("options", [{"fast_stdlib": False}, {"thread_attributes": True}])
    def test_options_keep_to_the_ordinary_way(
        self, fast: StdlibHandle, encoding: EncodingProvider, options: dict[str, bool]
    ) -> None:
        fast.uninstall()
        again = StdlibSource(**options).install(encoding)
        log = logging.getLogger(LOG)
        log.info("warm")
        short = goes_short(lambda: log.info("hello"))
        again.uninstall()
        assert not short


class TestCallsThatRaise:
    @pytest.mark.parametrize(
        ("call", "error"),
        [
            (lambda log: log.info(), TypeError),
            (lambda log: log.info("hello", order=1), TypeError),
            (lambda log: log.log("INFO", "hello"), TypeError),
            (lambda log: log.info("hello", extra={"message": "x"}), KeyError),  # noqa: G101
            (lambda log: log.info("hello", extra={"name": "x"}), KeyError),  # noqa: G101
        ],
    )
    def test_raise_what_logging_raises(
        self, log: logging.Logger, call: Callable[[logging.Logger], None], error: type[Exception]
    ) -> None:
        with pytest.raises(error) as raised:
            call(log)
        assert not any("_stdlib_native" in str(entry.path) for entry in raised.traceback)

    def test_a_message_by_keyword_is_one(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        encoding.take()
        log.info(msg="hello")
        log.log(level=20, msg="hello")
        assert len(encoding.take()) == 2

    def test_many_arguments_fit(self, log: logging.Logger, encoding: EncodingProvider) -> None:
        encoding.take()
        log.info(" ".join(["%s"] * 40), *range(40))
        log.info(" ".join(["%s"] * 40), *[[1]] * 40)
        assert [str(record.body).count(" ") for record in encoding.take()] == [39, 39]
