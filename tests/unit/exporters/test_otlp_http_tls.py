from __future__ import annotations

import asyncio
import datetime as dt
import shutil
from pathlib import Path

import pytest
import trustme
from otlp_support import Pki, RawServer, Reported, capture_diagnostics, free_port, raw_server, request_of

from fapilog_otel.contracts import ExportResult
from fapilog_otel.errors import ConfigError, RetryableError
from fapilog_otel.receiver import OtlpReceiver, ReceiverTls
from fapilog_otel_exporters.otlp_http._exporter import OtlpHttpExporter


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Reported:
    return capture_diagnostics(monkeypatch)


async def export_once(url: str, **options: object) -> ExportResult:
    exporter = OtlpHttpExporter(url, **options)  # type: ignore[arg-type]
    exporter.validate()
    await exporter.start()
    try:
        return await exporter.export(request_of())
    finally:
        await exporter.close()


async def assert_refused(server: RawServer, url: str, **options: object) -> None:
    with pytest.raises(RetryableError) as caught:
        await export_once(url, **options)
    assert caught.value.reason == "connection_tls"
    assert server.requests == []


class TestServerVerification:
    async def test_trusts_a_server_of_the_given_authority(self, pki: Pki) -> None:
        async with raw_server(tls=pki.server_context()) as server:
            for host in ("127.0.0.1", "localhost"):
                await export_once(server.https_url.replace("127.0.0.1", host), certificate=pki.ca)

        assert len(server.requests) == 2

    async def test_refuses_an_unknown_authority(self, pki: Pki) -> None:
        async with raw_server(tls=pki.server_context()) as server:
            await assert_refused(server, server.https_url)

    async def test_refuses_another_host_name(self, pki: Pki) -> None:
        async with raw_server(tls=pki.server_context("other.example")) as server:
            await assert_refused(server, server.https_url, certificate=pki.ca)

    async def test_refuses_an_expired_certificate(self, pki: Pki) -> None:
        yesterday = dt.datetime.now(dt.timezone.utc) - dt.timedelta(days=1)
        context = pki.server_context(not_after=yesterday)
        async with raw_server(tls=context) as server:
            await assert_refused(server, server.https_url, certificate=pki.ca)

    async def test_refuses_a_server_that_speaks_no_tls(self, pki: Pki) -> None:
        async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        listener = await asyncio.start_server(plain, "127.0.0.1", 0)
        with pytest.raises(RetryableError) as caught:
            await export_once(f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}/", certificate=pki.ca)
        listener.close()

        assert caught.value.reason == "connection_tls"

    async def test_a_scheme_beats_insecure(self, pki: Pki) -> None:
        from fapilog_otel_exporters.otlp_http import factory

        async with raw_server(tls=pki.server_context()) as server:
            exporter = factory.create({"endpoint": server.https_url, "insecure": True})
            await exporter.start()
            with pytest.raises(RetryableError):
                await exporter.export(request_of())
            await exporter.close()

        assert server.requests == []


class TestTransfer:
    @pytest.mark.parametrize("size", [1, 40_000])
    async def test_large_and_small_requests_arrive_whole_over_one_connection(self, pki: Pki, size: int) -> None:
        chain, key = pki.pair("server")
        issued = pki.authority.issue_cert("127.0.0.1")
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        with OtlpReceiver(tls=ReceiverTls(chain, key)) as receiver:
            exporter = OtlpHttpExporter(receiver.http_endpoint + "/v1/logs", certificate=pki.ca)
            await exporter.start()
            for _ in range(3):
                await exporter.export(request_of(size, "x" * 300))
            (connection,) = exporter._client._idle  # type: ignore[union-attr]
            assert connection.requests == 3
            await exporter.close()

            assert len(receiver.logs) == 3 * size

    async def test_a_connection_closed_while_idle_is_replaced_unnoticed(self, pki: Pki) -> None:
        async with raw_server(tls=pki.server_context()) as server:
            exporter = OtlpHttpExporter(server.https_url, certificate=pki.ca)
            await exporter.start()
            await exporter.export(request_of())
            server.drop_all()
            await exporter.export(request_of())
            await exporter.close()

        assert server.connections == 2


class TestMutualTls:
    @pytest.mark.parametrize("form", ["paths", "bytes", "text", "one file"])
    async def test_presents_the_client_certificate(self, pki: Pki, form: str) -> None:
        chain, key = pki.pair("client")
        options: dict[str, object] = {"certificate": pki.ca, "client_certificate": chain, "client_key": key}
        if form == "bytes":
            options = {name: path.read_bytes() for name, path in options.items()}  # type: ignore[attr-defined]
        elif form == "text":
            options = {name: path.read_text() for name, path in options.items()}  # type: ignore[attr-defined]
        elif form == "one file":
            both = chain.with_name("both.pem")
            both.write_bytes(chain.read_bytes() + key.read_bytes())
            options = {"certificate": pki.ca, "client_certificate": str(both)}
        async with raw_server(tls=pki.server_context(client_ca=pki.authority)) as server:
            await export_once(server.https_url, **options)

        assert len(server.requests) == 1

    @pytest.mark.parametrize("foreign", [False, True])
    async def test_without_an_accepted_certificate_nothing_is_delivered(self, pki: Pki, foreign: bool) -> None:
        options = {"certificate": pki.ca}
        if foreign:
            options["client_certificate"], options["client_key"] = pki.pair("foreign", trustme.CA())
        async with raw_server(tls=pki.server_context(client_ca=pki.authority)) as server:
            with pytest.raises(RetryableError) as caught:
                await export_once(server.https_url, **options)

        assert caught.value.reason.startswith("connection")
        assert server.requests == []


class TestRotation:
    async def test_a_new_authority_and_a_new_client_pair_are_used_without_a_restart(self, pki: Pki) -> None:
        chain, key = pki.pair("client")
        port = free_port()
        exporter = OtlpHttpExporter(
            f"https://127.0.0.1:{port}/v1/logs", certificate=pki.ca, client_certificate=chain, client_key=key
        )
        await exporter.start()
        for _ in range(3):
            context = pki.server_context(client_ca=pki.authority)
            async with raw_server(tls=context, port=port) as server:
                await exporter.export(request_of())
                await exporter.export(request_of())
                assert (server.connections, len(server.requests)) == (1, 2)
            pki = Pki(pki.folder)
            pki.pair("client")
        await exporter.close()

    async def test_an_idle_connection_of_the_old_identity_is_not_used_again(self, pki: Pki) -> None:
        chain, key = pki.pair("client")
        async with raw_server(tls=pki.server_context(client_ca=pki.authority)) as server:
            exporter = OtlpHttpExporter(server.https_url, certificate=pki.ca, client_certificate=chain, client_key=key)
            await exporter.start()
            await exporter.export(request_of())
            pki.pair("client")
            await exporter.export(request_of())
            await exporter.close()

        assert server.connections == 2

    async def test_a_half_written_or_mismatched_pair_keeps_the_old_one_and_is_reported(
        self, pki: Pki, reported: Reported
    ) -> None:
        chain, key = pki.pair("client")
        new_chain, new_key = pki.pair("new")
        async with raw_server(tls=pki.server_context(client_ca=pki.authority)) as server:
            exporter = OtlpHttpExporter(server.https_url, certificate=pki.ca, client_certificate=chain, client_key=key)
            await exporter.start()
            await exporter.export(request_of())
            content = new_chain.read_bytes()
            chain.write_bytes(content[: len(content) // 2])
            await exporter.export(request_of())
            chain.write_bytes(content)
            await exporter.export(request_of())
            chain.unlink()
            await exporter.export(request_of())
            assert server.connections == 1
            assert set(reported.kinds) == {"tls.reload"}
            shutil.copy(new_chain, chain)
            shutil.copy(new_key, key)
            await exporter.export(request_of())
            assert (server.connections, len(server.requests)) == (2, 5)
            await exporter.close()


class TestValidate:
    def test_accepts_what_fits(self, pki: Pki) -> None:
        chain, key = pki.pair("client")

        OtlpHttpExporter("https://h/", certificate=pki.ca, client_certificate=chain, client_key=key).validate()
        OtlpHttpExporter("https://h/", certificate=pki.folder).validate()

    @pytest.mark.parametrize("setting", ["certificate", "client_certificate", "client_key"])
    @pytest.mark.parametrize(
        "content", [None, b"", b"not PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    )
    def test_names_the_setting_of_a_missing_or_unreadable_file(
        self, pki: Pki, setting: str, content: bytes | None
    ) -> None:
        chain, key = pki.pair("client")
        bad = pki.folder / "bad.pem"
        if content is not None:
            bad.write_bytes(content)
        options = {"certificate": pki.ca, "client_certificate": chain, "client_key": key, setting: bad}

        with pytest.raises(ConfigError) as caught:
            OtlpHttpExporter("https://h/", **options).validate()  # type: ignore[arg-type]

        # A key that is in PEM form but is none cannot be told from one that does not match.
        parsable = content is not None and content.startswith(b"-----") and setting == "client_key"
        assert caught.value.setting == ("client_certificate" if parsable else setting)

    def test_refuses_a_key_that_does_not_match(self, pki: Pki) -> None:
        chain, _ = pki.pair("client")
        _, key = pki.pair("other")

        with pytest.raises(ConfigError) as caught:
            OtlpHttpExporter("https://h/", client_certificate=chain, client_key=key).validate()

        assert caught.value.setting == "client_certificate"

    def test_refuses_a_key_without_a_certificate(self, pki: Pki) -> None:
        with pytest.raises(ConfigError) as caught:
            OtlpHttpExporter("https://h/", client_key=pki.pair("client")[1]).validate()

        assert caught.value.setting == "client_certificate"

    def test_refuses_an_encrypted_key_instead_of_asking_for_its_password(self, pki: Pki) -> None:
        from cryptography.hazmat.primitives import serialization

        chain, key = pki.pair("client")
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        encryption = serialization.BestAvailableEncryption(b"pw")
        key.write_bytes(loaded.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))

        with pytest.raises(ConfigError, match="encrypted"):
            OtlpHttpExporter("https://h/", client_certificate=chain, client_key=key).validate()

    def test_never_shows_pem_content(self, pki: Pki) -> None:
        chain, _ = pki.pair("client")
        _, key = pki.pair("other")

        with pytest.raises(ConfigError) as caught:
            OtlpHttpExporter("https://h/", client_certificate=chain, client_key=key.read_bytes()).validate()

        assert "BEGIN" not in str(caught.value)
        assert key.read_text().splitlines()[1] not in str(caught.value)

    def test_leaves_no_key_behind_in_the_temporary_directory(
        self, pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chain, key = pki.pair("client")
        folder = tmp_path / "tmp"
        folder.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(folder))

        OtlpHttpExporter("https://h/", client_certificate=chain.read_bytes(), client_key=key.read_bytes()).validate()

        assert list(folder.iterdir()) == []
