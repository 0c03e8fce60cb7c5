"""Credentials that would leave this machine without TLS: one warning, or a refusal before a byte of them is sent.

``0.0.0.0`` is reached without leaving the machine, and is no loopback address: it stands for any other host.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError
from fapilog_otel.receiver import OtlpReceiver

SECRET = "s3cr3t-of-the-tenant"
WAYS = ("argument", "callable", "file", "environment", "userinfo")
AT_CONFIGURE = ("argument", "file", "environment", "userinfo")
WARNING = "credentials are sent in plain text"


def options(
    way: str, receiver: OtlpReceiver, protocol: str, folder: Path, monkeypatch: Any, host: str
) -> dict[str, Any]:
    """Give the arguments of configure() that put the credential where it is to come from."""
    url = (receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint).replace("127.0.0.1", host)
    given: dict[str, Any] = {"endpoint": url, "protocol": protocol, "sources": [], "shutdown_timeout": 5.0}
    if way == "argument":
        given["headers"] = {"x-api-key": SECRET}
    elif way == "callable":
        given["headers"] = lambda: {"x-api-key": SECRET}
    elif way == "file":
        file = folder / "headers"
        file.write_text(f"x-api-key: {SECRET}\n")
        given["headers_file"] = str(file)
    elif way == "environment":
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", given.pop("endpoint"))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"x-api-key={SECRET}")
    else:
        given["endpoint"] = url.replace("://", f"://user:{SECRET}@")
    return given


def log(handle: fo.Handle, count: int = 3) -> None:
    for number in range(count):
        fo.get_logger("shop").info("order", number=number)
        handle.flush(2)


@pytest.mark.parametrize("way", WAYS)
class TestToAnotherHost:
    def test_are_one_warning(
        self,
        configure: Callable[..., fo.Handle],
        protocol: str,
        way: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        with OtlpReceiver(grpc_port=0) as receiver:
            handle = configure(**options(way, receiver, protocol, tmp_path, monkeypatch, "0.0.0.0"))
            log(handle)
            assert handle.shutdown()
            assert len(receiver.logs) == 3
        said = capfd.readouterr().err
        assert said.count(WARNING) == 1
        assert SECRET not in said

    def test_are_refused_on_demand(
        self,
        configure: Callable[..., fo.Handle],
        protocol: str,
        way: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        with OtlpReceiver(grpc_port=0) as receiver:
            given = options(way, receiver, protocol, tmp_path, monkeypatch, "0.0.0.0")
            if way in AT_CONFIGURE:
                with pytest.raises(ConfigError, match=r"plain text.*https://") as caught:
                    configure(**given, refuse_plaintext_credentials=True)
                assert SECRET not in str(caught.value)
            else:
                handle = configure(**given, refuse_plaintext_credentials=True)
                log(handle)
                handle.shutdown(5)
                assert handle.stats().failed_by_reason == {"plaintext_credentials": 3}
            assert receiver.requests == []
        assert SECRET not in capfd.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_on_this_machine_nothing_is_said(
    configure: Callable[..., fo.Handle],
    protocol: str,
    host: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with OtlpReceiver(grpc_port=0) as receiver:
        given = options("argument", receiver, protocol, tmp_path, monkeypatch, host)
        handle = configure(**given, refuse_plaintext_credentials=True)
        log(handle, 1)
        assert handle.shutdown()
        assert len(receiver.logs) == 1
    assert capfd.readouterr().err == ""


def test_a_file_that_gets_a_credential_later_is_refused_too(
    configure: Callable[..., fo.Handle], protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OtlpReceiver(grpc_port=0) as receiver:
        given = options("file", receiver, protocol, tmp_path, monkeypatch, "0.0.0.0")
        Path(given["headers_file"]).write_text("x-tenant: a\n")
        handle = configure(**given, refuse_plaintext_credentials=True)
        log(handle, 1)
        Path(given["headers_file"]).write_text(f"x-tenant: a\nauthorization: Bearer {SECRET}\n")
        log(handle, 1)
        handle.shutdown(1)
        assert handle.stats().failed_by_reason == {"plaintext_credentials": 1}
        assert len(receiver.requests) == 1
