"""Certificates are replaced on disk while records flow: none is lost, nothing is restarted, half a pair is not used.

The last step of each rotation closes every connection, so that what follows proves itself with the new files alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import fapilog_otel as fo
from fapilog_otel.receiver import OtlpReceiver, ReceiverTls
from tests.security.flowing import Flow, until
from tests.security.pki import Authority, write

Configure = Callable[..., fo.Handle]


class Files(NamedTuple):
    """What both sides read: the server's pair and the authority of its clients, the client's pair and its authority."""

    server: ReceiverTls
    trusted: Path
    client: Path
    client_key: Path

    @property
    def options(self) -> dict[str, Any]:
        return {
            "certificate": str(self.trusted),
            "client_certificate": str(self.client),
            "client_key": str(self.client_key),
        }


class Identities:
    """An old and a new authority of each side, with a pair each."""

    def __init__(self, folder: Path) -> None:
        names = ("server-old", "server-new", "client-old", "client-new")
        self.old_server, self.new_server, self.old_client, self.new_client = (
            Authority(folder / name) for name in names
        )

    def in_use(self, folder: Path) -> Files:
        """Write the old ones to the files that both sides read."""
        folder.mkdir()
        server = ReceiverTls(folder / "server.pem", folder / "server.key", client_ca=folder / "clients.pem")
        files = Files(server, folder / "trusted.pem", folder / "client.pem", folder / "client.key")
        put_pair(self.old_server, files.server.certificate, files.server.key)
        put_pair(self.old_client, files.client, files.client_key)
        write(files.trusted, self.old_server.pem)
        write(folder / "clients.pem", self.old_client.pem)
        return files


def put_pair(authority: Authority, chain: Path, key: Path) -> None:
    """Put a pair of an authority in the place of another, the certificate first."""
    for made, place in zip(authority.issue("pair"), (chain, key), strict=True):
        write(place, made.read_bytes())


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    return Identities(tmp_path)


@pytest.fixture
def files(identities: Identities, tmp_path: Path) -> Files:
    return identities.in_use(tmp_path / "in-use")


def log_to(configure: Configure, receiver: Any, protocol: str, files: Files, **options: Any) -> fo.Handle:
    return configure(
        endpoint=receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint,
        protocol=protocol,
        sources=[],
        schedule_delay=0.02,
        shutdown_timeout=20,
        retry={"initial": 0.05, "maximum": 0.2},
        **files.options,
        **options,
    )


def assert_nothing_lost(handle: fo.Handle, flow: Flow) -> None:
    print(f"{flow.written} records")
    assert handle.shutdown(20)
    stats = handle.stats()
    assert stats.balanced
    assert (stats.submitted, stats.delivered) == (flow.written, flow.written)
    assert (stats.filtered, stats.dropped, stats.failed, stats.in_flight) == (0, 0, 0, 0)


class TestIntoAServerThatChangesAtOnce:
    def test_records_wait_until_both_sides_agree_again(
        self, configure: Configure, identities: Identities, files: Files, protocol: str
    ) -> None:
        receiver = OtlpReceiver(grpc_port=0, tls=files.server).start()
        try:
            handle = log_to(configure, receiver, protocol, files)
            with Flow() as flow:
                flow.more()
                until(lambda: receiver.logs)
                receiver.stop()
                put_pair(identities.new_server, files.server.certificate, files.server.key)
                write(files.server.client_ca, identities.new_client.pem)  # type: ignore[arg-type]
                receiver.start()
                before = len(receiver.logs)
                flow.more(100)
                assert len(receiver.logs) == before  # neither side trusts the other now
                put_pair(identities.new_client, files.client, files.client_key)
                flow.more(50)
                write(files.trusted, identities.new_server.pem)
                until(lambda: len(receiver.logs) > before)
                flow.more(50)
            assert_nothing_lost(handle, flow)
            assert {log.attributes["number"] for log in receiver.logs} == set(range(flow.written))
        finally:
            receiver.stop()


HALVES = (
    "new certificate, old key",
    "new key, old certificate",
    "cut certificate",
    "empty key",
    "cut authority",
    "gone",
)


def spoil(half: str, files: Files, identities: Identities) -> None:
    """Leave half of a rotation on disk."""
    chain, key = identities.new_client.issue("pair")
    content = {
        "new certificate, old key": (files.client, chain.read_bytes()),
        "new key, old certificate": (files.client_key, key.read_bytes()),
        "cut certificate": (files.client, chain.read_bytes()[:300]),
        "empty key": (files.client_key, b""),
        "cut authority": (files.trusted, identities.new_server.pem[:200]),
        "gone": (files.client, b""),
    }
    path, data = content[half]
    path.write_bytes(data)  # in place, as a tool that knows no better does
    if half == "gone":
        path.unlink()


class TestHalfWritten:
    @pytest.fixture
    def receiver(self, files: Files) -> Iterator[OtlpReceiver]:
        with OtlpReceiver(grpc_port=0, tls=files.server) as receiver:
            yield receiver

    @pytest.mark.parametrize("half", HALVES)
    def test_keeps_the_old_one_and_is_announced_once(
        self,
        configure: Configure,
        identities: Identities,
        files: Files,
        receiver: OtlpReceiver,
        protocol: str,
        half: str,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        handle = log_to(configure, receiver, protocol, files)
        with Flow() as flow:
            flow.more()
            until(lambda: receiver.logs)
            spoil(half, files, identities)
            for _ in range(3):  # old connections are used, and new ones made with the old identity
                receiver.stop()
                receiver.start()
                before = len(receiver.logs)
                until(lambda before=before: len(receiver.logs) > before + 20)
        assert_nothing_lost(handle, flow)
        assert {log.attributes["number"] for log in receiver.logs} == set(range(flow.written))
        said = [line for line in capfd.readouterr().err.splitlines() if "certificate files cannot be used" in line]
        assert len([line for line in said if "repeated=" not in line]) == 1, said
        assert len(said) <= 2, said  # shutdown tells how often it happened
        assert "BEGIN" not in "".join(said)

    def test_is_taken_up_once_it_is_whole(
        self, configure: Configure, identities: Identities, files: Files, receiver: OtlpReceiver, protocol: str
    ) -> None:
        handle = log_to(configure, receiver, protocol, files)
        with Flow() as flow:
            flow.more()
            until(lambda: receiver.logs)
            spoil("cut certificate", files, identities)
            flow.more(50)
            put_pair(identities.new_client, files.client, files.client_key)
            receiver.stop()
            shutil.copy(identities.new_client.file, files.server.client_ca)  # type: ignore[arg-type]
            receiver.start()
            before = len(receiver.logs)
            until(lambda: len(receiver.logs) > before + 20)
        assert_nothing_lost(handle, flow)
