r"""Secrets behind a colon and without quotes, as people and HTTP headers write them, told from prose by their form.

    password: hunter2   session_id: 1b4e28ba-2fa1   Set-Cookie: sid=abc; Path=/   cvv: 123

``password: changed by alice`` and ``token: expired`` are prose: a value is taken for a secret where it holds letters
and digits, or a character that no word has. What is a single plain word stays, secret or not.
"""

from __future__ import annotations

import re
from typing import Final

from fapilog_otel.pipeline.key_names import name_words

_SHORTEST: Final = 6
# Nothing of a thousand characters is prose; and so what is looked at more than once is bounded.
_BARE = re.compile(
    r"""[ \t]{0,4}(?P<bare>[^\s&;,"'<>(){}\[\]\\=]{1,1024}(?P<rest>[^\s&;,"'<>(){}\[\]\\=]*)={0,2})
    (?P<more>(?<==)[\w%+/-])?""",
    re.VERBOSE,
)
_PAIR: Final = r"""[^\s;,=:"'<>(){}\[\]\\]{1,128}=[^\s;,"'<>{}\[\]\\]*"""
# RFC 6265, sections 4.1 and 4.2: every pair of a Cookie header; with the cookie of Set-Cookie its attributes.
_COOKIES = re.compile(
    rf"[ \t]{{0,4}}(?P<bare>{_PAIR}(?:;[ \t]{{0,4}}(?:{_PAIR}|Secure|HttpOnly|Partitioned))*)", re.IGNORECASE
)
_NO_WORD = re.compile(r"[A-Za-z0-9][#$%^&*+|~@!?]+[A-Za-z0-9]")  # ``p@ss``, ``a$b``; not ``really?!``
_END_OF_SENTENCE: Final = ".!?:"
# Times, quantities and the names of algorithms hold letters and digits too.
_NO_SECRET = re.compile(
    r"""[0-9]{1,2}:[0-9]{2}.* | [0-9]{4}-[0-9]{2}-[0-9]{2}.* | https?://[^@]*
    | [0-9.]+(?:[numk]?s|[kmg]?i?b|bytes?|chars?|characters?|min|days?|hours?|x|%)
    | (?:sha|md|hs|rs|es|ps|ed|x|aes|base|oauth|utf|http|tls|argon|pbkdf|uuid|ipv|saml|blake)
      [-/_]?[0-9][0-9./_-]*(?:url|s|id|gcm|cbc)?""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
# Numbers are the secret itself under these names; the number behind ``token:`` is a count.
_DIGITS_LONG_ENOUGH: Final = {
    "password": 6, "passwd": 6, "pwd": 6, "passphrase": 6, "passcode": 4, "cvv": 3, "cvc": 3, "ssn": 9,
}  # fmt: skip
_UNEXPECTED = re.compile(r"(?:unexpected|illegal|next|invalid)[ \t]{1,4}\Z", re.IGNORECASE)  # a parser's ``token``


def plain_value_end(text: str, colon: int, name: str) -> tuple[int, int, str] | None:
    """Give start and end of an unquoted value behind a colon, and the empty text; None: it is prose, or no value.

    Args:
        text: The whole text.
        colon: Where the colon stands.
        name: The secret's name right before it.
    """
    if name.lower().endswith("authorization"):  # a pattern of its own keeps the scheme
        return None
    last = name_words(name)[-1]
    if last in {"cookie", "cookies"} and (cookies := _COOKIES.match(text, colon + 1)) is not None:
        return _found(cookies)
    match = _BARE.match(text, colon + 1)
    if match is None:
        return None
    if not match["rest"]:
        before = colon - len(name)
        if match["more"] is not None or _UNEXPECTED.search(text, max(before - 16, 0), before):
            return None
        if not _looks_secret(match["bare"].rstrip(_END_OF_SENTENCE), last):
            return None
    return _found(match)


def _found(match: re.Match[str]) -> tuple[int, int, str]:
    start = match.start("bare")
    return start, start + len(match["bare"].rstrip(_END_OF_SENTENCE)), ""


def _looks_secret(value: str, name: str) -> bool:
    digits = value.replace("-", "")
    if digits.isdigit() and digits.isascii():
        return len(digits) >= _DIGITS_LONG_ENOUGH.get(name, len(value) + 1)
    if len(value) < _SHORTEST or _NO_SECRET.fullmatch(value):
        return False
    mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return mixed or _NO_WORD.search(value) is not None
