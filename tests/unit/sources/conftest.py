from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from stdlib_doubles import EncodingProvider, RecordingProvider

from fapilog_otel.sources.stdlib import StdlibHandle, StdlibSource
from fapilog_otel.sources.stdlib.fast import level_methods


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Take pytest's own handlers off the root, which it puts there after the fixtures are set up."""
    if "clean_logging" not in pyfuncitem.fixturenames:
        return (yield)
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        return (yield)
    finally:
        root.handlers = handlers


@pytest.fixture(autouse=True)
def plain_logger_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """New loggers are ``logging``'s own: structlog's ``LoggerFactory`` sets another class for the whole process."""
    monkeypatch.setattr(logging, "_loggerClass", logging.Logger)


@pytest.fixture
def clean_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The logging of a process that has configured nothing."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "filters", [])
    monkeypatch.setattr(root, "level", logging.WARNING)
    monkeypatch.setattr(root.manager, "loggerDict", {})
    monkeypatch.setattr(root.manager, "_disable", 0)
    root.manager._clear_cache()
    yield
    monkeypatch.undo()
    root.manager._clear_cache()


@pytest.fixture
def provider() -> RecordingProvider:
    return RecordingProvider()


@pytest.fixture
def install(clean_logging: None, provider: RecordingProvider) -> Iterator[Callable[..., StdlibHandle]]:
    """Install a source with the options given; taken out at the end of the test."""
    handles: list[StdlibHandle] = []

    def installer(*args: Any, **options: Any) -> StdlibHandle:
        handle = StdlibSource(*args, **options).install(provider)
        handles.append(handle)
        return handle

    yield installer
    for handle in reversed(handles):
        handle.uninstall()


@pytest.fixture
def encoding() -> EncodingProvider:
    return EncodingProvider()


@pytest.fixture
def fast(clean_logging: None, encoding: EncodingProvider) -> Iterator[StdlibHandle]:
    """The source with the short way on, over our own encoder; the root is at INFO."""
    if not level_methods():
        pytest.skip("the compiled functions are not there")
    logging.getLogger().setLevel(logging.INFO)
    handle = StdlibSource().install(encoding)
    yield handle
    handle.uninstall()
