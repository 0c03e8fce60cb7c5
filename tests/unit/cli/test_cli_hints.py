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

    def test_an_unknown_failure_gets_none(self) -> None:
        assert hints("http://h:1", "otlp_http", "http_418") == []
        assert hints("", "console", "exporter_error") == []
