"""What the doctor advises."""

from __future__ import annotations

import pytest

from fapilog_otel.cli.hints import hints


class TestHints:
    @pytest.mark.parametrize(
        ("url", "kind", "reason", "said"),
        [
            ("http://localhost:4318/v1/logs", "otlp_http", "connection_refused", "fapilog-otel demo"),
            ("http://collector:4318", "otlp_http", "connection_refused", "firewalls"),
            ("http://u:p@collector:4318", "otlp_http", "connection_failed", "at collector:4318"),
            ("https://h", "otlp_http", "connection_tls", "certificate"),
            ("https://h", "otlp_http", "connection_proxy", "HTTPS_PROXY"),
            ("http://h:4317", "otlp_grpc", "grpc_unavailable", "Nothing answers"),
            ("http://h:4317", "otlp_grpc", "grpc_unauthenticated", "Credentials"),
            ("http://h", "otlp_http", "http_403", "Credentials"),
            ("http://h", "otlp_http", "http_308", "Redirects"),
            ("http://h", "otlp_http", "http_413", "max_request_size"),
            ("http://h:4317", "otlp_http", "http_400", "Port 4317 is gRPC's"),
            ("http://h:4318", "otlp_grpc", "timeout", "Port 4318 is HTTP's"),
        ],
    )
    def test_a_known_failure_gets_its_advice(self, url: str, kind: str, reason: str, said: str) -> None:
        assert said in " ".join(hints(url, kind, reason))

    @pytest.mark.parametrize(
        ("url", "kind", "reason", "message", "said"),
        [
            (
                "https://h:1",
                "otlp_grpc",
                "grpc_unavailable",
                "Tls handshake failed: WRONG_VERSION_NUMBER",
                "http://h:1",
            ),
            ("https://h:1", "otlp_grpc", "grpc_unavailable", "Ssl handshake failed: bad certificate", "certificate"),
            ("http://h:1", "otlp_grpc", "grpc_unavailable", "connect to an http1.x server", "protocol 'http/protobuf'"),
            ("http://h:1", "otlp_grpc", "grpc_unavailable", "Failed parsing HTTP/2", "does not answer in gRPC"),
            ("http://h:1", "otlp_grpc", "grpc_unavailable", "come back later", "see its own log"),
            ("http://h:1", "otlp_http", "connection_closed", "closed", "protocol 'grpc'"),
            ("http://h:1", "otlp_http", "connection_failed", "not an HTTP/1.1 reply", "protocol 'grpc'"),
        ],
    )
    def test_somebody_who_answers_otherwise_is_not_called_absent(
        self, url: str, kind: str, reason: str, message: str, said: str
    ) -> None:
        found = " ".join(hints(url, kind, reason, message))
        assert said in found
        assert "Nothing answers" not in found

    def test_grpc_that_cannot_connect_finds_nobody(self) -> None:
        (hint,) = hints("http://h:1", "otlp_grpc", "grpc_unavailable", "failed to connect: Connection refused")
        assert "Nothing answers at h:1" in hint

    @pytest.mark.parametrize("reason", ["http_404", "http_405"])
    def test_an_endpoint_taken_as_it_is_is_not_said_to_be_a_base_url(self, reason: str) -> None:
        (hint,) = hints("http://u:p@h:4318/", "otlp_http", reason, exact=True)
        assert hint.endswith("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is taken as it is: write http://***@h:4318/v1/logs")
        (hint,) = hints("http://h:4318/v1/logs", "otlp_http", reason, exact=True)
        assert "base URL" not in hint

    def test_an_unknown_failure_gets_none(self) -> None:
        assert hints("http://h:1", "otlp_http", "http_418") == []
        assert hints("", "console", "exporter_error") == []
