"""OTLP/JSON in a file, a request a line (OpenTelemetry specification, "OpenTelemetry Protocol File Exporter").

::

    request ─► JSON + line feed ─► lock ─► followed? rotated? ─► one write ─► (fsync) ─► unlock
                                                                  └ failed: cut back to whole lines

The collector's ``otlpjsonfile`` receiver reads it. Several processes may append to one file: each takes its lock for a
write, and follows when another one, or logrotate, has moved the file away.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fapilog_otel.contracts.exporter import ExporterTraits, ExportResult
from fapilog_otel.errors import ConfigError
from fapilog_otel_exporters._factory import Factory
from fapilog_otel_exporters._line_output import output_error

try:
    import fcntl
except ImportError:  # Windows: one process a file
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fapilog_otel.contracts.encoded_logs import EncodedLogs
    from fapilog_otel_exporters._light_settings import OtlpFileSettings

# Readable, too: the end of the file tells whether an earlier process died within a line.
_OPEN_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class OtlpFileExporter:
    """Appends each request to a file as one line of OTLP/JSON, whole lines only.

    Args:
        path: The file; its directory is made if need be.
        max_bytes: Size in bytes beyond which the file is moved to ``<path>.1`` first; None: never. A single larger
            request is still written.
        backups: Rotated files to keep, at least 1.
        fsync: Whether a request counts as delivered only once it is on the disk.
    """

    traits = ExporterTraits(blocking=True, spooled=False)

    def __init__(
        self, path: str | os.PathLike[str], *, max_bytes: int | None = None, backups: int = 5, fsync: bool = False
    ) -> None:
        self.path = Path(path)
        self.max_bytes = max_bytes
        self.backups = backups
        self.fsync = fsync
        self._descriptor: int | None = None

    def __repr__(self) -> str:
        return f"OtlpFileExporter({str(self.path)!r})"

    def validate(self) -> None:
        """Check the settings.

        Raises:
            ConfigError: A number is too small.
        """
        if self.max_bytes is not None and self.max_bytes < 1:
            raise ConfigError("max_bytes", self.max_bytes, "otlp_file: not above 0", "Give a size in bytes, or None")
        if self.backups < 1:
            raise ConfigError("backups", self.backups, "otlp_file: a rotated file would be lost", "Give at least 1")

    async def start(self) -> None:
        """Open the file.

        Raises:
            RetryableError: It cannot be opened.
        """
        try:
            self._open()
        except OSError as error:
            raise output_error(error) from error

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Append the request.

        Raises:
            PermanentError: The path leads to a pipe whose reader has gone.
            RetryableError: The disk is full, or the file cannot be opened or written.
        """
        line = b"".join((*request.body("json"), b"\n"))
        try:
            with self._locked(len(line)) as descriptor:
                _append(descriptor, line)
                if self.fsync:
                    _sync(descriptor, len(line))
        except OSError as error:
            raise output_error(error) from error
        return ExportResult()

    async def close(self) -> None:
        """Close the file."""
        self._close()

    def _open(self) -> int:
        if self._descriptor is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, _OPEN_FLAGS, 0o666)
        return self._descriptor

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    @contextmanager
    def _locked(self, size: int) -> Iterator[int]:
        """Give the descriptor of the current file, locked against other processes, with room for ``size`` bytes."""
        while True:
            descriptor = self._open()
            with _file_lock(descriptor):
                if self._is_current(descriptor):
                    if not self._is_full(descriptor, size):
                        yield descriptor
                        return
                    self._rotate()
            self._close()  # moved away, by us or by another process: the next round opens the new file

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(self.path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False

    def _is_full(self, descriptor: int, size: int) -> bool:
        status = os.fstat(descriptor)
        if self.max_bytes is None or not stat.S_ISREG(status.st_mode):
            return False
        return status.st_size > 0 and status.st_size + size > self.max_bytes

    def _rotate(self) -> None:
        if fcntl is None:
            self._close()  # Windows renames no open file
        for number in range(self.backups - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._backup(number).replace(self._backup(number + 1))
        self.path.replace(self._backup(1))

    def _backup(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


@contextmanager
def _file_lock(descriptor: int) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _append(descriptor: int, line: bytes) -> None:
    """Write a line at the end of the file; when that fails midway, cut the file back to where the line began."""
    status = os.fstat(descriptor)
    regular = stat.S_ISREG(status.st_mode)
    if regular and status.st_size and _last_byte(descriptor, status.st_size) != b"\n":
        line = b"\n" + line
    rest = memoryview(line)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        if regular:
            os.ftruncate(descriptor, status.st_size)
        raise


def _last_byte(descriptor: int, size: int) -> bytes:
    os.lseek(descriptor, size - 1, os.SEEK_SET)  # writing appends all the same
    return os.read(descriptor, 1)


def _sync(descriptor: int, written: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError:
        # The request will come again; without this the file would then hold it twice.
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise


def _settings_model() -> type[OtlpFileSettings]:
    from fapilog_otel_exporters._light_settings import OtlpFileSettings

    return OtlpFileSettings


def _build(settings: OtlpFileSettings) -> OtlpFileExporter:
    return OtlpFileExporter(settings.path, max_bytes=settings.max_bytes, backups=settings.backups, fsync=settings.fsync)


factory = Factory("otlp_file", _settings_model, _build)
