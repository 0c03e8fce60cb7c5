from __future__ import annotations

import os
from pathlib import Path

import pytest
from otlp_support import Reported, capture_diagnostics

from fapilog_otel.errors import ConfigError, PermanentError, RetryableError
from fapilog_otel_exporters._headers import HeaderSource, holds_credentials
from fapilog_otel_exporters._plaintext import PlaintextGuard, is_loopback


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Reported:
    return capture_diagnostics(monkeypatch)


class TestFixedHeaders:
    def test_are_given_as_they_are_and_as_the_same_object(self) -> None:
        source = HeaderSource({"X-Tenant": "shop"})

        assert source.current() == (("X-Tenant", "shop"),)
        assert source.current() is source.current()

    @pytest.mark.parametrize(
        "headers",
        [{"a": "b\r\nc: d"}, {"a\n": "b"}, {"a b": "c"}, {"": "x"}, {"a": "\u4f60"}, {"a": "b\x00"}, {"a:": "b"}],
    )
    def test_that_would_inject_something_are_refused_without_showing_values(self, headers: dict[str, str]) -> None:
        with pytest.raises(ConfigError) as caught:
            HeaderSource(headers).validate()

        assert caught.value.setting == "headers"
        assert all(len(value) < 2 or value not in str(caught.value) for value in headers.values())


class TestUserinfo:
    def test_becomes_basic_authorization(self) -> None:
        assert HeaderSource(None, None, ("user", "pä ss")).current() == (("Authorization", "Basic dXNlcjpww6Qgc3M="),)

    def test_gives_way_to_an_authorization_header(self) -> None:
        source = HeaderSource({"authorization": "Bearer t"}, None, ("user", "pass"))

        assert source.current() == (("authorization", "Bearer t"),)

    def test_is_among_the_secrets(self) -> None:
        assert {"pass", "user"} < set(HeaderSource(None, None, ("user", "pass")).secrets)


class TestCallableHeaders:
    def test_are_asked_for_every_request(self) -> None:
        tokens = iter(["one", "two"])
        source = HeaderSource(lambda: {"authorization": next(tokens)})

        assert [source.current()[0][1], source.current()[0][1]] == ["one", "two"]
        assert "two" in source.secrets

    def test_stay_the_same_object_while_nothing_changes(self) -> None:
        source = HeaderSource(lambda: {"a": "b"})

        assert source.current() is source.current()

    @pytest.mark.parametrize("given", [{"a": "b\r\nc: d"}, {"a": 3}, {3: "a"}, None, "a=b"])
    def test_that_cannot_be_sent_are_a_permanent_error(self, given: object) -> None:
        with pytest.raises(PermanentError) as caught:
            HeaderSource(lambda: given).current()  # type: ignore[arg-type,return-value]

        assert caught.value.reason == "headers"

    def test_that_raise_are_retried_and_do_not_leak_what_they_said(self) -> None:
        def failing() -> dict[str, str]:
            raise OSError("token s3cret expired")

        with pytest.raises(RetryableError) as caught:
            HeaderSource(failing).current()

        assert "s3cret" not in str(caught.value)
        assert caught.value.reason == "headers"


class TestHeadersFile:
    def test_is_read_again_when_it_changes(self, tmp_path: Path) -> None:
        file = tmp_path / "headers"
        file.write_text("# rotated hourly\nAuthorization: Bearer a=b:c\n\nx-tenant=shop\n")
        source = HeaderSource({"x-tenant": "overridden", "x-other": "kept"}, file)
        source.validate()

        assert dict(source.current()) == {"x-tenant": "shop", "x-other": "kept", "Authorization": "Bearer a=b:c"}
        file.write_text("Authorization: Bearer second\n")
        assert dict(source.current())["Authorization"] == "Bearer second"

    def test_a_change_within_the_same_size_is_seen_by_its_time(self, tmp_path: Path) -> None:
        file = tmp_path / "headers"
        file.write_text("a: 1")
        source = HeaderSource(None, file)
        assert source.current() == (("a", "1"),)
        file.write_text("a: 2")
        os.utime(file, ns=(1, 1))

        assert source.current() == (("a", "2"),)

    def test_missing_or_malformed_at_configure_is_a_config_error(self, tmp_path: Path) -> None:
        bad = tmp_path / "bad"
        bad.write_text("a: 1\nno header here\n")
        for file in (tmp_path / "absent", bad):
            with pytest.raises(ConfigError) as caught:
                HeaderSource(None, file).validate()
            assert caught.value.setting == "headers_file"

    def test_broken_later_leaves_the_old_headers_and_is_reported(self, tmp_path: Path, reported: Reported) -> None:
        file = tmp_path / "headers"
        file.write_text("a: 1")
        source = HeaderSource(None, file)
        source.current()
        file.write_text("half writ")
        assert source.current() == (("a", "1"),)
        file.unlink()
        assert source.current() == (("a", "1"),)
        file.write_text("a: 22")
        assert source.current() == (("a", "22"),)

        assert set(reported.kinds) == {"headers.reload"}

    def test_never_readable_is_retryable(self, tmp_path: Path) -> None:
        with pytest.raises(RetryableError):
            HeaderSource(None, tmp_path / "absent").current()


class TestHoldsCredentials:
    @pytest.mark.parametrize("name", ["Authorization", "api-key", "X-Auth-Token", "cookie", "x-honeycomb-team-secret"])
    def test_knows_a_credential_by_its_name(self, name: str) -> None:
        assert holds_credentials(((name, "x"),))

    def test_other_headers_are_none(self) -> None:
        assert not holds_credentials((("x-tenant", "shop"),))


class TestPlaintextGuard:
    def test_warns_once(self, reported: Reported) -> None:
        guard = PlaintextGuard(exposed=True, refuse=False, shown="http://collector")

        for _ in range(3):
            guard.check((("authorization", "s3cret"),))

        assert reported.kinds == ["plaintext_credentials"]
        assert "s3cret" not in repr(reported.lines)

    def test_refuses_when_told_to(self) -> None:
        guard = PlaintextGuard(exposed=True, refuse=True, shown="http://collector")

        with pytest.raises(ConfigError):
            guard.validate((("authorization", "x"),))
        with pytest.raises(PermanentError):
            guard.check((("authorization", "x"),))

    def test_minds_neither_tls_nor_headers_without_credentials(self, reported: Reported) -> None:
        PlaintextGuard(exposed=False, refuse=True, shown="").check((("authorization", "x"),))
        PlaintextGuard(exposed=True, refuse=True, shown="").check((("x-tenant", "x"),))

        assert reported.lines == []


class TestIsLoopback:
    @pytest.mark.parametrize("host", ["localhost", "otel.localhost", "127.0.0.1", "127.8.9.10", "::1"])
    def test_knows_this_machine(self, host: str) -> None:
        assert is_loopback(host)

    @pytest.mark.parametrize("host", ["collector", "10.0.0.1", "localhost.example.com", "fe80::1%eth0", ""])
    def test_knows_other_machines(self, host: str) -> None:
        assert not is_loopback(host)
