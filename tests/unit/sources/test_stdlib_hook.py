from __future__ import annotations

import copy
import io
import logging
import logging.config
import logging.handlers
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from stdlib_doubles import ListHandler, RecordingProvider

from fapilog_otel.sources.stdlib import StdlibHandle, StdlibSource
from fapilog_otel.telemetry.origin import exporting, our_thread

Install = Callable[..., StdlibHandle]
HOOKED = ("isEnabledFor", "makeRecord", "filter", "callHandlers")


def hooked_attributes() -> dict[str, Any]:
    return {name: logging.Logger.__dict__.get(name) for name in HOOKED}


@contextmanager
def patched_over(name: str, make: Callable[[Any], Any]) -> Iterator[Any]:
    """Do as other instrumentation does: keep what the class gives, and put a function over it."""
    before = logging.Logger.__dict__.get(name)
    setattr(logging.Logger, name, make(getattr(logging.Logger, name)))
    try:
        yield logging.Logger.__dict__[name]
    finally:
        if before is None:
            delattr(logging.Logger, name)
        else:
            setattr(logging.Logger, name, before)


class TestInstall:
    def test_reaches_loggers_that_do_not_propagate(self, install: Install, provider: RecordingProvider) -> None:
        log = logging.getLogger("uvicorn.access")
        log.propagate = False
        install()
        log.info("GET /")
        assert provider.bodies == ["GET /"]

    def test_reaches_loggers_outside_any_hierarchy(self, install: Install, provider: RecordingProvider) -> None:
        install()
        log = logging.Logger("bare")  # noqa: LOG001
        log.addHandler(logging.NullHandler())
        log.debug("hello")
        assert provider.bodies == ["hello"]

    def test_survives_dict_config(self, install: Install, provider: RecordingProvider) -> None:
        install()
        logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR"}})
        logging.getLogger("a").error("after")
        assert provider.bodies == ["after"]

    def test_leaves_everything_an_application_can_see(self, install: Install) -> None:
        log = logging.getLogger("a.b")
        seen = ("level", "handlers", "filters", "propagate", "disabled", "parent")
        before = {name: copy.copy(getattr(log, name)) for name in seen}
        install("DEBUG")
        log.debug("hello")
        assert {name: getattr(log, name) for name in seen} == before
        assert log.getEffectiveLevel() == logging.WARNING
        assert not log.hasHandlers()
        assert logging.getLogger().handlers == []

    def test_keeps_names_and_documentation_of_what_it_covers(self, install: Install) -> None:
        plain = logging.Logger.callHandlers
        install()
        hooked: Any = logging.Logger.callHandlers
        assert (hooked.__name__, hooked.__qualname__, hooked.__doc__) == (
            plain.__name__,
            plain.__qualname__,
            plain.__doc__,
        )


class TestUninstall:
    def test_gives_back_the_very_same_functions(self, install: Install) -> None:
        before = hooked_attributes()
        handle = install()
        assert all(hooked_attributes()[name] is not before[name] for name in HOOKED)
        handle.uninstall()
        assert all(hooked_attributes()[name] is before[name] for name in HOOKED)
        assert "filter" not in logging.Logger.__dict__
        assert not handle.installed

    def test_leaves_plain_empty_caches(self, install: Install) -> None:
        handle = install("DEBUG")
        log = logging.getLogger("a")
        log.debug("hello")
        logging.getLogger().debug("hello")
        handle.uninstall()
        assert [type(one._cache) for one in (log, logging.getLogger())] == [dict, dict]  # type: ignore[attr-defined]
        assert not log.isEnabledFor(logging.DEBUG)

    def test_captures_nothing_afterwards(self, install: Install, provider: RecordingProvider) -> None:
        handle = install()
        handle.uninstall()
        handle.uninstall()
        logging.getLogger("a").critical("late")
        assert provider.emitted == []

    @pytest.mark.parametrize("name", HOOKED)
    def test_under_another_patch_leaves_it_and_falls_silent(
        self, clean_logging: None, provider: RecordingProvider, name: str
    ) -> None:
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        calls: list[object] = []

        def make(before: Any) -> Any:
            def theirs(self: logging.Logger, *arguments: Any) -> Any:
                calls.append(arguments)
                return before(self, *arguments)

            return theirs

        stock = logging.Logger.__dict__.get(name)
        handle = StdlibSource("DEBUG").install(provider)
        ours = logging.Logger.__dict__[name]
        with patched_over(name, make) as theirs:
            handle.uninstall()
            assert logging.Logger.__dict__[name] is theirs
            logging.getLogger("a").debug("ours no more")
            logging.getLogger("a").error("still theirs")
            assert calls
            assert handler.lines == ["still theirs"]
            assert provider.emitted == []
            again = StdlibSource().install(provider)
            logging.getLogger("a").error("ours again")
            assert provider.bodies == ["ours again"]
            again.uninstall()
            assert logging.Logger.__dict__[name] is theirs
        assert logging.Logger.__dict__[name] is ours  # given back by them, and without effect
        logging.getLogger("a").error("nobody but the handler")
        assert provider.bodies == ["ours again"]
        if stock is None:
            delattr(logging.Logger, name)
        else:
            setattr(logging.Logger, name, stock)

    def test_under_a_patch_that_came_first_gives_it_back(
        self, clean_logging: None, provider: RecordingProvider
    ) -> None:
        seen: list[str] = []

        def make(before: Any) -> Any:
            def theirs(self: logging.Logger, record: logging.LogRecord) -> None:
                seen.append(record.getMessage())
                before(self, record)

            return theirs

        with patched_over("callHandlers", make) as theirs:
            handle = StdlibSource("DEBUG").install(provider)
            logging.getLogger("a").debug("ours")
            logging.getLogger("a").error("both")
            handle.uninstall()
            assert logging.Logger.__dict__["callHandlers"] is theirs
        assert seen == ["both"]
        assert provider.bodies == ["ours", "both"]


class TestHandlersOfTheApplication:
    def test_get_only_what_the_levels_of_the_application_admit(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        install("DEBUG")
        log = logging.getLogger("a")
        log.debug("1")
        log.warning("2")
        log.info("3")
        assert handler.lines == ["2"]
        assert provider.bodies == ["1", "2", "3"]

    def test_get_records_once_their_level_admits_them(self, install: Install) -> None:
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        install("DEBUG")
        log = logging.getLogger("a")
        log.debug("1")
        if log.isEnabledFor(logging.DEBUG):  # a guard that no record follows
            logging.getLogger().setLevel(logging.DEBUG)
        log.debug("2")
        logging.getLogger().setLevel(logging.WARNING)
        log.debug("3")
        assert handler.lines == ["2"]

    def test_get_unchecked_records_as_without_us(self, install: Install, provider: RecordingProvider) -> None:
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        install("DEBUG")
        log = logging.getLogger("a")
        record = log.makeRecord("a", logging.DEBUG, "f", 1, "received", (), None)
        log.handle(record)
        assert handler.lines == ["received"]
        assert provider.bodies == ["received"]

    def test_do_not_get_what_followed_a_check_of_their_own_kind(self, install: Install) -> None:
        """Own level methods ask first and then call _log; some libraries make the record themselves."""
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        install("DEBUG")
        log = logging.getLogger("a")
        if log.isEnabledFor(15):
            log._log(15, "noticed", ())
        if log.isEnabledFor(15):
            log.handle(log.makeRecord("a", 15, "f", 1, "made", (), None))
        assert handler.lines == []

    def test_of_a_nested_call_do_not_disturb_the_outer_one(self, install: Install, provider: RecordingProvider) -> None:
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        install("DEBUG")
        log, other = logging.getLogger("a"), logging.getLogger("b")

        class Chatty(logging.Filter):
            def filter(self, record: logging.LogRecord) -> bool:
                other.debug("inner, ours")
                other.warning("inner, theirs")
                return True

        log.addFilter(Chatty())
        log.debug("outer")
        assert handler.lines == ["inner, theirs"]
        assert provider.bodies == ["inner, ours", "inner, theirs", "outer"]

    def test_many_unanswered_checks_leave_no_memory(self, install: Install) -> None:
        handle = install("DEBUG")
        for number in range(1000):
            logging.getLogger(f"a.{number}").isEnabledFor(logging.DEBUG)
        assert len(handle._hook._thread.marks) <= 32

    def test_filters_of_a_logger_hold_for_us_too(self, install: Install, provider: RecordingProvider) -> None:
        install("DEBUG")
        log = logging.getLogger("a")
        log.addFilter(lambda record: record.getMessage() != "secret")
        log.debug("secret")
        log.debug("open")
        assert provider.bodies == ["open"]

    def test_that_raise_reach_the_caller_and_the_record_is_captured(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        class Raising(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                raise LookupError("full")

        logging.getLogger().addHandler(Raising())
        install()
        for _ in range(2):
            with pytest.raises(LookupError):
                logging.getLogger("a").error("hello")
        assert provider.bodies == ["hello", "hello"]

    def test_that_change_the_record_change_it_after_us(self, install: Install, provider: RecordingProvider) -> None:
        class Colouring(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                record.levelname = "\x1b[31mERROR\x1b[0m"
                record.msg = "painted"

        logging.getLogger().addHandler(Colouring())
        install()
        logging.getLogger("a").error("plain")
        assert provider.last["severity_text"] == "ERROR"
        assert provider.bodies == ["plain"]

    def test_that_pass_the_record_on_make_one_for_each_logger(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        class Forwarding(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                logging.getLogger("sink").handle(record)

        logging.getLogger("a").addHandler(Forwarding())
        logging.getLogger("a").propagate = False
        logging.getLogger("sink").addHandler(ListHandler())
        install()
        logging.getLogger("a").error("passed on")
        assert provider.bodies == ["passed on", "passed on"]

    def test_called_directly_count_as_a_log(self, install: Install, provider: RecordingProvider) -> None:
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        install("DEBUG")
        log = logging.getLogger("a")
        record = log.makeRecord("a", logging.ERROR, "f", 1, "direct", (), None)
        log.callHandlers(record)
        if log.filter(record):
            log.callHandlers(record)
        if log.isEnabledFor(logging.DEBUG):
            log.callHandlers(log.makeRecord("a", logging.DEBUG, "f", 1, "ours", (), None))
        assert handler.lines == ["direct", "direct"]
        assert provider.bodies == ["direct", "direct", "ours"]

    def test_that_another_instrumentation_covers_get_no_more(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        """Error trackers put a function over callHandlers, and are as good as a handler."""
        install("DEBUG")
        seen: list[str] = []

        def make(before: Any) -> Any:
            def theirs(self: logging.Logger, record: logging.LogRecord) -> None:
                seen.append(record.getMessage())
                before(self, record)

            return theirs

        with patched_over("callHandlers", make):
            logging.getLogger("a").debug("ours")
            logging.getLogger("a").error("both")
        assert seen == ["both"]
        assert provider.bodies == ["ours", "both"]

    def test_of_a_handle_that_skips_filters_get_their_records(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        install("DEBUG")

        def make(before: Any) -> Any:
            def stamped(self: logging.Logger, record: logging.LogRecord) -> None:
                record.msg = f"[stamped] {record.msg}"
                self.callHandlers(record)

            return stamped

        with patched_over("handle", make):
            logging.getLogger("a").debug("ours")
            logging.getLogger("a").error("both")
        assert handler.lines == ["[stamped] both"]
        assert provider.bodies == ["[stamped] ours", "[stamped] both"]

    def test_of_a_queue_listener_work_as_ever(self, install: Install, provider: RecordingProvider) -> None:
        waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        handler = ListHandler()
        logging.getLogger("a").addHandler(logging.handlers.QueueHandler(waiting))  # type: ignore[arg-type]
        listener = logging.handlers.QueueListener(waiting, handler)  # type: ignore[arg-type]
        install("DEBUG")
        listener.start()
        logging.getLogger("a").debug("ours")
        logging.getLogger("a").error("%s", "both")
        listener.stop()
        assert handler.lines == ["both"]
        assert provider.bodies == ["ours", "both"]


class TestCallerOf:
    """Line and function of a log call, which logging finds by walking the stack."""

    def expect(self, provider: RecordingProvider, line: int, function: str) -> None:
        attributes = provider.last["attributes"]
        assert attributes["code.file.path"] == __file__
        assert attributes["code.line.number"] == line
        assert attributes["code.function.name"].endswith(function)

    def line(self) -> int:
        return sys._getframe(1).f_lineno

    @pytest.mark.parametrize("method", ["debug", "info", "warning", "error", "critical", "exception"])
    def test_every_method(self, install: Install, provider: RecordingProvider, method: str) -> None:
        install("DEBUG")
        line = self.line() + 1
        getattr(logging.getLogger("a"), method)("hello")
        self.expect(provider, line, "test_every_method")

    def test_log_and_adapter_and_module_function(self, install: Install, provider: RecordingProvider) -> None:
        logging.getLogger().addHandler(logging.NullHandler())
        install("DEBUG")
        for call in (
            lambda: logging.getLogger("a").log(15, "hello"),
            lambda: logging.LoggerAdapter(logging.getLogger("a"), {}).debug("hello"),
            lambda: logging.info("hello"),  # noqa: LOG015
        ):
            call()
            self.expect(provider, call.__code__.co_firstlineno, "<lambda>")

    @pytest.mark.parametrize("stacklevel", [1, 2, 3])
    def test_stacklevel_is_the_same_with_and_without_us(self, install: Install, stacklevel: int) -> None:
        handler = ListHandler()
        handler.setFormatter(logging.Formatter("%(funcName)s:%(lineno)d"))
        logging.getLogger().addHandler(handler)

        def inner() -> None:
            logging.getLogger("a").error("hello", stacklevel=stacklevel)

        def outer() -> None:
            inner()

        def twice() -> None:
            for step in (lambda: None, install):
                step()
                outer()

        twice()
        assert len(handler.lines) == 2
        assert handler.lines[0] == handler.lines[1]

    def test_logs_written_by_a_handler_see_the_same_stack(self, install: Install) -> None:
        lines: list[tuple[str, int]] = []

        class Asking(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                _, _, name, _ = logging.getLogger("b").findCaller(stacklevel=2)
                lines.append((name, 0))

        logging.getLogger("a").addHandler(Asking())
        for step in (lambda: None, install):
            step()
            logging.getLogger("a").error("hello")
        assert len(lines) == 2
        assert lines[0] == lines[1]

    def test_failing_handler_prints_the_same_call_stack(
        self, install: Install, capsys: pytest.CaptureFixture[str]
    ) -> None:
        logging.getLogger().addHandler(logging.StreamHandler(io.StringIO()))
        printed = []
        for step in (lambda: None, install):
            step()
            logging.getLogger("a").error("%d", "x")
            printed.append(capsys.readouterr().err)
        assert "Call stack:" in printed[0]
        assert __file__ in printed[0]
        assert printed[0] == printed[1]


class TestSubclasses:
    def test_that_dispatch_by_themselves_are_captured(self, install: Install, provider: RecordingProvider) -> None:
        class Early(logging.Logger):
            def callHandlers(self, record: logging.LogRecord) -> None:
                lines.append("early")

        lines: list[str] = []
        install()

        class Late(Early):
            def callHandlers(self, record: logging.LogRecord) -> None:
                lines.append("late")

        for kind in (Early, Late):
            kind("x", logging.WARNING).error("hello")
        assert provider.bodies == ["hello", "hello"]
        assert lines == ["early", "late"]

    @pytest.mark.parametrize("name", ["handle", "filter", "callHandlers", "makeRecord", "isEnabledFor"])
    def test_that_call_the_base_class_are_captured_once(
        self, install: Install, provider: RecordingProvider, name: str
    ) -> None:
        def polite(self: logging.Logger, *args: Any) -> Any:
            return getattr(super(kind, self), name)(*args)

        kind: Any = type("Polite", (logging.Logger,), {name: polite})
        install()
        handler = ListHandler()
        log = kind("x")
        log.addHandler(handler)
        log.error("hello")
        assert provider.bodies == ["hello"]
        assert handler.lines == ["hello"]

    def test_with_a_level_check_of_their_own_are_obeyed(self, install: Install, provider: RecordingProvider) -> None:
        class Muted(logging.Logger):
            def isEnabledFor(self, level: int) -> bool:
                return super().isEnabledFor(level) and level != logging.ERROR

        install("DEBUG")
        log = Muted("x")
        log.error("muted")
        log.critical("heard")
        assert provider.bodies == ["heard"]

    def test_made_by_set_logger_class_are_captured(
        self, install: Install, provider: RecordingProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Special(logging.Logger):
            def callHandlers(self, record: logging.LogRecord) -> None:
                lines.append(record.getMessage())

        lines: list[str] = []
        monkeypatch.setattr(logging, "_loggerClass", Special)
        install("DEBUG")
        logging.getLogger("special").debug("ours")
        logging.getLogger("special").error("both")
        assert provider.bodies == ["ours", "both"]
        assert lines == ["both"]


class TestFeedback:
    def test_from_our_threads_is_dropped_whatever_the_logger(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        install("DEBUG")

        def work() -> None:
            with our_thread():
                assert not logging.getLogger("shop").isEnabledFor(logging.DEBUG)
                logging.getLogger("shop").debug("hello")
                logging.getLogger("urllib3.connectionpool").warning("retrying")

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(10)
        assert provider.emitted == []
        assert handler.lines == ["retrying"]

    def test_from_an_export_on_the_callers_thread_is_dropped(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        install("DEBUG")
        with exporting():
            logging.getLogger("grpc").error("channel down")
        logging.getLogger("grpc").error("the application's own call")
        assert provider.bodies == ["the application's own call"]

    def test_under_the_suppression_key_is_dropped_for_transports_only(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value

        install("DEBUG")
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        for name in (
            "urllib3.connectionpool",
            "requests",
            "httpx",
            "grpc",
            "opentelemetry.exporter",
            "shop",
            "urllib33",
        ):
            logging.getLogger(name).info(name)
        detach(token)
        logging.getLogger("httpx").info("later")
        assert provider.bodies == ["shop", "urllib33", "later"]

    def test_of_a_provider_that_logs_while_it_takes_a_record_ends(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        handle = install("DEBUG")
        provider.on_emit = lambda fields: logging.getLogger("provider").debug("taken")
        logging.getLogger("a").debug("hello")
        assert provider.bodies == ["hello", "taken", "taken"]
        assert handle.dropped == 1


class Loud:
    """Logs itself whenever it is turned into text."""

    def __init__(self, log: logging.Logger, level: int = logging.INFO) -> None:
        self.log = log
        self.level = level
        self.calls = 0

    def __str__(self) -> str:
        self.calls += 1
        self.log.log(self.level, "turned %s into text", self)
        return "loud"


class TestNesting:
    def test_log_made_while_a_record_is_translated_is_not_lost(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        install("DEBUG")

        class Lazy:
            def __str__(self) -> str:
                logging.getLogger("db").debug("SELECT 1")
                return "row"

        logging.getLogger("a").debug("got %s", Lazy())
        assert provider.bodies == ["SELECT 1", "got row"]

    def test_log_of_itself_ends_and_is_counted(self, install: Install, provider: RecordingProvider) -> None:
        handle = install("DEBUG")
        logging.getLogger("a").debug("hello %s", Loud(logging.getLogger("b")))
        assert provider.bodies == ["turned loud into text", "turned loud into text", "hello loud"]
        assert handle.dropped == 1

    def test_log_of_itself_with_handlers_ends_as_without_us(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        """Logging itself recurses until Python stops it; ours must not multiply that."""
        logging.getLogger().addHandler(ListHandler())
        install()
        loud = Loud(logging.getLogger("b"), logging.ERROR)
        with pytest.raises(RecursionError):
            logging.getLogger("a").error("hello %s", loud)
        assert loud.calls < 50_000
        provider.emitted.clear()
        logging.getLogger("a").error("and on")
        assert provider.bodies == ["and on"]

    def test_handlers_get_a_log_made_meanwhile(self, install: Install) -> None:
        """A lazy value runs its query once, while we translate: the terminal must not miss it."""
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        install()

        class Lazy:
            loaded = False

            def __str__(self) -> str:
                if not self.loaded:
                    self.loaded = True
                    logging.getLogger("db").error("SELECT 1")
                return "row"

        logging.getLogger("a").error("got %s", Lazy())
        assert handler.lines == ["SELECT 1", "got row"]

    def test_signal_handler_that_logs_meanwhile_is_captured(
        self, install: Install, provider: RecordingProvider
    ) -> None:
        install("DEBUG")

        class Slow:
            def __str__(self) -> str:
                signal.raise_signal(signal.SIGINT)
                return "slow"

        before = signal.signal(signal.SIGINT, lambda *_: logging.getLogger("sig").debug("caught"))
        try:
            logging.getLogger("a").debug("%s", Slow())
        finally:
            signal.signal(signal.SIGINT, before)
        assert provider.bodies == ["caught", "slow"]


class TestCallsThatLoggingRefuses:
    """Without us the level check had kept them from being made; they must not begin to raise."""

    def test_are_captured_where_the_record_is_ours_alone(self, install: Install, provider: RecordingProvider) -> None:
        install("DEBUG", code_attributes=False)
        extra = {"message": "clash", "name": "n", "order_id": 7}
        logging.getLogger("a").debug("hello %s", "world", extra=extra)
        assert provider.last["scope"] == "a"
        assert provider.bodies == ["hello world"]
        assert provider.last["attributes"] == {"extra.message": "clash", "extra.name": "n", "order_id": 7}

    def test_raise_as_ever_where_the_application_wants_the_record(self, install: Install) -> None:
        install("DEBUG")
        logging.getLogger("b").isEnabledFor(logging.DEBUG)
        extra = {"message": "clash"}
        with pytest.raises(KeyError):
            logging.getLogger("a").error("hello", extra=extra)

    def test_of_a_broken_factory_are_captured(
        self, install: Install, provider: RecordingProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*args: object, **kwargs: object) -> logging.LogRecord:
            raise LookupError("no request")

        monkeypatch.setattr(logging, "_logRecordFactory", broken)
        install("DEBUG")
        logging.getLogger("a").debug("hello")
        assert provider.bodies == ["hello"]
        with pytest.raises(LookupError):
            logging.getLogger("a").error("hello")


class TestFailures:
    def test_in_the_provider_are_counted_and_the_handlers_get_the_record(
        self, install: Install, provider: RecordingProvider, capsys: pytest.CaptureFixture[str]
    ) -> None:
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        handle = install()

        def fail(fields: object) -> None:
            raise ZeroDivisionError

        provider.on_emit = fail
        logging.getLogger("a").error("hello")
        assert handle.failed == 1
        assert handler.lines == ["hello"]

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
    def test_that_are_no_exceptions_pass_through(
        self, install: Install, provider: RecordingProvider, error: type[BaseException]
    ) -> None:
        class Ending:
            def __str__(self) -> str:
                raise error

        handle = install()
        with pytest.raises(error):
            logging.getLogger("a").error("hello %s", Ending())
        assert handle.failed == 0
        logging.getLogger("a").error("and on")
        assert provider.bodies == ["and on"]

    @pytest.mark.parametrize("level", ["DEBUG", None, 1.5])
    def test_of_a_wrong_level_are_those_of_logging(self, install: Install, level: Any) -> None:
        log = logging.getLogger("a")
        errors = []
        for step in (lambda: None, install):
            step()
            try:
                errors.append(log.isEnabledFor(level))
            except TypeError as error:
                errors.append(str(error))
        assert len(errors) == 2
        assert errors[0] == errors[1]

    def test_of_odd_records_are_those_of_logging(self, install: Install, provider: RecordingProvider) -> None:
        install("DEBUG")
        logging.getLogger("a").isEnabledFor(logging.DEBUG)
        with pytest.raises(TypeError):
            logging.getLogger("a").handle(logging.makeLogRecord({"levelno": None, "msg": "odd"}))
        assert provider.bodies == ["odd"]


class TestThreads:
    def test_each_have_their_own_checks_and_nesting(self, install: Install, provider: RecordingProvider) -> None:
        handler = ListHandler()
        logging.getLogger().addHandler(handler)
        handle = install("DEBUG")
        start = threading.Barrier(4)

        def work(number: int) -> None:
            log = logging.getLogger(f"t{number % 2}")
            start.wait(10)
            for turn in range(500):
                log.debug("ours %d", turn)
                log.error("both %d", turn)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(provider.emitted) == 4000
        assert len(handler.lines) == 2000
        assert all(line.startswith("both") for line in handler.lines)
        assert (handle.dropped, handle.failed) == (0, 0)
