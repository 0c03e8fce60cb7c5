from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapilog_otel.encode.plan import MASK
from fapilog_otel.pipeline.assignments import mask_assignments
from fapilog_otel.pipeline.key_names import secret_key_verdict

NAMES = [
    "password", "passwd", "pwd", "passphrase", "secret", "client_secret", "clientSecret", "secret_key", "SECRET_KEY",
    "secretKey", "aws_secret_access_key", "api_key", "apiKey", "x-api-key", "access_key", "accessToken", "id_token",
    "csrf_token", "session_id", "sessionId", "sessionid", "PHPSESSID", "cookie", "set-cookie", "Set-Cookie",
    "credentials", "creds", "private_key", "privateKey", "PRIVATE-KEY", "signing_key", "encryption_key", "sshKey",
    "masterkey", "account_key", "hmac_key", "ssn", "card_number", "cardNumber", "creditCard", "cvv", "cvc", "cvv2",
    "jwt", "bearer", "passwordHash", "password1", "password_2", "DB_PASSWORD", "db_pass", "SMTP_PASS", "dbpwd",
    "PGPASSWORD", "auth_header", "awsaccess_key", "myapiKey", "social_security_number", "user[password]",
]  # fmt: skip
FORMS = [
    "{}=hunter2zz", "at ?a=1&{}=hunter2zz&b=2", "{} = hunter2zz", '{}="hunter2zz"', "{}='hunter2zz'",
    "x;{}=hunter2zz;y",
    '{{"{}": "hunter2zz"}}', '{{"{}":"hunter2zz"}}', "{{'{}': 'hunter2zz'}}", '{}: "hunter2zz"', "{}: 'hunter2zz'",
    '{{"{}":["hunter2zz"]}}', '{{"{}" : {{"v": ["hunter2zz"]}}}}', '{{"{}":\n  "hunter2zz"}}',
    '{{"{}":[\n  "hunter2zz"\n]}}',
    '"{{\\"{}\\": \\"hunter2zz\\"}}"', '{{\\\\\\"{}\\\\\\": \\\\\\"hunter2zz\\\\\\"}}', "{}=b'hunter2zz'",
    "{{'{}': b'hunter2zz'}}",
    "{}=['hunter2zz']", "{}=('hunter2zz', 1)", "{{'{}' => 'hunter2zz'}}", "env['{}'] = 'hunter2zz'",
    "log\\n{}=hunter2zz", "C:\\{}=hunter2zz",
]  # fmt: skip
PROSE = [
    "the cookie banner", "token count: 5", "session_id is a word", "see session_id: it is unset", "max_token=5",
    "max_token: '5'", '{"max_token": 5}', "the cookie: a story", "password: changed by alice", "credentials required",
    "no bearer", "secret: nobody knows", "private key lost", "encryption key rotation: done", "cvv", "the ssn",
    "classname=Foo", "class_name = 'Foo'", "cookie_count=3", "key=value", "primary_key=17", "cache_key='a:b'",
    "partition_key: 'p1'", "public_key=abc", "tests_passed=12", "_passed='x'", "phone_number='1'", "id_card='x'",
    "token == other", "secret == 'x'", "if password != 'x'", "password_length=12", "author='bob'", "monkey='x'",
    "12:30:45 token", 'the token "abc" is', "content-header='x'", 'token: expired, "try again"', "jwt", "token=",
    "pwd=''", "token: RS256 is not allowed", "jwt: sha256 mismatch", "secret: base64url expected", "token: 10ms left",
    "password: 12chars at least", "token: 12:30pm", "cookie: 2026-11-24T10:00:00Z", "Unexpected token: x1y2z3",
    "token: a=b", "def f(password: str, token: Optional[str] = None) -> int:", "password: really?!", "token: 50256",
    "secret: https://issuer.example/oauth2", "password: ", "credentials: none", "session_id: unset\nx1y2z3",
    "cookie: too many", "the secret: v2 is out", "token: ed25519", "password: 2024",
]  # fmt: skip


def masked(text: str) -> str:
    return mask_assignments(text, "***")


class TestMaskAssignments:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("name", NAMES)
    def test_masks_the_value_of_every_secret_name_in_every_form(self, name: str, form: str) -> None:
        clean = masked(form.format(name))
        assert "hunter2zz" not in clean
        assert "***" in clean
        assert name in clean
        assert masked(clean) == clean

    @pytest.mark.parametrize("name", [name for name in NAMES if "[" not in name])
    def test_these_names_are_masked_as_attributes_too(self, name: str) -> None:
        assert secret_key_verdict()(name) == MASK

    @pytest.mark.parametrize("text", PROSE)
    def test_leaves_prose_and_other_names_alone(self, text: str) -> None:
        assert masked(text) == text

    @pytest.mark.parametrize(
        ("text", "clean"),
        [
            ('{"password":["a","b]"],"x":1}', '{"password":"***","x":1}'),
            ('{"token":{"v":{"w":"}"}},"x":1}', '{"token":"***","x":1}'),
            ('{"cvv": 123, "x": 1}', '{"cvv": ***, "x": 1}'),
            ('{"password":\n\n   "a", "x": 1}', '{"password":\n\n   "***", "x": 1}'),
            ('"{\\"token\\":[\\"a]b\\"],\\"x\\":1}"', '"{\\"token\\":\\"***\\",\\"x\\":1}"'),
            ('{\\"token\\": \\"a\\\\\\"b\\", \\"x\\": 1}', '{\\"token\\": \\"***\\", \\"x\\": 1}'),
            ('msg="login with password=x y" user=z', 'msg="login with password=*** y" user=z'),
            ("password=x, token=y", "password=***, token=***"),
            ("Config(cookies={'sid': 'a'}, n=1)", "Config(cookies=***, n=1)"),
            ("token=\"a\" pwd='b'", "token=\"***\" pwd='***'"),
            ("token=*** cookie=x", "token=*** cookie=***"),
            ('{"authorization": ["a1"]}', '{"authorization": "***"}'),
            ("authorization=granted", "authorization=granted"),
        ],
    )
    def test_masks_the_value_and_nothing_else(self, text: str, clean: str) -> None:
        assert masked(text) == clean

    @pytest.mark.parametrize("name", [name for name in NAMES if name != "user[password]"])
    def test_masks_a_value_behind_a_colon_that_is_no_word(self, name: str) -> None:
        around = (("", ""), ("login with ", ", then"), ("> ", "\r\nHost: h"), ("a: ", "; b"), ("", "."), ("", "\\n"))
        for value in ("hunter2zz", "p@ssword", "1b4e28ba-2fa1-11d2", "aGk0Nzg5MDEyMzQ=", "x1" * 3_000):
            for before, after in around:
                text = f"{before}{name}: {value}{after}"
                assert masked(text) == f"{before}{name}: ***{after}"
                assert masked(masked(text)) == masked(text)

    @pytest.mark.parametrize(
        ("text", "clean"),
        [
            ("Set-Cookie: sid=abc; Path=/; HttpOnly", "Set-Cookie: ***"),
            ("set-cookie: sid=abc; Secure\r\nServer: x", "set-cookie: ***\r\nServer: x"),
            ("> Cookie: a=b; c=d\n> Host: h", "> Cookie: ***\n> Host: h"),
            ("cookie: sid=abc, then", "cookie: ***, then"),
            ("cvv: 123", "cvv: ***"),
            ("ssn: 123-45-6789 of bob", "ssn: *** of bob"),
            ("password: 12345678", "password: ***"),
        ],
    )
    def test_masks_cookies_and_numbers_behind_a_colon(self, text: str, clean: str) -> None:
        assert masked(text) == clean
        assert masked(clean) == clean

    def test_what_was_cut_off_before_its_end_is_masked_to_the_end(self) -> None:
        assert masked('{"password": ["a", "b') == '{"password": "***"'
        assert masked('{"password": "a b') == '{"password": "***'
        assert masked("token=['a', 'b\nnext line") == "token=***\nnext line"

    def test_the_first_line_of_a_statement_does_not_take_the_next_ones(self) -> None:
        text = "    token = (\n  File x, line 1, in f\n    secret = {  \n  done"
        assert masked(text) == text

    def test_many_escapes_do_not_end_a_value(self) -> None:
        assert masked('{"secret_key": "' + "a\\n" * 500 + 'tail", "x": 1}') == '{"secret_key": "***", "x": 1}'

    @given(st.text(max_size=20), st.sampled_from(NAMES[:-1]))
    def test_json_of_any_text_is_json_without_it(self, value: str, name: str) -> None:
        for nested in (value, [value], {"v": value}):
            for text in (json.dumps({"a": 1, name: nested, "b": 2}), json.dumps({name: nested, "b": 2}, indent=1)):
                clean = json.loads(masked(text))
                assert clean[name] in ("***", value if value in ("", "***") else "***")
                assert clean["b"] == 2

    @given(st.text(st.sampled_from("token=:\"'\\[]{}() \n*b"), max_size=60))
    def test_settles_at_once_and_keeps_its_time(self, noise: str) -> None:
        clean = masked(noise)
        assert masked(clean) == clean

    @pytest.mark.parametrize(
        "hostile",
        [
            "=" * 100_000, ":" * 100_000, '":' * 50_000, "token=[" * 14_000, '"token":[' * 11_000, "token=" * 16_000,
            'token="' + "\\" * 100_000, '\\"token\\":\\"' + "\\" * 100_000, "token=[" + '"' * 100_000,
            '"token":{"' * 10_000,
            "token=\"token='" * 7_000, '"token":' + " " * 100_000, "token" + " " * 100_000 + "=", "a" * 100_000 + "=x",
            'token=[\\\\\\\\\\\\\\"' * 6_000, ('token=["' + "x" * 90) * 1_000,
        ],
    )  # fmt: skip
    def test_takes_linear_time(self, hostile: str) -> None:
        started = time.process_time()
        masked(hostile)
        assert time.process_time() - started < 5.0
