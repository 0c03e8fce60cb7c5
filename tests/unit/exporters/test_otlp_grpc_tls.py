from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from otlp_support import Pki, Reported, capture_diagnostics, no_proxies, request_of

from fapilog_otel.errors import RetryableError
from fapilog_otel.receiver import OtlpReceiver, ReceiverTls
from fapilog_otel_exporters.otlp_grpc._exporter import OtlpGrpcExporter


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with no_proxies(monkeypatch):
        yield


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Reported:
    return capture_diagnostics(monkeypatch)


class TestTls:
    @pytest.fixture
    def pki(self, tmp_path: Path) -> Pki:
        return Pki(tmp_path)

    @staticmethod
    def server_files(pki: Pki, *names: str) -> tuple[Path, Path]:
        chain, key = pki.folder / "server.pem", pki.folder / "server.key"
        issued = pki.authority.issue_cert(*names)
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return chain, key

    async def deliver(self, endpoint: str, **options: object) -> None:
        exporter = OtlpGrpcExporter(endpoint, **options)  # type: ignore[arg-type]
        exporter.validate()
        await exporter.start()
        try:
            await exporter.export(request_of())
        finally:
            await exporter.close()

    async def test_verifies_the_server(self, pki: Pki) -> None:
        tls = ReceiverTls(*self.server_files(pki, "127.0.0.1"))
        with OtlpReceiver(http_port=None, grpc_port=0, tls=tls) as receiver:
            await self.deliver(receiver.grpc_endpoint, certificate=pki.ca)
            await self.deliver(receiver.grpc_endpoint.removeprefix("https://"), certificate=pki.ca.read_bytes())
            with pytest.raises(RetryableError):
                await self.deliver(receiver.grpc_endpoint)
            assert len(receiver.logs) == 2

    async def test_refuses_another_host_name(self, pki: Pki) -> None:
        tls = ReceiverTls(*self.server_files(pki, "other.example"))
        with OtlpReceiver(http_port=None, grpc_port=0, tls=tls) as receiver:
            with pytest.raises(RetryableError):
                await self.deliver(receiver.grpc_endpoint, certificate=pki.ca)
            assert not receiver.logs

    async def test_presents_the_client_certificate_and_takes_a_rotated_one_between_requests(
        self, pki: Pki, reported: Reported
    ) -> None:
        tls = ReceiverTls(*self.server_files(pki, "127.0.0.1"), client_ca=pki.ca)
        chain, key = pki.pair("client")
        new_chain, new_key = pki.pair("new")
        with OtlpReceiver(http_port=None, grpc_port=0, tls=tls) as receiver:
            with pytest.raises(RetryableError):
                await self.deliver(receiver.grpc_endpoint, certificate=pki.ca)
            exporter = OtlpGrpcExporter(
                receiver.grpc_endpoint, certificate=pki.ca, client_certificate=chain, client_key=key
            )
            await exporter.start()
            await exporter.export(request_of())
            first = exporter._channels._current  # type: ignore[union-attr]
            shutil.copy(new_chain, chain)
            await exporter.export(request_of())
            assert exporter._channels._current is first  # type: ignore[union-attr]
            assert reported.kinds == ["tls.reload"]
            shutil.copy(new_key, key)
            await exporter.export(request_of())
            assert exporter._channels._current is not first  # type: ignore[union-attr]
            await exporter.close()
            assert len(receiver.logs) == 3
