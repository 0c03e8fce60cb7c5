"""The records that code under test writes, as values: through the whole pipeline, but into memory."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from fapilog_otel.bootstrap.facade import facade
from fapilog_otel.model.severity import parse_level
from fapilog_otel.plugins import load_exporter_factory
from fapilog_otel.testing.redirect import redirected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fapilog_otel.contracts import Exporter
    from fapilog_otel.model.anyvalue import AnyValue
    from fapilog_otel.model.record import Record
    from fapilog_otel.telemetry.accounting import Stats

_FLUSH: Final = 5.0  # seconds
_POLL: Final = 0.005  # seconds
_SHOWN: Final = 20


class _Any:
    def __repr__(self) -> str:
        return "<any>"


ANY: Final = _Any()


class _Memory(Protocol):
    """What is needed of the exporter ``memory``, which is a plugin like any other."""

    @property
    def records(self) -> tuple[Record, ...]: ...

    def clear(self) -> None: ...


class Capture:
    """The captured records, oldest first. Whatever asks for them first has everything pending delivered.

    Args:
        exporter: The memory exporter that everything is delivered to.
    """

    def __init__(self, exporter: Exporter) -> None:
        self.exporter = exporter
        self._memory = cast("_Memory", exporter)

    def __repr__(self) -> str:
        return f"<Capture of {len(self._memory.records)} records>"

    @property
    def records(self) -> list[Record]:
        """All records so far in the order written, as delivered: filtered, enriched, redacted, with their trace ids."""
        self.flush()
        # Delivery keeps the order of a severity band only.
        return sorted(self._memory.records, key=lambda record: record.observed_timestamp)

    @property
    def messages(self) -> list[AnyValue]:
        """The bodies of all records so far."""
        return [record.body for record in self.records]

    def find(
        self,
        body: AnyValue | re.Pattern[str] | _Any = ANY,
        *,
        level: str | int | None = None,
        logger: str | None = None,
        trace_id: int | None = None,
        span_id: int | None = None,
        where: Callable[[Record], bool] | None = None,
        **attributes: AnyValue | _Any,
    ) -> list[Record]:
        """Give the records that match everything given: ``[record] = capture.find("order placed", order_id="o-1")``.

        Args:
            body: The body, or a pattern that is found in it.
            level: Severity by name or stdlib number: ``"WARN"``, ``logging.WARNING``.
            logger: Name of the logger.
            trace_id: 128-bit id; 0: outside any trace.
            span_id: 64-bit id.
            where: Any further condition.
            **attributes: Attributes that the record has, with these values; others may be there too.
        """
        number = None if level is None else parse_level(level)
        wanted = {"severity_number": number, "trace_id": trace_id, "span_id": span_id}
        return [
            record
            for record in self.records
            if _matches(body, record.body)
            and all(value is None or getattr(record, name) == value for name, value in wanted.items())
            and logger in (None, record.scope.name)
            and all(
                key in record.attributes and _matches(value, record.attributes[key])
                for key, value in attributes.items()
            )
            and (where is None or where(record))
        ]

    def clear(self) -> None:
        """Forget everything so far, what is still pending included."""
        self.flush()
        self._memory.clear()

    def wait_for(self, count: int, timeout: float = 5.0) -> list[Record]:
        """Give all records as soon as there are at least so many; for what other threads write.

        Args:
            count: Records to wait for.
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: There were fewer by then; the text says which.
        """
        deadline = time.monotonic() + timeout
        while len(records := self.records) < count:
            if time.monotonic() > deadline:
                raise self._too_few(count, timeout)
            time.sleep(_POLL)
        return records

    async def await_for(self, count: int, timeout: float = 5.0) -> list[Record]:
        """Give all records as soon as there are at least so many, without blocking the event loop; see `wait_for`."""
        deadline = time.monotonic() + timeout
        while len(records := self.records) < count:
            if time.monotonic() > deadline:
                raise self._too_few(count, timeout)
            await asyncio.sleep(_POLL)
        return records

    def flush(self) -> bool:
        """Have everything pending delivered.

        Returns:
            True if nothing was lost on the way; `stats` tells what was.
        """
        return facade().force_flush(_FLUSH * 1000)

    def stats(self) -> Stats:
        """Count everything at one instant, from the beginning of the test or the last ``configure()`` in it."""
        return facade().stats()

    def _too_few(self, count: int, timeout: float) -> TimeoutError:
        found = [repr(body) for body in self.messages]
        shown = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        return TimeoutError(f"waited {timeout:g} s for {count} records, there are {len(found)}: {shown or 'none'}")


@contextmanager
def capture_logs(**arguments: Any) -> Iterator[Capture]:
    """Capture what is logged in the block, through stdlib ``logging``, our loggers and the OTel Logs API alike.

    Where nothing is configured, the bridge is configured for the block, with ``arguments`` and without a look at the
    environment. Where it is, or where code in the block calls ``configure()``, that configuration counts, but for its
    destinations. Afterwards everything is as it was.

    Args:
        **arguments: Keywords of ``configure()``; ``endpoint`` and ``exporters`` have no effect.

    Raises:
        ConfigError: An argument cannot be used.
    """
    exporter = load_exporter_factory("memory").create({})
    with redirected(exporter, arguments):
        yield Capture(exporter)


def _matches(wanted: object, value: AnyValue) -> bool:
    if wanted is ANY:
        return True
    if isinstance(wanted, re.Pattern):
        return isinstance(value, str) and wanted.search(value) is not None
    return bool(value == wanted)
