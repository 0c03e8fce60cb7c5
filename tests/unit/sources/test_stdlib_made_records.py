"""The records that handlers get are those that `logging` makes, field by field."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
from stdlib_doubles import EncodingProvider

from fapilog_otel.sources.stdlib import StdlibSource

OF_THE_CLOCK = ("created", "msecs", "relativeCreated")


class Keeper(logging.Handler):
    """Keeps the records themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def handle(self, record: logging.LogRecord) -> bool:
        self.records.append(record)
        return True


def record_of(call: Callable[[logging.Logger], object]) -> logging.LogRecord:
    """Give the record of the second call: the first finds out about levels."""
    keeper = Keeper()
    log = logging.getLogger("shop.cart")
    log.addHandler(keeper)
    try:
        for _ in range(2):
            call(log)
    finally:
        log.removeHandler(keeper)
    return keeper.records[-1]


def _raised() -> ValueError:
    try:
        raise ValueError("broken")
    except ValueError as error:
        return error


ERROR = _raised()
CALLS: dict[str, Callable[[logging.Logger], object]] = {
    "plain": lambda log: log.info("hello"),
    "arguments": lambda log: log.warning("%s %d", "a", 1),
    "one argument": lambda log: log.warning("%s", "a"),
    "an odd argument": lambda log: log.warning("%s", [1]),
    "a mapping": lambda log: log.warning("%(a)s", {"a": 1}),
    "an empty mapping": lambda log: log.warning("%s", {}),
    "extra": lambda log: log.error("hello", extra={"a": 1, "b": [2]}),
    "extra that is a key of tasks": lambda log: log.error("hello", extra={"sessionName": "x"}),
    "an exception": lambda log: log.error("hello", exc_info=ERROR),
    "a level of its own": lambda log: log.log(25, "hello"),
    "an object": lambda log: log.error({"a": 1}),
}


@pytest.mark.usefixtures("clean_logging")
class TestMadeRecords:
    @pytest.mark.parametrize("name", CALLS)
    def test_have_the_same_fields_in_the_same_order(self, name: str) -> None:
        logging.getLogger().setLevel(logging.INFO)
        without = record_of(CALLS[name])
        handle = StdlibSource().install(EncodingProvider())
        with_us = record_of(CALLS[name])
        handle.uninstall()
        assert type(with_us) is logging.LogRecord
        assert list(vars(with_us)) == list(vars(without))
        for key, value in vars(without).items():
            if key in OF_THE_CLOCK:
                assert type(vars(with_us)[key]) is type(value)
                assert vars(with_us)[key] == pytest.approx(value, abs=10_000)
            else:
                assert vars(with_us)[key] == value, key

    def test_tell_the_milliseconds_of_their_time(self) -> None:
        handle = StdlibSource("INFO").install(EncodingProvider())
        logging.getLogger().setLevel(logging.INFO)
        record = record_of(CALLS["plain"])
        handle.uninstall()
        assert record.msecs == pytest.approx(record.created % 1 * 1000, abs=1.1)
        assert record.msecs == int(record.msecs)

    def test_tell_the_task(self) -> None:
        import asyncio

        async def main() -> Any:
            task = asyncio.current_task()
            assert task is not None
            task.set_name("checkout")
            return record_of(CALLS["plain"])

        logging.getLogger().setLevel(logging.INFO)
        handle = StdlibSource().install(EncodingProvider())
        record = asyncio.run(main())
        handle.uninstall()
        assert getattr(record, "taskName", None) == ("checkout" if sys.version_info >= (3, 12) else None)

    @pytest.mark.parametrize("setting", ["logThreads", "logMultiprocessing", "logProcesses", "_srcfile"])
    def test_leave_out_what_logging_is_told_to(self, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
        logging.getLogger().setLevel(logging.INFO)
        monkeypatch.setattr(logging, setting, None)
        without = record_of(CALLS["plain"])
        handle = StdlibSource().install(EncodingProvider())
        with_us = record_of(CALLS["plain"])
        handle.uninstall()
        differing = {key for key in vars(without) if vars(without)[key] != vars(with_us)[key]}
        assert differing <= set(OF_THE_CLOCK)
