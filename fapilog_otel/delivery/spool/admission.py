"""Whether a directory may hold a spool: ours alone, writable, on a disk of this machine."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from fapilog_otel.errors import ConfigError

MOUNTS: Final = Path("/proc/self/mountinfo")

NETWORK_TYPES: Final = frozenset(
    (
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.davfs2",
        "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys", "fuse.juicefs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
        "gfs2", "glusterfs", "gpfs", "kafs", "lustre", "ncpfs", "ocfs2", "orangefs", "pvfs2", "smb", "smb2", "smb3",
        "smbfs",
    )
)  # fmt: skip
_NETWORK_FAMILIES: Final = ("nfs", "cifs", "smb")

_OURS_ALONE: Final = "Give a directory that belongs to the user that runs this and that nobody else may write to"
_LOCAL: Final = "Give a directory on a disk of this machine"
_DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_NO_LOCKS: Final = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


def admit(path: Path, mounts: Path = MOUNTS) -> None:
    """Make the directory of a spool where it is missing, and check it.

    Args:
        path: The directory.
        mounts: Table of what is mounted (``proc_pid_mountinfo(5)``); where there is none nothing is known of networks.

    Raises:
        ConfigError: It cannot hold a spool.
    """
    _check_platform(path)
    try:
        _make(path)
        found = path.lstat()
    except OSError as error:
        raise _refused(path, f"cannot be made: {error.strerror}", "Give a directory that can be written to") from error
    if stat.S_ISLNK(found.st_mode):
        raise _refused(path, "is a symbolic link", "Give the directory itself")
    if not stat.S_ISDIR(found.st_mode):
        raise _refused(path, "is not a directory", "Give the path of a directory")
    if found.st_uid != os.geteuid():
        raise _refused(path, f"belongs to another user (uid {found.st_uid})", _OURS_ALONE)
    if found.st_mode & 0o022:
        raise _refused(path, f"may be written to by others (mode {stat.S_IMODE(found.st_mode):04o})", _OURS_ALONE)
    kind = file_system(path, mounts)
    if is_network(kind):
        raise _refused(path, f"lies on a network file system ({kind}), whose locks and syncs do not hold", _LOCAL)
    _try_to_write(path)


def is_network(kind: str) -> bool:
    """Tell whether a type of file system has its disks elsewhere."""
    return kind in NETWORK_TYPES or kind.startswith(_NETWORK_FAMILIES)


def file_system(path: Path, mounts: Path = MOUNTS) -> str:
    """Give the type of the file system that a path lies on; empty: unknown."""
    try:
        table = mounts.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
    where = os.path.realpath(path)
    best, kind = -1, ""
    for line in table.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = _unescaped(fields[4])
        inside = where == point or where.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:  # of two on the same point the later one covers the earlier
            best, kind = len(point), after.split(" ", 1)[0]
    return kind


def _unescaped(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(0o700)
    except FileExistsError:
        return
    path.chmod(0o700)  # a umask may have taken our own rights away


def _check_platform(path: Path) -> None:
    for module in ("fcntl", "sqlite3"):
        try:
            __import__(module)
        except ImportError as error:
            problem = f"needs Python's module {module}, which {sys.platform} or this build of Python lacks"
            raise _refused(path, problem, "Leave spool unset here") from error


def _try_to_write(path: Path) -> None:
    import fcntl  # noqa: PLC0415 - POSIX alone has it, and who has no spool need not

    probe = path / f".probe-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        descriptor = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise _refused(path, f"lies on a file system without locks: {error.strerror}", _LOCAL) from error
        if error.errno not in _DISK_FULL:  # a full disk may have room again
            raise _refused(
                path, f"cannot be written to: {error.strerror}", "Give a directory that can be written to"
            ) from error
    finally:
        with suppress(OSError):
            probe.unlink()


def _refused(path: Path, problem: str, remedy: str) -> ConfigError:
    return ConfigError("spool", str(path), problem, remedy)
