"""Where the line-writing exporters write: the process's stdout or stderr, a file, or a stream given as an object.

A real stream is written through its descriptor, past Python's buffer: a thread that is stuck in a full pipe while it
holds that buffer's lock makes the interpreter abort at exit. A request is one system call, unless the pipe is full.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from fapilog_otel.errors import DeliveryError, PermanentError, RetryableError

_STREAMS: Final = ("stdout", "stderr")
_OPEN_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# How long to wait for room in a non-blocking pipe (asyncio makes stdout one) before the request is tried again later.
_PIPE_WAIT: Final = 5.0
# The reader has gone, the descriptor is closed or not for writing, or the path can never be a file.
_PERMANENT: Final = frozenset(
    {
        errno.EPIPE,
        errno.EBADF,
        errno.ECONNRESET,
        errno.ENXIO,
        errno.EISDIR,
        errno.ENOTDIR,
        errno.EEXIST,
        errno.ENAMETOOLONG,
        errno.ELOOP,
    }
)


class TextStream(Protocol):
    """What a stream given as an object must have."""

    def write(self, text: str, /) -> object:
        """Write the text."""
        ...

    def flush(self) -> object:
        """Pass on what was written."""
        ...


class LineOutput:
    """A sink for whole lines.

    Args:
        stream: ``"stdout"``, ``"stderr"``, the path of a file to append to, or a text stream. The two standard streams
            are looked up at each write, as ``print`` does.
        encoding: The encoding to write in; None: the stream's own, where characters it lacks are spelled out.
    """

    def __init__(self, stream: str | Path | TextStream, encoding: str | None = None) -> None:
        self._stream = stream
        self._encoding = encoding
        self._path = _path_of(stream)
        self._descriptor: int | None = None
        self._torn = False

    def __repr__(self) -> str:
        return f"LineOutput({self._stream!r})"

    def is_terminal(self) -> bool:
        """Tell whether the output is a terminal."""
        if self._path:
            return False
        isatty = getattr(self._target(), "isatty", None)
        try:
            return bool(isatty and isatty())
        except ValueError:  # a closed stream
            return False

    def open(self) -> None:
        """Open a file to append to; its directory is made if need be. The other kinds need no opening.

        Raises:
            RetryableError: The file cannot be opened.
        """
        if self._path is None or self._descriptor is not None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, _OPEN_FLAGS, 0o666)
        except OSError as error:
            raise output_error(error) from error

    def write(self, text: str) -> None:
        """Write whole lines.

        Args:
            text: Lines, each ended by a line feed.

        Raises:
            PermanentError: The reader has gone or the stream is closed.
            RetryableError: There is no room; a line cut off by this is ended before the next write.
        """
        self.open()
        try:
            self._write(text)
        except OSError as error:
            raise output_error(error) from error
        except ValueError as error:  # "I/O operation on closed file"
            raise PermanentError(f"the output is closed: {error}", reason="stream_closed") from error

    def close(self) -> None:
        """Close the file that `open` opened; streams of others stay open."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _write(self, text: str) -> None:
        target = None if self._path else self._target()
        descriptor = self._descriptor if target is None else _descriptor_of(target)
        if descriptor is not None:
            encoding = self._encoding or getattr(target, "encoding", None) or "utf-8"
            self._write_descriptor(descriptor, text.encode(encoding, "backslashreplace"))
        elif target is not None:
            target.write(text)
            target.flush()

    def _target(self) -> TextStream:
        if self._stream == "stdout":
            target = sys.stdout
        elif self._stream == "stderr":
            target = sys.stderr
        elif isinstance(self._stream, (str, Path)):
            raise TypeError("a file has no stream object")
        else:
            return self._stream
        if target is None:  # pythonw, or a daemon that detached
            raise ValueError(f"sys.{self._stream} is None")
        return target

    def _write_descriptor(self, descriptor: int, data: bytes) -> None:
        rest = memoryview(b"\n" + data if self._torn else data)
        deadline = time.monotonic() + _PIPE_WAIT
        while rest:
            try:
                written = os.write(descriptor, rest)
            except BlockingIOError:
                _wait_for_room(descriptor, deadline)
                continue
            rest = rest[written:]
            self._torn = bool(rest)


def _path_of(stream: str | Path | TextStream) -> Path | None:
    if isinstance(stream, Path):
        return stream
    return Path(stream) if isinstance(stream, str) and stream not in _STREAMS else None


def _descriptor_of(stream: TextStream) -> int | None:
    # Not any object with a fileno(): a notebook's stream has one, but it leads elsewhere than its write().
    if isinstance(stream, io.TextIOWrapper):
        with suppress(io.UnsupportedOperation):
            return stream.fileno()
    return None


def _wait_for_room(descriptor: int, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0 or not select.select([], [descriptor], [], left)[1]:
        raise BlockingIOError(errno.EAGAIN, f"no room in the pipe within {_PIPE_WAIT:.0f} s")


def output_error(error: OSError) -> DeliveryError:
    """Give the delivery error for a failed open or write: permanent when no later attempt can pass, else retryable."""
    reason = errno.errorcode.get(error.errno or 0, "os_error").lower()
    text = f"{type(error).__name__}: {error.strerror or error}"
    return (PermanentError if error.errno in _PERMANENT else RetryableError)(text, reason=reason)
