"""One SQLite database of stored requests: statements and pragmas, and what its errors mean.

WAL with ``synchronous=FULL``: a commit returns once its frames are synced. One connection, on one thread.
"""

from __future__ import annotations

import sqlite3
from struct import error as _StructError  # noqa: N812
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fapilog_otel.delivery.spool.policy import PAGE
from fapilog_otel.delivery.spool.row import DISK_FULL, IO_ERROR, READ_ONLY, ROW_VERSION, checksum, unpack_lanes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

APPLICATION_ID: Final = 0x46504F53
"""``FPOS`` in the header of every file of ours."""

USER_VERSION: Final = 1
"""Version of a file's tables; a newer one is left alone."""

CORRUPT: Final = "corrupt"
BUSY: Final = "busy"

_TABLES: Final = (
    """CREATE TABLE request (
        id INTEGER PRIMARY KEY, destination TEXT NOT NULL, version INTEGER NOT NULL, records INTEGER NOT NULL,
        lanes BLOB NOT NULL, severity INTEGER NOT NULL, batch BLOB NOT NULL, created INTEGER NOT NULL,
        attempts INTEGER NOT NULL, crc INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL)""",
    "CREATE TABLE file (takeovers INTEGER NOT NULL)",
    "INSERT INTO file VALUES (0)",
)
_INSERT: Final = "INSERT INTO request VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
_HEAD: Final = "SELECT id, destination, records, lanes, severity, size, created, attempts FROM request"
_BUSY_TIMEOUT: Final = 1.0
_MEANINGS: Final = {  # primary result codes and their texts; sqlite3 tells the code from Python 3.11 on
    13: DISK_FULL,
    10: IO_ERROR,
    8: READ_ONLY,
    14: READ_ONLY,
    1: CORRUPT,  # a table that must be there is not
    11: CORRUPT,
    19: CORRUPT,
    20: CORRUPT,
    26: CORRUPT,
    5: BUSY,
    6: BUSY,
}
_TEXTS: Final = (
    ("disk is full", DISK_FULL),
    ("disk I/O error", IO_ERROR),
    ("readonly", READ_ONLY),
    ("unable to open", READ_ONLY),
    ("malformed", CORRUPT),
    ("no such", CORRUPT),
    ("has no column", CORRUPT),
    ("has 12 columns", CORRUPT),
    ("not a database", CORRUPT),
    ("locked", BUSY),
)


class NewerFileError(Exception):
    """A file of a later version of this package."""


class DamagedFileError(sqlite3.DatabaseError):
    """A file that is no spool, or no longer."""


class Head(NamedTuple):
    """A stored request without its payload."""

    id: int
    destination: str
    lanes: dict[int, int]
    severity: int
    size: int
    created: int
    attempts: int


def meaning(error: sqlite3.Error) -> str:
    """Give the short word for what an error of SQLite means: ``disk_full``, ``corrupt``, ``busy``, ….

    What is not known counts as ``io_error``.
    """
    if isinstance(error, DamagedFileError):
        return CORRUPT
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _MEANINGS.get(code & 0xFF, IO_ERROR)
    if type(error) in (sqlite3.DatabaseError, sqlite3.IntegrityError):
        return CORRUPT
    return next((word for text, word in _TEXTS if text in str(error)), IO_ERROR)


class Database:
    """A file with requests.

    Args:
        path: Where it is.
        frozen: Whether it is only read.
    """

    def __init__(self, path: Path, *, frozen: bool = False) -> None:
        self.path = path
        self.frozen = frozen
        self.connection = self._connect(self._reading() if frozen else str(path), uri=frozen)
        self.next_id = 1
        self.takeovers = 0

    def _connect(self, target: str, *, uri: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(target, timeout=_BUSY_TIMEOUT, isolation_level=None, uri=uri, cached_statements=32)
        connection.text_factory = _lenient
        return connection

    @classmethod
    def lay_out(cls, path: Path) -> None:
        """Make an empty file a database, which is not durable yet.

        Raises:
            sqlite3.Error: It cannot be done.
        """
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            for statement in (
                f"PRAGMA page_size={PAGE}",
                "PRAGMA journal_mode=MEMORY",
                "PRAGMA synchronous=OFF",
                "BEGIN",
            ):
                connection.execute(statement)
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={USER_VERSION}")
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()

    @classmethod
    def begin_with(cls, path: Path, log_pages: int) -> Database:
        """Open a file that this process has just laid out.

        Raises:
            sqlite3.Error: It cannot be done.
        """
        database = cls(path)
        try:
            database._prepare(log_pages)
        except BaseException:
            database.connection.close()
            raise
        return database

    @classmethod
    def read_only(cls, path: Path) -> Database:
        """Open a file to look at it, whoever owns it; nothing of it is checked.

        Raises:
            sqlite3.Error: It cannot be opened.
        """
        return cls(path, frozen=True)

    @staticmethod
    def says_corrupt(error: sqlite3.Error) -> bool:
        """Tell whether an error means that the file is damaged."""
        return meaning(error) == CORRUPT

    def _reading(self) -> str:
        return f"{self.path.absolute().as_uri()}?mode=ro"

    def identity(self) -> tuple[int, int]:
        """Give application id and version."""
        return int(self._value("PRAGMA application_id")), int(self._value("PRAGMA user_version"))

    @classmethod
    def open(cls, path: Path, log_pages: int, *, frozen: bool = False) -> Database:
        """Open a file that another process has written.

        Args:
            path: Where it is.
            log_pages: Pages that its write-ahead log may have.
            frozen: Whether it is only read.

        Raises:
            NewerFileError: A later version has written it.
            sqlite3.Error: It is damaged (`meaning` says ``corrupt``), or cannot be read now.
        """
        database = cls(path)
        try:
            database._check()
            if frozen:
                database.freeze()
            else:
                database._prepare(log_pages)
            database._recount()
        except BaseException:
            database.connection.close()
            raise
        return database

    def _prepare(self, log_pages: int) -> None:
        run = self.connection.execute
        if self._value("PRAGMA journal_mode=WAL") != "wal":
            raise sqlite3.OperationalError("disk I/O error: no write-ahead log here")
        run("PRAGMA synchronous=FULL")
        run(f"PRAGMA wal_autocheckpoint={log_pages}")
        run(f"PRAGMA journal_size_limit={log_pages * PAGE}")
        run("PRAGMA trusted_schema=OFF")
        run("PRAGMA temp_store=MEMORY")

    def _check(self) -> None:
        application, version = self.identity()
        if application != APPLICATION_ID:
            raise DamagedFileError("not a spool of fapilog_otel")
        if version > USER_VERSION:
            raise NewerFileError(str(version))
        if version < USER_VERSION:
            raise DamagedFileError(f"unknown version {version}")
        found = self._value("PRAGMA quick_check(1)")
        if found != "ok":
            raise DamagedFileError(f"malformed: {found}")

    def _recount(self) -> None:
        self.next_id = int(self._value("SELECT coalesce(max(id), 0) FROM request")) + 1
        self.takeovers = int(self._value("SELECT coalesce(max(takeovers), 0) FROM file"))

    def _value(self, statement: str) -> Any:
        row = self.connection.execute(statement).fetchone()
        if row is None:
            raise DamagedFileError("malformed: nothing where something must be")
        return row[0]

    # -- writing -------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin a transaction, unless one is under way."""
        if not self.connection.in_transaction:
            self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """End a transaction; what it holds is durable afterwards."""
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")

    def rollback(self) -> None:
        """Give up a transaction."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def insert(
        self, body: bytes, *, destination: str, lanes: bytes, severity: int, records: int, batch: bytes, created: int
    ) -> int:
        """Add a request; give its number, which is never used again by this process."""
        row_id, self.next_id = self.next_id, self.next_id + 1
        numbers = (ROW_VERSION, records, severity, created, self.takeovers)
        crc = checksum((body,), row_id, destination, lanes, batch, numbers)
        self.connection.execute(
            _INSERT,
            (
                row_id,
                destination,
                ROW_VERSION,
                records,
                lanes,
                severity,
                batch,
                created,
                self.takeovers,
                crc,
                len(body),
                body,
            ),
        )
        return row_id

    def delete(self, ids: Iterable[int]) -> None:
        """Remove requests."""
        self.connection.executemany("DELETE FROM request WHERE id=?", [(one,) for one in ids])

    def count_takeover(self) -> None:
        """Note that one more process has taken the file over."""
        self.connection.execute("UPDATE file SET takeovers=takeovers+1")
        self.takeovers += 1

    # -- reading -------------------------------------------------------------------------------------------------------

    def heads(self) -> Iterator[Head]:
        """Give every request without its payload."""
        return map(_head, self.connection.execute(f"{_HEAD} ORDER BY id"))

    def after(self, column: str, value: object, start: int, limit: int) -> list[Head]:
        """Give requests by ``destination`` or ``severity``, in the order of their numbers.

        Args:
            column: Name of the column.
            value: What it holds.
            start: The smallest number.
            limit: The largest count.
        """
        found = self.connection.execute(
            f"{_HEAD} WHERE id>=? AND {column}=? ORDER BY id LIMIT ?", (start, value, limit)
        )
        return [_head(row) for row in found.fetchall()]

    def read(self, row_id: int) -> tuple[bytes, bytes] | None:
        """Give a request's payload and batch id; None: its checksum differs, or it is gone.

        Raises:
            sqlite3.Error: It cannot be read.
        """
        row = self.connection.execute("SELECT * FROM request WHERE id=?", (row_id,)).fetchone()
        return None if row is None else intact(row)

    def whole_rows(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Give every request with all its columns, each after its destination."""
        for row in self.connection.execute("SELECT * FROM request ORDER BY id"):
            yield row[1] if isinstance(row[1], str) else repr(row[1]), row

    def pages(self) -> tuple[int, int]:
        """Give the number of pages, and how many of them are free."""
        return int(self._value("PRAGMA page_count")), int(self._value("PRAGMA freelist_count"))

    # -- the end -------------------------------------------------------------------------------------------------------

    def write_back(self) -> None:
        """Move the write-ahead log into the database and cut it to nothing."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def freeze(self) -> None:
        """Only read from now on: SQLite would write a last time when the connection that wrote is closed."""
        if self.frozen:
            return
        reader = self._connect(self._reading(), uri=True)
        try:
            reader.execute("SELECT count(*) FROM file").fetchone()
        except sqlite3.Error:
            reader.close()
            raise
        writer, self.connection, self.frozen = self.connection, reader, True
        writer.close()

    def close(self) -> None:
        """Close it."""
        self.connection.close()


def intact(row: tuple[Any, ...]) -> tuple[bytes, bytes] | None:
    """Give payload and batch id of a whole row whose checksum holds, else None."""
    row_id, destination, version, records, lanes, severity, batch, created, attempts, crc, size, body = row
    numbers = (version, records, severity, created, attempts)
    if not all(isinstance(number, int) for number in (row_id, crc, size, *numbers)) or version != ROW_VERSION:
        return None
    if not (isinstance(destination, str) and all(isinstance(value, bytes) for value in (lanes, batch, body))):
        return None
    try:
        found = checksum((body,), row_id, destination, lanes, batch, numbers)
    except (ArithmeticError, ValueError, _StructError):
        return None
    return (body, batch) if found == crc and size == len(body) else None


def _head(row: tuple[Any, ...]) -> Head:
    row_id, destination, records, lanes, severity, size, created, attempts = row
    return Head(
        row_id,
        destination if isinstance(destination, str) else repr(destination),
        unpack_lanes(lanes, records),
        _number(severity),
        _number(size),
        _number(created),
        _number(attempts),
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _lenient(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")
