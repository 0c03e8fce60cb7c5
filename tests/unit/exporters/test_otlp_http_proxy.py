from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from otlp_support import Pki, no_proxies, raw_server, reply, request_of

from fapilog_otel.errors import ConfigError, RetryableError
from fapilog_otel_exporters._http_url import parse_http_url
from fapilog_otel_exporters.otlp_http._exporter import OtlpHttpExporter
from fapilog_otel_exporters.otlp_http._proxy import proxy_for

ESTABLISHED = reply(200)
ESTABLISHED.data = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with no_proxies(monkeypatch):
        yield


async def export_once(url: str, **options: object) -> None:
    exporter = OtlpHttpExporter(url, **options)  # type: ignore[arg-type]
    exporter.validate()
    await exporter.start()
    try:
        await exporter.export(request_of())
        await exporter.export(request_of())
    finally:
        await exporter.close()


def chosen(url: str) -> str | None:
    proxy = proxy_for(parse_http_url("endpoint", url))
    return None if proxy is None else f"{proxy.host}:{proxy.port}"


class TestChoice:
    def test_is_none_without_variables(self) -> None:
        assert chosen("http://collector/") is None

    @pytest.mark.parametrize(
        ("variable", "http", "https"),
        [
            ("HTTP_PROXY", "p:3128", None),
            ("http_proxy", "p:3128", None),
            ("HTTPS_PROXY", None, "p:3128"),
            ("ALL_PROXY", "p:3128", "p:3128"),
        ],
    )
    def test_follows_the_scheme(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, http: str | None, https: str | None
    ) -> None:
        monkeypatch.setenv(variable, "http://p:3128")

        assert (chosen("http://collector/"), chosen("https://collector/")) == (http, https)

    def test_prefers_the_schemes_own_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALL_PROXY", "http://all:1")
        monkeypatch.setenv("HTTP_PROXY", "own:2")

        assert chosen("http://collector/") == "own:2"

    @pytest.mark.parametrize(
        ("url", "excepted"),
        [
            ("http://collector.example/", True),
            ("http://a.collector.example/", True),
            ("http://other.example/", False),
            ("http://10.1.2.3/", True),
            ("http://10.2.2.3/", False),
            ("http://192.0.2.7:4318/", True),
            ("http://only-with-port:4318/", True),
            ("http://only-with-port:4319/", False),
        ],
    )
    def test_excepts_names_networks_and_ports(self, monkeypatch: pytest.MonkeyPatch, url: str, excepted: bool) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://p:3128")
        monkeypatch.setenv("NO_PROXY", "collector.example, 10.1.0.0/16 ,192.0.2.7,only-with-port:4318")

        assert chosen(url) == (None if excepted else "p:3128")

    def test_excepts_everything_with_a_star(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://p:3128")
        monkeypatch.setenv("NO_PROXY", "*")

        assert chosen("https://collector/") is None

    @pytest.mark.parametrize("url", ["socks5://p:1080", "http://p:port", "http://"])
    def test_that_cannot_be_used_is_a_config_error_without_its_credentials(
        self, monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        monkeypatch.setenv("ALL_PROXY", url.replace("//", "//user:s3cret@"))

        with pytest.raises(ConfigError) as caught:
            OtlpHttpExporter("http://collector/").validate()

        assert caught.value.setting == "ALL_PROXY"
        assert "s3cret" not in str(caught.value)


class TestForwarding:
    async def test_http_goes_in_absolute_form_with_the_proxys_credentials(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with raw_server() as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://user:p%40ss@127.0.0.1:{proxy.port}")
            await export_once("http://collector.example:4318/v1/logs?a=b")

        line, headers, _ = proxy.requests[0]
        assert line == "POST http://collector.example:4318/v1/logs?a=b HTTP/1.1"
        assert headers["host"] == "collector.example:4318"
        assert headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"
        assert (proxy.connections, len(proxy.requests)) == (1, 2)

    async def test_a_netrc_file_is_not_read(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login user password s3cret\n")
        monkeypatch.setenv("NETRC", str(netrc))
        async with raw_server() as server:
            await export_once(server.url)

        assert "authorization" not in server.requests[0][1]


class TestTunnel:
    @pytest.mark.parametrize("secure_proxy", [False, True])
    async def test_https_goes_through_connect_and_is_verified_end_to_end(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secure_proxy: bool
    ) -> None:
        pki = Pki(tmp_path)
        proxy_tls = pki.server_context() if secure_proxy else None
        async with (
            raw_server(tls=pki.server_context("collector.example")) as server,
            raw_server(ESTABLISHED, tls=proxy_tls) as proxy,
        ):
            proxy.tunnel = lambda _: ("127.0.0.1", server.port)
            scheme = "https" if secure_proxy else "http"
            monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://user:pass@127.0.0.1:{proxy.port}")
            await export_once("https://collector.example/v1/logs", certificate=pki.ca, headers={"api-key": "k"})

        line, headers, _ = proxy.requests[0]
        assert line == "CONNECT collector.example:443 HTTP/1.1"
        assert headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"
        assert "api-key" not in headers
        (first, second) = server.requests
        assert first[0] == second[0] == "POST /v1/logs HTTP/1.1"
        assert "proxy-authorization" not in first[1]
        assert (proxy.connections, server.connections) == (1, 1)

    async def test_a_refusal_is_retryable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with raw_server(reply(407, b"who are you?")) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            with pytest.raises(RetryableError, match="407") as caught:
                await export_once("https://collector.example/v1/logs")

        assert caught.value.reason == "connection_proxy"

    async def test_the_server_behind_it_must_have_the_right_name(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        pki = Pki(tmp_path)
        async with raw_server(tls=pki.server_context("127.0.0.1")) as server, raw_server(ESTABLISHED) as proxy:
            proxy.tunnel = lambda _: ("127.0.0.1", server.port)
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            with pytest.raises(RetryableError) as caught:
                await export_once("https://collector.example/v1/logs", certificate=pki.ca)

        assert caught.value.reason == "connection_tls"
        assert server.requests == []
