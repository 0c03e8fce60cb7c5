"""Made-up secrets for tests, put together at run time so that no scanner takes this file for a leak."""

from __future__ import annotations

import base64

JWT = ".".join(
    [
        "ey" + "JhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
        "ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0",
        "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    ]
)
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3\nxfn/ygWyF8PbnGy0AHB7\n-----END RSA PRIVATE KEY-----"
)
AWS_ID = "AK" + "IAIOSFODNN7EXAMPLE"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
GOOGLE = "AI" + "zaSyA1234567890abcdefghijklmnopqrstuv"
GITHUB = ["gh" + kind + "_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5" for kind in "pousr"]
GITHUB_PAT = "github" + "_pat_" + "11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz0123456789"
SLACK = "xo" + "xb-123456789012-abcdefABCDEF123456"
STRIPE = "sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc"
STRIPE_TEST = "rk_" + "test_" + "4eC39HqLyjWDarjtT1zdp7dc"
STRIPE_HOOK = "whs" + "ec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SLACK_HOOK = "T0123ABCD/B0123ABCD/" + "aB3dE5gH7jK9mN1pQ3sT5vW7"
GOOGLE_OAUTH = "ya2" + "9.a0AfH6SMBx1234567890abcdefghij"
GOOGLE_CLIENT = "GOC" + "SPX-aB3dE5gH7jK9mN1pQ3sT5vW7yZ9b"
AZURE_ACCOUNT = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2" + "UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
AZURE_SAS = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3" + "hJ5%2Bk%3D"
AZURE_CLIENT = "aB3" + "8Q~" + "dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5kL"
GITLAB = "glp" + "at-aB3dE5gH7jK9mN1pQ3sT"
NPM = "np" + "m_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5"
PYPI = "py" + "pi-AgEIcHlwaS5vcmcCJDEyMzQ1Njc4LTEyMzQtMTIzNC0xMjM0LTEyMzQ1Njc4OTBhYgACKlszLCJ"
MODEL = "sk-" + "ant-api03-abcdefghij0123456789"
BASIC = base64.b64encode(b"alice:open sesame").decode()
BASIC_LATIN_1 = base64.b64encode("alice:contraseña".encode("latin-1")).decode()
CARDS = [
    "4111111111111111", "4222222222222", "5555555555554444", "2223003122003222", "378282246310005", "371449635398431",
    "30569309025904", "38520000023237", "6011111111111117", "6011000990139424", "3530111333300000", "6200000000000005",
]  # fmt: skip

# text, the secret in it, what is left of the text
IN_TEXT = [
    (f"got {JWT} back", JWT, "got *** back"),
    (f"prefix-{JWT}", JWT.split(".")[1], None),
    (f"key:\n{PEM}\nend", "MIIEpAIBAAKCAQEA0Z3VS5JJcds3", "key:\n***\nend"),
    (PEM[:70], "MIIEpAIBAAKC", "***"),
    (f"using {AWS_ID}.", AWS_ID, "using ***."),
    (f"AWS_SECRET_ACCESS_KEY={AWS_SECRET}", AWS_SECRET, "AWS_SECRET_ACCESS_KEY=***"),
    (f'"SecretAccessKey" : "{AWS_SECRET}"', AWS_SECRET, None),
    (f"maps?key={GOOGLE}&x=1", GOOGLE, "maps?key=***&x=1"),
    *((f"clone with {token} now", token, "clone with *** now") for token in GITHUB),
    (f"pat {GITHUB_PAT}", GITHUB_PAT, "pat ***"),
    (f"slack({SLACK})", SLACK, "slack(***)"),
    (f"charge {STRIPE}", STRIPE, "charge ***"),
    (f"charge {STRIPE_TEST}", STRIPE_TEST, "charge ***"),
    (f"hook({STRIPE_HOOK})", STRIPE_HOOK, "hook(***)"),
    (
        f"to https://hooks.slack.com/services/{SLACK_HOOK} now",
        SLACK_HOOK,
        "to https://hooks.slack.com/services/*** now",
    ),
    (f"with {GOOGLE_OAUTH}.", GOOGLE_OAUTH, "with ***."),
    (f"with {GOOGLE_CLIENT}", GOOGLE_CLIENT, "with ***"),
    (f"AccountName=a;AccountKey={AZURE_ACCOUNT};Suffix=s", AZURE_ACCOUNT, "AccountName=a;AccountKey=***;Suffix=s"),
    (f"https://a.blob.example/c?sv=2&sig={AZURE_SAS}&se=3", AZURE_SAS, "https://a.blob.example/c?sv=2&sig=***&se=3"),
    (f"app ({AZURE_CLIENT})", AZURE_CLIENT, "app (***)"),
    (f"git {GITLAB}", GITLAB, "git ***"),
    (f"publish {NPM}", NPM, "publish ***"),
    (f"upload {PYPI}", PYPI, "upload ***"),
    ("login with password: hunter2, then", "hunter2", "login with password: ***, then"),
    ("< Set-Cookie: sid=hunter2; Path=/", "hunter2", "< Set-Cookie: ***"),
    (f"model {MODEL}", MODEL, "model ***"),
    ("sent Bearer abc123.def456-ghi", "abc123.def456-ghi", "sent Bearer ***"),
    ("sent bearer\ttoken-12345 and more", "token-12345", "sent bearer\t*** and more"),
    (f"Authorization: Basic {BASIC}", BASIC, "Authorization: Basic ***"),
    (f"Basic {BASIC_LATIN_1}", BASIC_LATIN_1, "Basic ***"),
    (f"header basic {BASIC} sent", BASIC, "header basic *** sent"),
    ("Authorization: Token hunter2", "hunter2", "Authorization: Token ***"),
    ('{"authorization": "a1b2c3d4"}', "a1b2c3d4", '{"authorization": "***"}'),
    ("X-Api-Key: 0123456789abcdef", "0123456789abcdef", "X-Api-Key: ***"),
    ("login password=hunter2 ok", "hunter2", "login password=*** ok"),
    ("/cb?access_token=s3cr3t&state=1", "s3cr3t", "/cb?access_token=***&state=1"),
    ("Server=db;Pwd=hunter2;Timeout=3", "hunter2", "Server=db;Pwd=***;Timeout=3"),
    ('{"password": "hun\\"ter2", "a": 1}', "hun", '{"password": "***", "a": 1}'),
    ("{'api_key': 'hunter2', 'a': 1}", "hunter2", "{'api_key': '***', 'a': 1}"),
    ('"{\\"client_secret\\": \\"hunter2\\"}"', "hunter2", '"{\\"client_secret\\": \\"***\\"}"'),
    ("WHERE token = 'hunter2' AND x", "hunter2", "WHERE token = '***' AND x"),
    ('POST {"secretKey":\n ["hunter2"]} sent', "hunter2", 'POST {"secretKey":\n "***"} sent'),
    ("/cb?session_id=hunter2&a=1", "hunter2", "/cb?session_id=***&a=1"),
    ('cookie: "hunter2"', "hunter2", 'cookie: "***"'),
    ("SIGNING-KEY = 'hunter2'", "hunter2", "SIGNING-KEY = '***'"),
    ("paid with 4111 1111 1111 1111.", "1111", "paid with ***."),
    ("paid with 4111-1111-1111-1111 on 2026-11-24", "1111", "paid with *** on 2026-11-24"),
    *((f"card={number};", number, "card=***;") for number in CARDS),
]
URLS = [
    ("postgres://alice:hunter2@db.example:5432/shop", "hunter2", "postgres://alice:***@db.example:5432/shop"),
    ("redis://:hunter2@cache:6379/0", "hunter2", "redis://:***@cache:6379/0"),
    ("at https://a:b@h/x and https://c:d@h/y", ":b@", "at https://a:***@h/x and https://c:***@h/y"),
    ("amqp://u:p@ss@host/v", "p@ss", "amqp://u:***@host/v"),
    ("mysql://u:pa/ss?w#rd@host/db", "pa/ss", "mysql://u:***@host/db"),
    ("mongodb://u:pw@h1:27017,h2:27017/db?x=a@b", "pw", "mongodb://u:***@h1:27017,h2:27017/db?x=a@b"),
    ("HTTPS://Alice:Hunter2@Host", "Hunter2", "HTTPS://Alice:***@Host"),
]
HARMLESS_TEXTS = [
    "", "hello", "order placed", "a?sig=short", "sig=design", "xQ~y", "npm_config_cache", "glpat-", "the_ya29.x",
    "/hooks.slack.com/docs", "whsec_", "password: changed", "token: expired",
    "Basic settings saved", "Basic information about Bearer tokens",
    "basic authentication required",
    "bearer token missing", "Bearer authentication failed.", "the bearer of news", "authorization: denied for alice",
    "Authorization required", "token expired", "the secret of success", "password reset for alice",
    "tokens=5 max_tokens=10",
    "the cookie banner", "token count: 5", "session_id as a word", "max_token=5", "primary_key='a'",
    "12 tests_passed: ok",
    "token_count=7", "if token == other:", "password_length=12", "secretary=bob",
    "http://host:8080/users/me@example.com",
    "https://example.com/a:b@c", "http://[::1]:4318/v1/logs@x", "mailto:alice@example.com",
    "see https://example.com:443/x?y=z",
    "time 12:30:45", "git@github.com:org/repo.git", "eyJ", "eyJhbGci", "AKIA", "ghp_short", "xoxb-1", "task-sk_live_",
    "0.4111111111111111", "4111111111111111.5", "4111111111111112", "12345678901234567890", "1732410000000000000",
    "4111111111111111abc", "abc4111111111111111", "4111  1111  1111  1111", "1234 5678 9012 3456",
    "2026-11-24 10:11:12.123456", "+1 202 555 0123 4567", "00000000000000000000", "0000000000000000",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----",
]  # fmt: skip
