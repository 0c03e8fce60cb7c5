from __future__ import annotations

import pytest

from fapilog_otel.encode.plan import KEEP, MASK
from fapilog_otel.pipeline.key_names import SECRET_NAMES, compact_name, name_words, secret_key_verdict

SECRET = [
    "password", "Password", "PASSWORD", "passwd", "pwd", "passphrase", "user_password", "userPassword", "UserPassword",
    "db-password", "DB_PASSWORD", "password2", "password_confirm", "userpassword", "PassWord",
    "secret", "client_secret", "clientSecret", "CLIENT-SECRET", "aws_secret_access_key", "secretKey",
    "token", "access_token", "accessToken", "refresh-token", "authtoken", "OAuthToken", "csrf_token", "X-Auth-Token",
    "api_key", "apiKey", "APIKey", "apikey", "X-Api-Key", "x_api_key", "openai_api_key",
    "authorization", "Authorization", "http.request.header.authorization", "proxy-authorization",
    "cookie", "Cookie", "set-cookie", "Set-Cookie", "http.response.header.set-cookie", "cookies",
    "private_key", "privateKey", "ssh_key", "access_key", "session_id", "sessionId", "SESSIONID", "PHPSESSID",
    "credentials", "jwt", "cvv", "cvv2", "card_number", "cardNumber", "user.token", "a.b.c.password",
    "request.json.apiKey",
]  # fmt: skip
HARMLESS = [
    "token_count", "tokens", "max_tokens", "maxTokens", "prompt_tokens", "completion_tokens", "total_tokens",
    "max_token",
    "eos_token", "time_per_output_token", "gen_ai.usage.input_tokens", "tokenizer", "token_type", "tokenized",
    "author", "authors", "authority", "authorized", "secretary", "secretariat", "password_length",
    "password_changed_at",
    "key", "keys", "public_key", "primary_key", "keyboard", "monkey", "session", "session.id", "cookie_count",
    "cookiecutter",
    "access", "api", "pass", "passenger", "compass", "user", "id", "order_id", "http.request.method", "url.full",
    "exception.stacktrace", "code.function.name", "credential_count", "", ".", "...", "_", "日本語",
]  # fmt: skip


class TestSecretKeyVerdict:
    @pytest.mark.parametrize("path", SECRET)
    def test_masks_a_secret_name_however_it_is_written(self, path: str) -> None:
        assert secret_key_verdict()(path) == MASK

    @pytest.mark.parametrize("path", HARMLESS)
    def test_keeps_a_name_that_only_resembles_a_secret(self, path: str) -> None:
        assert secret_key_verdict()(path) == KEEP

    def test_only_the_last_component_counts(self) -> None:
        assert secret_key_verdict()("token.expires_in") == KEEP

    def test_extra_names_match_like_the_defaults(self) -> None:
        verdict = secret_key_verdict(extra=["IBAN", "health-insurance-card-nr"])
        assert [verdict(path) for path in ("customer_iban", "ibanCheck", "healthInsuranceCardNr")] == [MASK, KEEP, MASK]
        assert verdict("password") == MASK

    def test_an_allowed_name_is_kept_wherever_it_stands(self) -> None:
        verdict = secret_key_verdict(allow=["csrf_token"])
        assert [verdict(path) for path in ("csrfToken", "form.csrf-token", "access_token")] == [KEEP, KEEP, MASK]

    def test_an_allowed_path_is_kept_there_only(self) -> None:
        verdict = secret_key_verdict(allow=["parser.token"])
        assert [verdict(path) for path in ("parser.token", "Parser.Token", "user.token", "token")] == [
            KEEP,
            KEEP,
            MASK,
            MASK,
        ]

    def test_every_listed_name_is_in_the_form_that_is_compared(self) -> None:
        assert {name for name in SECRET_NAMES if compact_name(name) != name} == set()


class TestNameWords:
    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("APIKey", ("api", "key")),
            ("dbPASSWORD", ("db", "password")),
            ("X-Api-Key", ("x", "api", "key")),
            ("password2", ("password", "2")),
            ("contraseña", ("contrase", "ñ", "a")),
        ],
    )
    def test_splits_where_a_reader_would(self, name: str, words: tuple[str, ...]) -> None:
        assert name_words(name) == words
