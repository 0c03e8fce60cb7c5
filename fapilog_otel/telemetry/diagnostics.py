"""The few lines that fapilog_otel says about itself: to stderr, one a minute a kind, never through the user's logging.

::

    report(kind, event, …) ─► first of its kind, or its minute is over? ─► lines waiting ─► structlog ─► stderr
                                     └ no: counted, and told with the next line of the kind
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO

from fapilog_otel.telemetry.origin import exporting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping

INTERVAL: Final = 60.0
"""Seconds between two lines of one kind."""

_TEXT_LIMIT: Final = 512
_WINDOW: Final = 16_384
_KINDS_LIMIT: Final = 256
_LINES_LIMIT: Final = 256
_SHORTEST_SECRET: Final = 4
_IMPORT_WAIT: Final = 5.0  # seconds that a fork waits for another thread's import

# C0, DEL and C1 control a terminal; the others are invisible there or reorder what stands around them.
_INVISIBLE: Final = (*range(0x20), *range(0x7F, 0xA0), 0x61C, *range(0x200B, 0x2010), *range(0x202A, 0x202F),
                     *range(0x2060, 0x2070), 0xFEFF)  # fmt: skip
_LINE_BREAKS: Final = (0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029)
_CONTROL_TABLE: Final[Mapping[int, str | None]] = {**dict.fromkeys(_INVISIBLE), **dict.fromkeys(_LINE_BREAKS, " ")}


def clean_server_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Give text from outside in a form that is safe to log.

    Args:
        text: What a server sent.
        secrets: Our own credentials, which a server may echo; their words are masked one by one too (``Bearer abc``).

    Returns:
        At most 512 characters without control characters, every secret replaced by ``***``.
    """
    cut = len(text) > _WINDOW
    text = text[:_WINDOW].translate(_CONTROL_TABLE)
    text = text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate is spelled out
    masked = _words(secrets)
    for secret in masked:
        text = text.replace(secret, "***")
    if cut and masked:
        # The window may have cut a secret in two; its first part would stand at the very end.
        text = text[: max(0, len(text) - len(masked[0]))]
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"


def _words(secrets: Iterable[str]) -> list[str]:
    words = {word for secret in secrets for word in (secret, *secret.split()) if len(word) >= _SHORTEST_SECRET}
    return sorted(words, key=len, reverse=True)


class _Line(NamedTuple):
    level: str
    event: str
    fields: Mapping[str, object]
    total: bool = False


class _Kind:
    """The reports of one kind, and how many of them lines have told of."""

    __slots__ = ("_gate", "_numbers", "_told", "due", "last", "latest")

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._gate = threading.Lock()  # only ever tried, never waited for
        self._told = 0
        self.latest = 0
        self.due = -inf
        self.last = _Line("warning", "", {})

    def add(self, line: _Line) -> None:
        self.last = line
        self.latest = next(self._numbers)

    def take(self, now: float, interval: float, *, early: bool = False) -> _Line | None:
        """Give the line to write now, if there is something to tell and its time has come."""
        if not self._gate.acquire(blocking=False):
            return None  # another thread, or the code that this signal handler interrupts, is at it
        try:
            untold = self.latest - self._told
            if untold <= 0 or not (early or now >= self.due):
                return None
            line, is_first = self.last, self._told == 0
            self._told = self.latest
            self.due = now + interval
        finally:
            self._gate.release()
        return line if is_first or line.total else line._replace(fields={**line.fields, "repeated": untold})


class Diagnostics:
    """Says what goes wrong inside fapilog_otel, and keeps it from becoming a flood.

    It never raises an Exception and never waits for a lock: signal handlers, finalisers and any thread may call it.
    Where stderr leads back into logging, sources see that as internal.

    Args:
        stream: Gives where lines go; None (pythonw): nowhere.
        clock: Monotonic seconds.
        interval: Seconds between two lines of one kind.
    """

    def __init__(
        self,
        stream: Callable[[], TextIO | None] = lambda: sys.stderr,
        clock: Callable[[], float] = time.monotonic,
        interval: float = INTERVAL,
    ) -> None:
        self._output = _Output(stream)
        self._clock = clock
        self._interval = interval
        self._kinds: dict[str, _Kind] = {}
        self._in_order: list[_Kind] = []  # unlike the dict, it may grow while it is iterated
        self._lines: deque[_Line] = deque(maxlen=_LINES_LIMIT)
        self._logger: Any = None
        self._importing = threading.Lock()
        self._leaving = False
        self._forks = 0  # engines that have announced one
        self._holds = False
        self._collected: list[str] | None = None
        self.unwritten = 0
        """Lines lost because stderr would not take them."""

    @contextmanager
    def collected(self) -> Iterator[list[str]]:
        """Have what is reported in the block listed instead of written, for a command that shows it in its own way."""
        before, self._collected = self._collected, []
        try:
            yield self._collected
        finally:
            self._collected = before

    def _prepare(self) -> bool:
        """Import what the first line needs; False: another thread is at it, or a fork is under way."""
        if self._logger is not None:
            return True
        if not self._importing.acquire(blocking=False):
            return False
        try:
            self._logger = _structlog_logger(self._output)
        finally:
            self._importing.release()
        return True

    def import_nothing_more(self) -> None:
        """Write lines without structlog from now on, unless it is there: the process is about to end.

        Importing it runs code from strings (``namedtuple``), upon which Python forgets that an interrupt ended the
        program, and exits with 1 and not by SIGINT.
        """
        self._leaving = True

    def before_fork(self) -> None:
        """Keep every thread from importing while a process forks: the child would wait for that thread for ever."""
        self._forks += 1
        if self._forks == 1:
            self._holds = self._importing.acquire(timeout=_IMPORT_WAIT)

    def after_fork_in_parent(self) -> None:
        """Let lines be written again."""
        self._forks -= 1
        if not self._forks and self._holds:
            self._importing.release()

    def after_fork_in_child(self) -> None:
        """Let lines be written, whatever the parent's threads were at."""
        self._forks = 0
        self._importing = threading.Lock()

    def report(self, kind: str, event: str, /, *, level: str = "warning", **fields: object) -> None:
        """Say what happened, unless this kind had its line within the last minute: then it is counted.

        Args:
            kind: What is rate-limited together, ``otlp_http.unreachable``.
            event: What happened, for people.
            level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``.
            fields: Facts. Text is cut and stripped of control characters; of any other object only the type is told.
        """
        self.note(kind, event, level=level, **fields)
        if self._lines:
            self.write()

    def report_total(self, kind: str, event: str, /, **fields: object) -> None:
        """Like `report`, for an event that itself tells the number so far: repetitions are not told beside it."""
        self._note(kind, _Line("warning", event, fields, total=True))
        if self._lines:
            self.write()

    def note(self, kind: str, event: str, /, *, level: str = "warning", **fields: object) -> None:
        """Like `report`, but leaves the line to the next `report`, `write` or `flush`: for code that must do no I/O."""
        self._note(kind, _Line(level, event, fields))

    def _note(self, kind: str, line: _Line) -> None:
        if self._collected is not None:
            facts = ", ".join(f"{name}={_plain(value)}" for name, value in line.fields.items())
            self._collected.append(clean_server_text(f"{line.event} ({facts})" if facts else line.event))
            return
        state = self._kinds.get(kind)
        if state is None:
            state = self._new_kind(kind)
        state.add(line)
        now = self._clock()
        if now >= state.due:
            self._take(state, now)

    def write(self) -> None:
        """Write the lines that `note` left and the counts whose minute is over; for the pipeline thread's timer."""
        self._write_pending(early=False)

    def flush(self) -> None:
        """Write everything, counts whose minute is not over too; called at shutdown, and imports nothing."""
        self._write_pending(early=True)

    def _new_kind(self, kind: str) -> _Kind:
        created = _Kind()
        if len(self._kinds) >= _KINDS_LIMIT:
            kind = "other"
        state = self._kinds.setdefault(kind, created)
        if state is created:
            self._in_order.append(state)
        return state

    def _take(self, state: _Kind, now: float, *, early: bool = False) -> None:
        line = state.take(now, self._interval, early=early)
        if line is not None:
            self._lines.append(line)

    def _write_pending(self, *, early: bool) -> None:
        now = self._clock()
        for state in self._in_order:
            self._take(state, now, early=early)
        while self._lines and (early or self._leaving or self._prepared()):
            try:
                line = self._lines.popleft()
            except IndexError:  # another thread took the last one
                return
            self._log(line)

    def _prepared(self) -> bool:
        try:
            return self._prepare()
        except Exception:  # noqa: BLE001 - a broken installation of structlog; logging on must not depend on it
            self.unwritten += len(self._lines)
            self._lines.clear()
            return False

    def _log(self, line: _Line) -> None:
        fields = {name: _plain(value) for name, value in line.fields.items()}
        try:
            with exporting():
                if (
                    self._logger is None
                ):  # what a shutdown says cannot wait for an import, which another thread may be at
                    self._output.write(_rendered(line.level, clean_server_text(line.event), fields))
                else:
                    getattr(self._logger, line.level)(clean_server_text(line.event), **fields)
        except Exception:  # noqa: BLE001 - stderr may be closed, broken or the user's own; logging on must not depend on it
            self.unwritten += 1


class _Output:
    """The end of the structlog chain. Not structlog's PrintLogger: its lock is shared with the user's."""

    def __init__(self, stream: Callable[[], TextIO | None]) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        stream = self._stream()
        if stream is None:
            return
        try:
            stream.write(line + "\n")
        except UnicodeEncodeError:
            stream.write(line.encode("ascii", "backslashreplace").decode("ascii") + "\n")
        stream.flush()

    debug = info = warning = error = critical = write


def _structlog_logger(output: _Output) -> Any:
    """Give a logger that is configured here alone, whatever the application configures."""
    import structlog  # here, because only those who have something to say should pay for it

    render_fields = structlog.processors.LogfmtRenderer()

    def render(logger: object, level: str, event_dict: MutableMapping[str, Any]) -> str:
        event = event_dict.pop("event")
        return f"fapilog_otel {level} {event} {render_fields(logger, level, event_dict)}".rstrip()

    return structlog.wrap_logger(
        output,
        processors=[render],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        context_class=dict,
        cache_logger_on_first_use=True,
    )


def _rendered(level: str, event: str, fields: Mapping[str, str | float | None]) -> str:
    """Give the line that structlog's ``LogfmtRenderer`` makes of the same."""
    return " ".join((f"fapilog_otel {level} {event}", *map(_pair, fields, fields.values()))).rstrip()


def _pair(name: str, value: str | float | None) -> str:
    if value is None:
        return f"{name}="
    if isinstance(value, bool):
        return name if value else f"{name}=false"
    text = str(value)
    quoted = any(character in text for character in ' ="')
    if quoted:
        text = text.replace("\\", "\\\\")
    text = text.replace('"', '\\"').replace("\n", "\\n")
    return f'{name}="{text}"' if quoted else f"{name}={text}"


def _plain(value: object) -> str | float | None:
    if isinstance(value, str):
        return clean_server_text(value)
    if value is None or isinstance(value, (int, float)):
        return value
    return type(value).__name__


_DEFAULT: Final = Diagnostics()


def get_diagnostics() -> Diagnostics:
    """Give the instance that the whole process shares."""
    return _DEFAULT
