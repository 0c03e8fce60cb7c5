"""A server that is not proven to be the right one gets no record, and what cannot be used is an error at configure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError
from fapilog_otel.receiver import OtlpReceiver, ReceiverTls
from tests.security.flowing import until
from tests.security.pki import Authority, bad_servers, self_signed

RECORDS = 20
BAD = ("wrong authority", "wrong host", "expired", "not yet valid", "self-signed")


def endpoint_of(receiver: OtlpReceiver, protocol: str) -> str:
    return receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint


class TestServers:
    @pytest.mark.parametrize(
        ("wrong", "trusting"),
        [*((wrong, "authority") for wrong in BAD), ("self-signed", "system"), ("expired", "variable")],
    )
    def test_that_are_not_proven_get_nothing(
        self,
        authority: Authority,
        configure: Callable[..., fo.Handle],
        protocol: str,
        wrong: str,
        trusting: str,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        with OtlpReceiver(grpc_port=0, tls=bad_servers(authority)[wrong]) as receiver:
            options: dict[str, Any] = {}
            if trusting == "authority":
                options["certificate"] = str(authority.file)
            elif trusting == "variable":
                monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(authority.file))
            # None of these switches verification off.
            monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_INSECURE", "true")
            handle = configure(
                endpoint=endpoint_of(receiver, protocol), protocol=protocol, sources=[], shutdown_timeout=0.3, **options
            )
            for number in range(RECORDS):
                fo.get_logger("shop").info("order", number=number)
            handle.flush(0)
            until(lambda: receiver.requests or "cannot reach" in capfd.readouterr().err)  # an attempt has been made
            assert not handle.shutdown()
            assert receiver.logs == []
            assert receiver.requests == []
        stats = handle.stats()
        assert stats.balanced
        assert (stats.submitted, stats.delivered, stats.in_flight) == (RECORDS, 0, 0)

    def test_that_are_proven_get_everything(
        self, authority: Authority, configure: Callable[..., fo.Handle], protocol: str
    ) -> None:
        with OtlpReceiver(grpc_port=0, tls=ReceiverTls(*authority.issue("server"))) as receiver:
            handle = configure(
                endpoint=endpoint_of(receiver, protocol), protocol=protocol, certificate=str(authority.file), sources=[]
            )
            for number in range(RECORDS):
                fo.get_logger("shop").info("order", number=number)
            assert handle.shutdown(10)
            assert len(receiver.logs) == RECORDS


class TestConfigure:
    def refused(self, protocol: str, **options: Any) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            fo.configure(endpoint="https://127.0.0.1:1", protocol=protocol, sources=[], **options)
        error = caught.value
        assert error.setting in str(error)
        assert error.remedy
        assert str(error).endswith(error.remedy)
        assert repr(error.value) in str(error)
        return error

    def test_names_a_certificate_that_does_not_match_its_key(self, authority: Authority, protocol: str) -> None:
        (chain, _), (_, key) = authority.issue("one"), authority.issue("two")
        error = self.refused(protocol, client_certificate=str(chain), client_key=str(key))
        assert (error.setting, error.value) == ("client_certificate", str(chain))
        assert "belongs to it" in error.remedy

    @pytest.mark.parametrize("content", [None, b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nMIIB\n"])
    @pytest.mark.parametrize("setting", ["certificate", "client_certificate"])
    def test_names_a_file_that_cannot_be_used(
        self, authority: Authority, tmp_path: Path, protocol: str, setting: str, content: bytes | None
    ) -> None:
        chain, key = authority.issue("client")
        bad = tmp_path / "bad.pem"
        if content is not None:
            bad.write_bytes(content)
        options = {"client_certificate": str(chain), "client_key": str(key), setting: str(bad)}
        error = self.refused(protocol, **options)
        assert (error.setting, error.value) == (setting, str(bad))

    def test_names_an_authority_that_the_process_may_not_read(self, authority: Authority, protocol: str) -> None:
        folder = authority.folder / "a-folder-with-no-certificate"
        folder.mkdir()
        assert self.refused(protocol, certificate=str(folder)).setting == "certificate"

    @pytest.mark.parametrize("value", ["a\nX-Injected: b", "a\r\nb", "a\0b"])
    def test_names_headers_that_would_inject_one(self, protocol: str, value: str) -> None:
        error = self.refused(protocol, headers={"authorization": value})
        assert error.setting.startswith("headers")
        assert value not in str(error)
        assert "Injected" not in str(error)

    def test_the_same_of_a_headers_file(self, protocol: str, tmp_path: Path) -> None:
        file = tmp_path / "headers"
        file.write_text("authorization: a\x00b\n")
        error = self.refused(protocol, headers_file=str(file))
        assert (error.setting, error.value) == ("headers_file", str(file))

    def test_a_self_signed_server_works_once_it_is_trusted_by_name(
        self, tmp_path: Path, configure: Callable[..., fo.Handle], protocol: str
    ) -> None:
        chain, key = self_signed(tmp_path)
        with OtlpReceiver(grpc_port=0, tls=ReceiverTls(chain, key)) as receiver:
            handle = configure(
                endpoint=endpoint_of(receiver, protocol), protocol=protocol, certificate=str(chain), sources=[]
            )
            fo.get_logger("shop").info("order")
            assert handle.shutdown(10)
            assert len(receiver.logs) == 1
