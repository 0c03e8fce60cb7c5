"""What applications do with logging; `test_stdlib_invisible` runs it in processes of their own.

Usage: ``python logging_scenarios.py SCENARIO MODE``; SCENARIO ``matrix`` is every combination, MODE ``plain`` installs
nothing, any other is the level of the source (``default``: none). stderr is the application's; stdout gets, as JSON,
what its loggers answered and what we captured.
"""

from __future__ import annotations

import configparser
import contextlib
import functools
import io
import itertools
import json
import logging
import logging.config
import logging.handlers
import queue
import sys
import warnings
from collections.abc import Callable
from typing import Any

Install = Callable[[], None]
SCENARIOS: dict[str, Callable[[Install], Any]] = {}
LEVELS = (5, 10, 20, 25, 30, 40, 50)
CLASH = {"message": "a key that LogRecord has"}


def scenario(function: Callable[[Install], Any]) -> Callable[[Install], Any]:
    SCENARIOS[function.__name__] = function
    return function


def speak(name: str | None = None) -> None:
    log = logging.getLogger(name)
    for level in LEVELS:
        log.log(level, "%s says %d", log.name, level)


def answers(name: str | None = None) -> list[Any]:
    log = logging.getLogger(name)
    return [
        log.level,
        log.getEffectiveLevel(),
        log.hasHandlers(),
        log.propagate,
        log.disabled,
        repr(log),
        len(log.handlers),
    ]


@scenario
def unconfigured(install: Install) -> Any:
    install()
    speak("a.b")
    speak()
    return answers("a.b")


@scenario
def unconfigured_module_functions(install: Install) -> Any:
    install()
    for function in (logging.debug, logging.info, logging.warning, logging.error):
        function("%s", function.__name__)
    return answers()


@scenario
def module_functions_configure_the_root(install: Install) -> Any:
    install()
    logging.getLogger("a").warning("by the last resort")
    logging.info("configures, says nothing")  # noqa: LOG015 - module functions configure the root
    logging.getLogger("a").warning("by the root handler")
    return answers()


@scenario
def last_resort_none(install: Install) -> Any:
    install()
    logging.lastResort = None
    logging.getLogger("a.b").warning("nobody listens")
    logging.getLogger("a.b").warning("told once")
    return None


@scenario
def last_resort_at_debug(install: Install) -> Any:
    install()
    assert logging.lastResort is not None
    logging.lastResort.setLevel(logging.DEBUG)
    speak("a")
    return None


@scenario
def basic_config_after(install: Install) -> Any:
    install()
    speak("a")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s:%(name)s:%(funcName)s:%(lineno)d:%(message)s")
    speak("a")
    logging.basicConfig(level=logging.DEBUG)
    speak("a")
    logging.basicConfig(level=logging.DEBUG, force=True)
    speak("a")
    return answers("a")


@scenario
def basic_config_before(install: Install) -> Any:
    logging.basicConfig(level=logging.ERROR)
    speak("a")
    install()
    speak("a")
    return answers("a")


DICT_CONFIG = {
    "version": 1,
    "disable_existing_loggers": True,
    "formatters": {"short": {"format": "%(levelname)s %(name)s %(message)s"}},
    "filters": {"named": {"name": "app"}},
    "handlers": {
        "all": {"class": "logging.StreamHandler", "formatter": "short"},
        "errors": {"class": "logging.StreamHandler", "level": "ERROR", "formatter": "short", "filters": ["named"]},
    },
    "loggers": {
        "app": {"level": "DEBUG", "handlers": ["errors"], "propagate": True},
        "app.quiet": {"level": "CRITICAL", "handlers": ["all"], "propagate": False},
        "access": {"handlers": ["all"], "propagate": False},
    },
    "root": {"level": "WARNING", "handlers": ["all"]},
}


def dict_configured(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    existing = logging.getLogger("existing")
    existing.warning("before")
    first()
    existing.warning("between")
    second()
    for name in ("app", "app.child", "app.quiet", "app.quiet.child", "access", "other", "existing", None):
        speak(name)
    logging.config.dictConfig({"version": 1, "incremental": True, "root": {"level": "DEBUG"}})
    for name in ("app", "access", "other", None):
        speak(name)
    return [answers(name) for name in ("app", "app.quiet", "access", "existing", None)]


@scenario
def dict_config_after(install: Install) -> Any:
    return dict_configured(install, lambda: logging.config.dictConfig(DICT_CONFIG))


@scenario
def dict_config_before(install: Install) -> Any:
    return dict_configured(lambda: logging.config.dictConfig(DICT_CONFIG), install)


@scenario
def file_config_after(install: Install) -> Any:
    install()
    speak("a")
    parser = configparser.RawConfigParser()
    parser.read_string("""
[loggers]
keys=root,a
[handlers]
keys=err
[formatters]
keys=short
[logger_root]
level=ERROR
handlers=err
[logger_a]
level=INFO
handlers=err
propagate=0
qualname=a
[handler_err]
class=StreamHandler
args=(sys.stderr,)
formatter=short
[formatter_short]
format=%(levelname)s %(message)s
""")
    logging.config.fileConfig(parser, disable_existing_loggers=False)
    for name in ("a", "a.b", "c", None):
        speak(name)
    return answers("a")


@scenario
def disable(install: Install) -> Any:
    install()
    logging.basicConfig(level=logging.DEBUG)
    for level in (logging.NOTSET, logging.INFO, logging.CRITICAL, logging.NOTSET):
        logging.disable(level)
        speak("a")
    return None


@scenario
def exceptions_and_stacks(install: Install) -> Any:
    install()
    logging.basicConfig(format="%(message)s")
    log = logging.getLogger("a")
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("caught")
        log.warning("with", exc_info=True, stack_info=True)
        log.info("ours", exc_info=True, stack_info=True)
    log.warning("deeper", stack_info=True, stacklevel=2)
    return None


@scenario
def broken_formats(install: Install) -> Any:
    install()
    logging.basicConfig()
    log = logging.getLogger("a")
    log.warning("%d", "x")
    log.info("%d", "x")
    log.error("%s %s", 1)

    class Broken:
        def __repr__(self) -> str:
            return "Broken"

        def __str__(self) -> str:
            raise LookupError("no text")

    log.error("%s", Broken())
    log.error(Broken())
    logging.raiseExceptions = False
    log.error("%d", "silent")
    return None


@scenario
def broken_handler(install: Install) -> Any:
    class Broken(logging.StreamHandler):  # type: ignore[type-arg]
        def emit(self, record: logging.LogRecord) -> None:
            try:
                raise OSError("disk full")
            except OSError:
                self.handleError(record)

    install()
    logging.getLogger().addHandler(Broken())
    logging.getLogger("a").error("lost on the disk")
    return None


@scenario
def wrong_calls(install: Install) -> Any:
    install()
    logging.basicConfig()
    log: Any = logging.getLogger("a")
    said = []
    for call in (
        lambda: log.warning("x", extra=CLASH),
        lambda: log.warning("x", unknown=1),
        lambda: log.log("INFO", "x"),
        lambda: log.isEnabledFor("INFO"),
        lambda: log.setLevel("LOUD"),
        lambda: log.info("x", extra=CLASH),
    ):
        try:
            said.append(call())
        except Exception as error:
            said.append(repr(error))
    return said


@scenario
def captured_warnings(install: Install) -> Any:
    install()
    logging.basicConfig()
    logging.captureWarnings(True)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("careful", UserWarning, stacklevel=1)
    logging.captureWarnings(False)
    return None


@scenario
def queue_and_memory_handlers(install: Install) -> Any:
    install()
    stream = logging.StreamHandler()
    waiting: Any = queue.SimpleQueue()
    log = logging.getLogger("a")
    log.addHandler(logging.handlers.QueueHandler(waiting))
    memory = logging.handlers.MemoryHandler(100, target=stream)
    logging.getLogger("b").addHandler(memory)
    listener = logging.handlers.QueueListener(waiting, stream)
    speak("a")
    speak("b")
    listener.start()
    listener.stop()
    memory.close()
    return None


@scenario
def records_received_from_elsewhere(install: Install) -> Any:
    install()
    logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
    for level in LEVELS:
        record = logging.makeLogRecord({"name": "remote", "levelno": level, "levelname": f"L{level}", "msg": "hello"})
        logging.getLogger("remote").handle(record)
        logging.getLogger("remote").callHandlers(record)
    return None


@scenario
def subclasses_adapters_factories(install: Install) -> Any:
    class Verbose(logging.Logger):
        def notice(self, message: str, *args: object) -> None:
            if self.isEnabledFor(25):
                self._log(25, message, args)

        def unchecked(self, message: str) -> None:
            self._log(25, message, ())

    logging.addLevelName(25, "NOTICE")
    logging.setLoggerClass(Verbose)
    factory = logging.getLogRecordFactory()

    def stamped(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = factory(*args, **kwargs)
        record.msg = f"[stamped] {record.msg}"
        return record

    logging.setLogRecordFactory(stamped)
    logging.basicConfig(format="%(levelname)s %(funcName)s %(message)s")
    install()
    log: Any = logging.getLogger("a")
    log.notice("refused")
    log.unchecked("let through")
    logging.getLogger().setLevel(logging.ERROR)
    log.notice("refused")
    log.unchecked("let through")
    logging.getLogger().setLevel(logging.DEBUG)
    log.notice("admitted")
    adapter = logging.LoggerAdapter(log, {"user": "u1"})
    adapter.warning("adapted")
    adapter.debug("adapted")
    return adapter.getEffectiveLevel()


@scenario
def filters(install: Install) -> Any:
    install()
    logging.basicConfig()
    logging.getLogger("a").addFilter(lambda record: "secret" not in record.getMessage())
    for message in ("secret", "open"):
        logging.getLogger("a").warning(message)
        logging.getLogger("a").info(message)
    return None


@scenario
def children_of_configured_parents(install: Install) -> Any:
    install()
    logging.basicConfig()
    child = logging.getLogger("a.b.c")
    child.info("refused")
    logging.getLogger("a").setLevel(logging.DEBUG)
    child.debug("admitted")
    logging.getLogger("a.b").setLevel(logging.ERROR)
    child.warning("refused")
    logging.getLogger("a.b").propagate = False
    child.error("by the last resort")
    return repr(child)


@scenario
def level_set_without_set_level(install: Install) -> Any:
    install()
    logging.basicConfig()
    log = logging.getLogger("a")
    log.info("refused")
    log.level = logging.DEBUG
    log.debug("as the cache has it")
    log.info("as the cache has it")
    logging.getLogger().level = logging.DEBUG
    logging.getLogger("b").debug("new")
    return None


def matrix() -> dict[str, dict[str, int | bool | str]]:
    """Every combination of levels, places of handlers, propagation and order, by name."""
    axes: dict[str, tuple[Any, ...]] = {
        "root_level": (0, 10, 30, 40),
        "own_level": (0, 10, 20, 40),
        "propagate": (True, False),
        "handlers": ("none", "root", "logger", "both"),
        "handler_level": (0, 40),
        "installed": ("before", "after"),
    }
    return {
        "/".join(map(str, values)): dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    }


def combination(case: dict[str, Any], install: Install) -> Any:
    if case["installed"] == "before":
        install()
        logging.getLogger("app").info("warms the caches")
    root, log = logging.getLogger(), logging.getLogger("app")
    for place, name in ((root, "root"), (log, "logger")):
        if case["handlers"] in (name, "both"):
            handler = logging.StreamHandler()
            handler.setLevel(case["handler_level"])
            handler.setFormatter(logging.Formatter(f"{name}: %(message)s"))
            place.addHandler(handler)
    root.setLevel(case["root_level"])
    log.setLevel(case["own_level"])
    log.propagate = case["propagate"]
    if case["installed"] == "after":
        log.info("before us")
        install()
    for name in ("app", "app.child", "other"):
        speak(name)
    return [answers(name) for name in ("app", "app.child", None)]


def run(body: Callable[[Install], Any], mode: str) -> dict[str, Any]:
    captured: list[list[Any]] = []
    handles: list[Any] = []

    class Logger:
        def __init__(self, name: str) -> None:
            self.name = name

        def emit(self, record: Any = None, **fields: Any) -> None:
            captured.append([self.name, fields["body"] if isinstance(fields["body"], str) else repr(fields["body"])])

    class Provider:
        def get_logger(self, name: str) -> Logger:
            return Logger(name)

    def install() -> None:
        if mode != "plain":
            from fapilog_otel.sources.stdlib import StdlibSource

            handles.append(StdlibSource(None if mode == "default" else mode).install(Provider()))

    answer = body(install)
    for handle in handles:
        handle.uninstall()
        assert (handle.dropped, handle.failed) == (0, 0)
    return {"answer": answer, "captured": captured}


def run_matrix(mode: str) -> dict[str, Any]:
    """Run every combination in this process; logging is given back its first state after each."""
    results = {}
    root = logging.getLogger()
    for name, case in matrix().items():
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr):
            results[name] = run(functools.partial(combination, case), mode)
        results[name]["stderr"] = stderr.getvalue()
        root.handlers.clear()
        root.setLevel(logging.WARNING)
        root.manager.loggerDict.clear()
    return results


if __name__ == "__main__":
    chosen, mode = sys.argv[1:]
    json.dump(run_matrix(mode) if chosen == "matrix" else run(SCENARIOS[chosen], mode), sys.stdout)
