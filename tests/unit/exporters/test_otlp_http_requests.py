"""What goes over the wire, and the settings that decide it."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from otlp_support import RawServer, Reported, capture_diagnostics, raw_server, request_of

from fapilog_otel.contracts import Exporter, exporter_traits
from fapilog_otel.errors import ConfigError, PermanentError
from fapilog_otel.receiver import OtlpReceiver
from fapilog_otel_exporters._http_url import parse_http_url
from fapilog_otel_exporters.otlp_http import factory
from fapilog_otel_exporters.otlp_http._exporter import OtlpHttpExporter


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Reported:
    return capture_diagnostics(monkeypatch)


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with raw_server() as running:
        yield running


async def sent(server: RawServer, url: str = "", **options: object) -> tuple[str, dict[str, str], bytes]:
    exporter = OtlpHttpExporter(url or server.url, **options)  # type: ignore[arg-type]
    exporter.validate()
    await exporter.start()
    await exporter.export(request_of(3))
    await exporter.close()
    return server.requests[-1]


class TestRequest:
    async def test_is_the_posted_body_with_exactly_these_headers(self, server: RawServer) -> None:
        line, headers, body = await sent(server)

        assert line == "POST /v1/logs HTTP/1.1"
        assert body == b"".join(request_of(3).body())
        assert headers == {
            "host": f"127.0.0.1:{server.port}",
            "content-type": "application/x-protobuf",
            "accept-encoding": "identity",
            "user-agent": f"fapilog-otel/{importlib.metadata.version('fapilog-otel')}",
            "content-length": str(len(body)),
        }

    async def test_has_the_users_headers_and_user_agent(self, server: RawServer) -> None:
        _, headers, _ = await sent(server, headers={"X-Tenant": "shöp", "User-Agent": "shop/1"})

        assert (headers["x-tenant"], headers["user-agent"]) == ("shöp", "shop/1")

    async def test_keeps_the_headers_that_frame_it(self, server: RawServer, reported: Reported) -> None:
        _, headers, body = await sent(
            server, headers={"Content-Length": "1", "Transfer-Encoding": "chunked", "Host": "x"}
        )

        assert headers["content-length"] == str(len(body))
        assert "transfer-encoding" not in headers
        assert reported.lines[0][2] == {"names": "content-length, host, transfer-encoding"}

    async def test_carries_credentials_of_the_url_as_basic_authorization(self, server: RawServer) -> None:
        url = server.url.replace("//", "//user:p%40ss@")
        line, headers, _ = await sent(server, url)

        assert headers["authorization"] == "Basic dXNlcjpwQHNz"
        assert "user" not in line + headers["host"]

    async def test_asks_a_headers_callable_each_time(self, server: RawServer) -> None:
        tokens = iter(["one", "two"])
        exporter = OtlpHttpExporter(server.url, headers=lambda: {"authorization": next(tokens)})
        await exporter.start()
        await exporter.export(request_of())
        await exporter.export(request_of())
        await exporter.close()

        assert [headers["authorization"] for _, headers, _ in server.requests] == ["one", "two"]

    async def test_is_not_sent_with_an_injected_header(self, server: RawServer) -> None:
        exporter = OtlpHttpExporter(server.url, headers=lambda: {"a": "b\r\nX-Evil: 1"})
        await exporter.start()
        with pytest.raises(PermanentError):
            await exporter.export(request_of())
        await exporter.close()

        assert server.requests == []

    async def test_reads_a_headers_file_again_without_a_restart(self, server: RawServer, tmp_path: Path) -> None:
        file = tmp_path / "headers"
        file.write_text("authorization: one")
        exporter = OtlpHttpExporter(server.url, headers_file=file)
        await exporter.start()
        await exporter.export(request_of())
        file.write_text("authorization: second")
        await exporter.export(request_of())
        await exporter.close()

        assert [headers["authorization"] for _, headers, _ in server.requests] == ["one", "second"]

    @pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
    @pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
    async def test_arrives_whole_in_every_form(self, protocol: str, compression: str) -> None:
        with OtlpReceiver() as receiver:
            exporter = OtlpHttpExporter(
                receiver.http_endpoint + "/v1/logs",
                protocol=protocol,  # type: ignore[arg-type]
                compression=compression,  # type: ignore[arg-type]
            )
            await exporter.start()
            await exporter.export(request_of(300))
            await exporter.close()

            assert [log.body for log in receiver.logs] == [f"hello {number}" for number in range(300)]
            assert receiver.requests[0].content_encoding == ("" if compression == "none" else compression)

    async def test_of_many_mebibytes_arrives_whole(self) -> None:
        request = request_of(50_000, "x" * 200)
        with OtlpReceiver() as receiver:
            exporter = OtlpHttpExporter(receiver.http_endpoint + "/v1/logs")
            await exporter.start()
            await exporter.export(request)
            await exporter.close()

            assert len(receiver.logs) == 50_000
            assert receiver.requests[0].size == sum(map(len, request.body()))


class TestPlaintextCredentials:
    def test_to_another_machine_are_refused_on_demand(self) -> None:
        for options in ({"headers": {"api-key": "x"}}, {"endpoint": "http://user:s3cret@collector/"}):
            settings = {"endpoint": "http://collector/", "refuse_plaintext_credentials": True, **options}
            with pytest.raises(ConfigError) as caught:
                factory.create(settings).validate()
            assert "s3cret" not in str(caught.value)

    def test_to_another_machine_are_warned_about_otherwise(self, reported: Reported) -> None:
        OtlpHttpExporter("http://user:s3cret@collector/").validate()

        assert reported.kinds == ["plaintext_credentials"]
        assert "s3cret" not in repr(reported.lines)

    @pytest.mark.parametrize(
        "endpoint", ["https://collector/", "http://localhost/", "http://[::1]/", "http://127.0.0.1/"]
    )
    def test_over_tls_or_within_this_machine_are_fine(self, endpoint: str, reported: Reported) -> None:
        OtlpHttpExporter(endpoint, headers={"api-key": "x"}, refuse_plaintext_credentials=True).validate()

        assert reported.lines == []

    async def test_of_a_callable_are_refused_when_they_appear(self) -> None:
        exporter = OtlpHttpExporter(
            "http://collector.invalid/", headers=lambda: {"api-key": "x"}, refuse_plaintext_credentials=True
        )
        await exporter.start()
        with pytest.raises(PermanentError) as caught:
            await exporter.export(request_of())
        await exporter.close()

        assert caught.value.reason == "plaintext_credentials"


class TestHttpUrl:
    @pytest.mark.parametrize(
        ("url", "host", "port", "target", "authority"),
        [
            ("http://localhost:4318/v1/logs", "localhost", 4318, "/v1/logs", "localhost:4318"),
            ("https://otel.example", "otel.example", 443, "/", "otel.example"),
            ("http://h:80/a?b=c d&e=%20".replace(" ", "+"), "h", 80, "/a?b=c+d&e=%20", "h"),
            ("http://[2001:db8::1]:4318/", "2001:db8::1", 4318, "/", "[2001:db8::1]:4318"),
            ("http://[fe80::1%25eth0]/", "fe80::1%eth0", 80, "/", "[fe80::1]"),
            ("http://bücher.example/p\u00e4th", "xn--bcher-kva.example", 80, "/p%C3%A4th", "xn--bcher-kva.example"),
        ],
    )
    def test_is_taken_apart(self, url: str, host: str, port: int, target: str, authority: str) -> None:
        parsed = parse_http_url("endpoint", url)

        assert (parsed.host, parsed.port, parsed.target, parsed.authority) == (host, port, target, authority)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "localhost:4318",
            "ftp://x/",
            "http://",
            "http://h:0/",
            "http://h:99999/",
            "http://h/\r\nX: y",
            "http://h/#f",
        ],
    )
    def test_that_cannot_work_is_a_config_error(self, url: str) -> None:
        with pytest.raises(ConfigError) as caught:
            parse_http_url("endpoint", url)

        assert caught.value.setting == "endpoint"

    @pytest.mark.parametrize("url", ["http://u:s3cret@h:0/", "http://u:s3cret@h/?token=s3cret", "u:s3cret@h"])
    def test_never_shows_credentials(self, url: str) -> None:
        try:
            shown = repr(parse_http_url("endpoint", url))
        except ConfigError as error:
            shown = str(error) + repr(error)

        assert "s3cret" not in shown


class TestFactory:
    def test_makes_an_exporter_with_the_documented_defaults(self) -> None:
        exporter = factory.create({})

        assert isinstance(exporter, Exporter)
        assert repr(exporter) == "OtlpHttpExporter('http://localhost:4318/v1/logs', protocol='http/protobuf')"
        assert (exporter_traits(exporter).max_in_flight, exporter_traits(exporter).fork_safe) == (4, True)

    def test_takes_every_key_of_a_destination(self) -> None:
        settings = {
            "endpoint": "https://h/",
            "protocol": "http/json",
            "headers": {"a": "b"},
            "headers_file": None,
            "timeout": 3,
            "compression": "gzip",
            "insecure": True,
            "certificate": None,
            "client_certificate": None,
            "client_key": None,
            "max_in_flight": 2,
            "max_request_size": 65_536,
        }

        assert exporter_traits(factory.create(settings)).max_in_flight == 2

    @pytest.mark.parametrize(
        ("settings", "setting"),
        [
            ({"endpiont": "http://h/"}, "endpiont"),
            ({"endpoint": "h:1"}, "endpoint"),
            ({"timeout": 0}, "timeout"),
            ({"timeout": float("nan")}, "timeout"),
            ({"compression": "br"}, "compression"),
            ({"protocol": "grpc"}, "protocol"),
            ({"max_in_flight": 0}, "max_in_flight"),
            ({"headers": {"a": "s3cret\r\n"}}, "headers"),
            ({"headers": {"a": 3}}, "headers"),
        ],
    )
    def test_refuses_bad_settings_by_name_without_secrets(self, settings: dict[str, object], setting: str) -> None:
        with pytest.raises(ConfigError) as caught:
            factory.create(settings)

        assert caught.value.setting == setting
        assert "s3cret" not in str(caught.value) + repr(caught.value.__context__)

    def test_importing_it_loads_nothing_heavy(self) -> None:
        code = (
            "import sys, fapilog_otel_exporters.otlp_http, fapilog_otel_exporters.otlp_grpc;"
            "heavy = {'grpc', 'pydantic', 'ssl', 'asyncio', 'google.protobuf', 'opentelemetry.sdk'};"
            "print(sorted(heavy & set(sys.modules)))"
        )

        assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
