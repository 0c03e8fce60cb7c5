"""Which directories may hold a spool."""

from __future__ import annotations

import builtins
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fapilog_otel.delivery.spool import Spool
from fapilog_otel.delivery.spool.admission import admit, file_system, is_network
from fapilog_otel.errors import ConfigError
from fapilog_otel.telemetry.diagnostics import Diagnostics
from tests.unit.delivery.spool.spools import in_child, quick, request, started

NOBODY = 65534


@pytest.fixture
def umask_of_none() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        admit(path, **options)
    error = caught.value
    assert (error.setting, error.value) == ("spool", str(path))
    assert error.remedy
    return error.problem


class TestDirectory:
    @pytest.mark.usefixtures("umask_of_none")
    def test_that_is_missing_is_made_for_us_alone_with_its_parents(self, tmp_path: Path) -> None:
        path = tmp_path / "var" / "spool"
        Spool(quick(path), Diagnostics()).prepare()
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert list(path.iterdir()) == []

    def test_that_is_there_is_taken_as_it_is(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o750)
        admit(tmp_path)
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750

    def test_may_be_reached_by_a_link_above_it(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        admit(tmp_path / "link" / "spool")

    def test_that_is_a_link_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir(0o700)
        (tmp_path / "link").symlink_to(tmp_path / "real")
        assert refused(tmp_path / "link") == "is a symbolic link"
        (tmp_path / "real").rmdir()
        assert refused(tmp_path / "link") == "is a symbolic link"

    def test_that_is_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        assert refused(tmp_path / "file") == "is not a directory"
        assert "cannot be made" in refused(tmp_path / "file" / "spool")

    @pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
    def test_that_others_may_write_to_is_refused(self, tmp_path: Path, mode: int) -> None:
        tmp_path.chmod(mode)
        assert "may be written to by others" in refused(tmp_path)
        tmp_path.chmod(0o700)

    @pytest.mark.system
    def test_of_another_user_is_refused_even_for_root(self, tmp_path: Path) -> None:
        spool = tmp_path / "spool"
        spool.mkdir(0o700)
        os.chown(spool, NOBODY, NOBODY)
        assert f"belongs to another user (uid {NOBODY})" in refused(spool)

    @pytest.mark.system
    def test_is_checked_for_a_user_without_rights_too(self, tmp_path: Path) -> None:
        for path in (tmp_path, *list(tmp_path.parents)[:2]):
            path.chmod(path.stat().st_mode | 0o011)
        theirs, roots = tmp_path / "theirs", tmp_path / "roots"
        theirs.mkdir(0o700)
        roots.mkdir(0o700)
        os.chown(theirs, NOBODY, NOBODY)
        closed = theirs / "closed"
        closed.mkdir(0o500)
        os.chown(closed, NOBODY, NOBODY)

        def child() -> None:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            assert "belongs to another user (uid 0)" in refused(roots)
            assert "cannot be made: Permission denied" in refused(roots / "spool")
            assert "cannot be written to: Permission denied" in refused(closed)
            os.umask(0)
            one = started(theirs / "spool")
            one.put(request())
            modes = {stat.S_IMODE(path.stat().st_mode) for path in (theirs / "spool").iterdir()}
            assert modes == {0o600}
            assert one.spool.stop(20.0)

        in_child(child)

    def test_that_is_full_is_no_fault_of_the_configuration(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "open", failing(os.open, OSError(28, "No space left on device")))
        admit(tmp_path)

    def test_without_locks_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import fcntl

        monkeypatch.setattr(fcntl, "flock", failing(fcntl.flock, OSError(37, "No locks available")))
        assert "without locks" in refused(tmp_path)
        assert list(tmp_path.iterdir()) == []


def failing(_: Callable[..., object], error: Exception) -> Callable[..., object]:
    def fail(*_: object, **__: object) -> object:
        raise error

    return fail


class TestPlatform:
    @pytest.mark.parametrize("missing", ["fcntl", "sqlite3"])
    def test_without_what_a_spool_needs_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
    ) -> None:
        original = builtins.__import__

        def importing(name: str, *rest: Any, **more: Any) -> Any:
            if name == missing:
                raise ImportError(name)
            return original(name, *rest, **more)

        monkeypatch.setattr(builtins, "__import__", importing)
        assert f"module {missing}" in refused(tmp_path)


class TestFileSystem:
    MOUNTS = (
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "30 22 0:30 / /mnt/share rw - nfs4 host:/export rw\n"
        "31 30 0:31 / /mnt/share/local\\040disk rw master:3 - xfs /dev/sdb rw\n"
        "32 22 0:32 / /mnt/twice rw - cifs //host/x rw\n"
        "33 22 0:33 / /mnt/twice rw - tmpfs none rw\n"
        "broken line\n"
    )

    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/var/spool", "ext4"),
            ("/mnt/share", "nfs4"),
            ("/mnt/share/a/b", "nfs4"),
            ("/mnt/sharealike", "ext4"),
            ("/mnt/share/local disk/x", "xfs"),
            ("/mnt/twice/x", "tmpfs"),
        ],
    )
    def test_is_that_of_the_nearest_and_latest_mount(self, tmp_path: Path, path: str, kind: str) -> None:
        (tmp_path / "mountinfo").write_text(self.MOUNTS)
        assert file_system(Path(path), tmp_path / "mountinfo") == kind

    def test_is_unknown_without_a_table(self, tmp_path: Path) -> None:
        assert file_system(tmp_path, tmp_path / "none") == ""
        admit(tmp_path, tmp_path / "none")

    def test_of_this_machine_is_known(self) -> None:
        assert file_system(Path("/proc/self")) == "proc"

    @pytest.mark.parametrize(
        "kind",
        ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs", "lustre", "afs", "fuse.glusterfs"],
    )
    def test_of_a_network_is_refused(self, tmp_path: Path, kind: str) -> None:
        mounts = tmp_path / "mountinfo"
        mounts.write_text(f"22 1 8:1 / / rw - {kind} host rw\n")
        (tmp_path / "spool").mkdir(0o700)
        assert f"network file system ({kind})" in refused(tmp_path / "spool", mounts=mounts)
        assert list((tmp_path / "spool").iterdir()) == []

    @pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "apfs", ""])
    def test_of_this_machine_is_taken(self, kind: str) -> None:
        assert not is_network(kind)
