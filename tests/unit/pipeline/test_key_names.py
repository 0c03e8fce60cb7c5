from __future__ import annotations

import pytest

from fapilog_otel.encode.plan import KEEP, MASK
from fapilog_otel.pipeline.key_names import (
    _NAMES,
    NAME_LITERALS,
    SECRET_ENDINGS,
    SECRET_NAMES,
    compact_name,
    name_words,
    names_secret_in_text,
    secret_key_verdict,
)

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


class TestNamesInText:
    def test_every_name_holds_a_literal_however_it_is_written(self) -> None:
        for name in _NAMES.split():
            for joint in ("_", "-", ""):
                spelled = joint.join(name.split("_"))
                assert any(literal in spelled for literal in NAME_LITERALS), spelled
                assert names_secret_in_text(spelled)
                assert names_secret_in_text(f"app_{spelled.upper()}")

    def test_no_literal_is_idle(self) -> None:
        spelled = [joint.join(name.split("_")) for name in _NAMES.split() for joint in ("_", "-", "")]
        assert [literal for literal in NAME_LITERALS if not any(literal in name for name in spelled)] == []

    def test_a_word_written_in_one_piece_that_ends_like_a_secret_holds_a_literal(self) -> None:
        assert [ending for ending in SECRET_ENDINGS if not names_secret_in_text(f"my{ending}")] == []

    @pytest.mark.parametrize("name", [*HARMLESS, "sec-ret", "to\u212aen"])
    def test_a_name_that_is_none_is_none_in_text(self, name: str) -> None:
        assert not names_secret_in_text(name.rpartition(".")[2])


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
