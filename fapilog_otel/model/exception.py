"""An exception as the attributes that OpenTelemetry's semantic conventions give it.

Source: semantic conventions "Exceptions in logs"; type names are those of the stock SDK, so that queries keep matching.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Final

from fapilog_otel.model.anyvalue import clean_text, object_text

if TYPE_CHECKING:
    from types import TracebackType

TYPE: Final = "exception.type"
MESSAGE: Final = "exception.message"
STACKTRACE: Final = "exception.stacktrace"

MAX_STACKTRACE: Final = 128 * 1024
"""Characters of a stack trace; the middle of a longer one is left out."""

_MAX_FRAMES: Final = 1000  # of each exception, the innermost
_MAX_RELATED: Final = 200  # exceptions in a chain or group that the full format is tried on
_MAX_BRIEF: Final = 16  # exceptions of a longer chain, the newest

_PEM_BEGIN: Final = "-----BEGIN "
_PEM_END: Final = "-----END "
_GOES_ON: Final = (":", "=", ",", "[", "{", "(", "\\")  # ``"password":`` and the value in the next line
_GOES_ON_WITHIN: Final = 64

# Read past what a class or its metaclass may have put over these names.
_TRACE_OF = BaseException.__dict__["__traceback__"].__get__
_MODULE_OF = type.__dict__["__module__"].__get__
_QUALNAME_OF = type.__dict__["__qualname__"].__get__

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


def exception_attributes(exc: BaseException, trace: TracebackType | None = None) -> dict[str, str]:
    """Give ``exception.type``, ``exception.message`` and ``exception.stacktrace``; never raises an `Exception`.

    Args:
        exc: The exception, whatever it, its causes and groups do; only a `BaseException` out of its ``__str__`` passes.
        trace: The traceback to show instead of the exception's own.
    """
    message = object_text(exc)
    return {
        TYPE: exception_type(type(exc)),
        MESSAGE: message,
        STACKTRACE: _stacktrace(exc, trace if trace is not None else _TRACE_OF(exc), message),
    }


def exception_type(kind: type[BaseException]) -> str:
    """Give an exception class's name: module-qualified, bare for builtins."""
    module, name = _MODULE_OF(kind), _QUALNAME_OF(kind)
    if not isinstance(module, str) or module in {"", "builtins"}:
        return clean_text(name)
    return clean_text(f"{module}.{name}")


def stacktrace_from(exc_info: tuple[type[BaseException] | None, BaseException | None, TracebackType | None]) -> str:
    """Give the text of a ``sys.exc_info()`` triple as Python prints it; empty without exception and frames.

    Args:
        exc_info: Type, exception and traceback, each possibly None.
    """
    _, exc, trace = exc_info
    if exc is not None:
        return _stacktrace(exc, trace, object_text(exc))
    return _cut("".join(_frames(trace))) if trace is not None else ""


def _stacktrace(exc: BaseException, trace: TracebackType | None, message: str) -> str:
    try:
        if _is_bounded(exc):
            return _cut("".join(traceback.format_exception(type(exc), exc, trace, limit=-_MAX_FRAMES)))
        return _cut(_brief_chain(exc, trace))
    except Exception:  # noqa: BLE001 - hostile exception objects and a stack that has no room left; the short form remains
        return _short_form(exc, trace, message)


def _is_bounded(exc: BaseException) -> bool:
    """Tell whether the chain and groups around an exception are few enough to be formatted in full."""
    seen: set[int] = set()
    waiting: list[object] = [exc]
    while waiting:
        current = waiting.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        if len(seen) > _MAX_RELATED:
            return False
        members = getattr(current, "exceptions", ())
        if isinstance(members, tuple):
            waiting.extend(members[: _MAX_RELATED + 1])
        waiting += (current.__cause__, current.__context__)
    return True


def _brief_chain(exc: BaseException, trace: TracebackType | None) -> str:
    """Give the newest exceptions of a chain that is too long to be told whole, oldest of them first."""
    parts = [_brief(exc, trace)]
    current = exc
    seen = {id(exc)}
    for _ in range(_MAX_BRIEF - 1):
        joint = _CAUSE if current.__cause__ is not None else _CONTEXT
        older = current.__cause__
        if older is None and not current.__suppress_context__:
            older = current.__context__
        if older is None or id(older) in seen:
            return "".join(reversed(parts))
        seen.add(id(older))
        parts += (joint, _brief(older, older.__traceback__))
        current = older
    return "".join(("[earlier exceptions left out]\n", *reversed(parts)))


def _brief(exc: BaseException, trace: TracebackType | None) -> str:
    return "".join((*_frames(trace), f"{exception_type(type(exc))}: {object_text(exc)}\n"))


def _frames(trace: TracebackType | None) -> list[str]:
    return ["Traceback (most recent call last):\n", *traceback.format_tb(trace, limit=-_MAX_FRAMES)] if trace else []


def _short_form(exc: BaseException, trace: TracebackType | None, message: str) -> str:
    last = f"{exception_type(type(exc))}: {message}\n"
    try:
        return _cut("".join((*_frames(trace), last)))
    except Exception as error:  # noqa: BLE001 - as above; the text says that the frames are missing
        return _cut(f"[traceback not readable: {type(error).__name__}]\n{last}")


def _cut(text: str) -> str:
    """Give a valid text with the middle of a long one left out, whole lines only.

    Secrets are told by what stands beside them (``Authorization: Bearer``), and are looked for after this: half a line
    could be a secret that nothing tells any more.
    """
    text = clean_text(text)
    if len(text) <= MAX_STACKTRACE:
        return text
    half = MAX_STACKTRACE // 2
    head = text.rfind("\n", 0, half) + 1
    key = text.rfind(_PEM_BEGIN, 0, head)
    if key >= 0 and text.find(_PEM_END, key, head) < 0:
        head = text.rfind("\n", 0, key) + 1  # or all to the end of the text would count as the key
    tail = _tail_start(text, head, len(text) - half)
    return f"{text[:head]}\n[{tail - head} characters left out]\n{text[tail:]}"


def _tail_start(text: str, head: int, position: int) -> int:
    """Give where the end of a text begins that tells its secrets without what stands between ``head`` and there."""
    seen = head
    while (position := text.find("\n", position) + 1) > 0:
        key = text.rfind(_PEM_BEGIN, seen, position)
        seen = position
        if key >= 0 and text.find(_PEM_END, key, position) < 0:
            position = seen = text.find(_PEM_END, position)
            if position < 0:
                break
        elif not text[max(position - _GOES_ON_WITHIN, 0) : position].rstrip().endswith(_GOES_ON):
            return position
    return len(text)
