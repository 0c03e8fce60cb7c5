"""Secrets told by their form: tokens with a known prefix, keys, authorization values, URL credentials, card numbers.

Every pattern takes time linear in the text: a repetition is bounded, or its characters cannot begin another match.
Each declares ``literals``, one of which is in everything that it changes, so that most texts are never searched.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fapilog_otel.encode.suspicion import has_digit_run, literal_search, suspicion_of
from fapilog_otel.errors import ConfigError
from fapilog_otel.pipeline.assignments import is_masked, mask_assignments
from fapilog_otel.pipeline.cards import mask_cards
from fapilog_otel.pipeline.key_names import NAME_LITERALS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class ValuePattern:
    """One kind of secret.

    Args:
        name: What it is, for documentation and errors.
        substitute: (text, mask) to the text with every such secret masked.
        literals: Lower-case ASCII texts, one of which is (ASCII case folded) in everything that ``substitute`` changes.
        digits: ``substitute`` changes runs of 12 or more digits only, single spaces and dashes between them allowed.
    """

    name: str
    substitute: Callable[[str, str], str]
    literals: tuple[str, ...] = ()
    digits: bool = False


def _whole(expression: str) -> Callable[[str, str], str]:
    """Give a substitution that masks all that a case-sensitive expression matches."""
    regex = re.compile(expression, re.ASCII | re.DOTALL)
    return lambda text, mask: regex.sub(lambda _: mask, text)


def _tail(expression: str, is_secret: Callable[[str], bool] | None = None) -> Callable[[str, str], str]:
    """Give a substitution that keeps group ``keep`` of a case-insensitive expression and masks group ``secret``."""
    regex = re.compile(expression, re.ASCII | re.IGNORECASE)

    def substitute(text: str, mask: str) -> str:
        def replace(match: re.Match[str]) -> str:
            start, end = match.span("secret")
            if is_masked(text, start, end, mask) or (is_secret is not None and not is_secret(text[start:end])):
                return match[0]
            return text[match.start() : start] + mask + text[end : match.end()]

        return regex.sub(replace, text)

    return substitute


_JWT = re.compile(r"eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]+){0,3}", re.ASCII)
_TOKEN_CHARACTERS = re.compile(r"[\w-]+", re.ASCII)


def _mask_jwt(text: str, mask: str) -> str:
    out: list[str] = []
    done = position = 0
    while (start := text.find("eyJ", position)) >= 0:
        match = _JWT.match(text, start)
        if match is not None:
            out += (text[done:start], mask)
            done = position = match.end()
        else:  # nor can a later "eyJ" in the same run be a header: skipping the run keeps the search linear
            run = _TOKEN_CHARACTERS.match(text, start)
            position = run.end() if run is not None else start + 3
    out.append(text[done:])
    return "".join(out)


def _is_basic_credentials(value: str) -> bool:
    """Tell base64 of ``user:password`` from a word (``Basic settings``), RFC 7617."""
    data = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        decoded = base64.b64decode(data + "=" * (-len(data) % 4), validate=True)
    except binascii.Error:
        return False
    try:
        text = decoded.decode()
    except UnicodeDecodeError:  # RFC 7617 leaves the charset open
        text = decoded.decode("latin-1")
    return ":" in text and text.isprintable()


# user ":" password "@", RFC 3986 section 3.2.1; the second form is a password with "/", "?" or "#" unescaped, which no
# port is.
_URL_CREDENTIALS = r"""://[^\s/?#:@"'<>\[]*:(?P<secret>[^\s/?#"'<>]+|(?!\d{0,5}[/?#])[^\s"'<>@,]{1,256})@"""

_PEM = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,60}-----|\Z)"

_BEARER = r"""\bbearer(?:[ \t:]|\\{1,7}t){1,4}
    (?!(?:tokens?|auth|authentication|authorization|credentials|scheme|header|format|prefix|realm)\.?(?![\w.~+/-]))
    (?P<secret>[\w.~+/-]{6,}={0,2})"""

_AUTHORIZATION = r"""(?:authorization|api-key)(?:\\?["'])?[ \t]{0,4}[:=][ \t]{0,4}(?:\\?["'])?
    (?: (?:basic|bearer|digest|token|negotiate|apikey|ntlm|aws4-hmac-sha256)[ \t]{1,4}
      | (?=[^\s"',;\\]{16}|[^\s"',;\\]{0,16}\d) )
    (?P<secret>[^\s"',;\\]+)"""

URL_CREDENTIALS: Final = ValuePattern("url_credentials", _tail(_URL_CREDENTIALS), ("://",))

VALUE_PATTERNS: Final = (
    ValuePattern("private_key", _whole(_PEM), ("-----begin",)),
    ValuePattern("jwt", _mask_jwt, ("eyj",)),
    ValuePattern(
        "aws_access_key_id", _whole(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"), ("akia", "asia")
    ),
    ValuePattern(
        "aws_secret_access_key",
        _tail(r"secret_?access_?key[^A-Za-z0-9/+]{1,8}(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])"),
        ("secret",),
    ),
    ValuePattern("google_api_key", _whole(r"AIza[\w-]{35}"), ("aiza",)),
    ValuePattern("google_oauth", _whole(r"\bya29\.[\w-]{20,}|\bGOCSPX-[\w-]{20,}"), ("ya29.", "gocspx-")),
    # A shared access signature is the last part of a URL that opens a storage account; a client secret has its mark.
    ValuePattern(
        "azure_signature", _tail(r"[?&;]sig=(?P<secret>[A-Za-z0-9%+/_-]{20,}={0,2})"), ("?sig=", "&sig=", ";sig=")
    ),
    ValuePattern("azure_client_secret", _whole(r"(?<![\w.~-])[\w.~-]{3}[0-9]Q~[\w.~-]{31,40}"), ("q~",)),
    ValuePattern("gitlab_token", _whole(r"glpat-[\w-]{20,}"), ("glpat-",)),
    ValuePattern("registry_token", _whole(r"\bnpm_[A-Za-z0-9]{36}|\bpypi-AgE[\w-]{50,}"), ("npm_", "pypi-age")),
    ValuePattern(
        "slack_webhook", _tail(r"hooks\.slack\.com/(?:services|workflows)/(?P<secret>[\w/-]{20,})"), ("hooks.slack",)
    ),
    ValuePattern(
        "github_token",
        _whole(r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}"),
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    ValuePattern("slack_token", _whole(r"xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}"), ("xox", "xapp-")),
    ValuePattern(
        "stripe_key",
        _whole(r"[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9+/]{20,}={0,2}"),
        ("sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"),
    ),
    ValuePattern("model_api_key", _whole(r"sk-(?:ant|proj)-[\w-]{16,}"), ("sk-ant-", "sk-proj-")),
    ValuePattern("bearer", _tail("(?x)" + _BEARER), ("bearer",)),
    ValuePattern("basic", _tail(r"\bbasic[ \t:]{1,4}(?P<secret>[\w+/-]{4,}={0,2})", _is_basic_credentials), ("basic",)),
    ValuePattern("authorization", _tail("(?x)" + _AUTHORIZATION), ("authorization", "api-key")),
    ValuePattern("assignment", mask_assignments, NAME_LITERALS),
    ValuePattern("payment_card", mask_cards, (), digits=True),
)


def make_scrub(patterns: Sequence[ValuePattern], mask: str) -> Callable[[str], str]:
    """Give the function that masks what any of the patterns finds, and returns the same object when none does.

    Args:
        patterns: Tried in order, each on what the one before left; without literals and digits: always.
        mask: Replaces each secret.
    """
    rules = tuple((pattern.substitute, literal_search(pattern.literals), pattern.digits) for pattern in patterns)
    suspicious = _suspicion(patterns)

    def scrub(text: str) -> str:
        if not suspicious(text):
            return text
        folded = text.lower()
        out = text
        for substitute, literal_in, digits in rules:
            if digits:
                if has_digit_run(out):
                    out = substitute(out, mask)
            elif literal_in(folded):
                out = substitute(out, mask)
        return text if out == text else out

    return scrub


def _suspicion(patterns: Sequence[ValuePattern]) -> Callable[[str], bool]:
    """Give the test that most texts fail: whether a text holds what any of the patterns needs."""
    if any(not pattern.literals and not pattern.digits for pattern in patterns):
        return lambda _: True
    literals = (literal for pattern in patterns for literal in pattern.literals)
    return suspicion_of(literals, digits=any(pattern.digits for pattern in patterns))


def user_pattern(expression: str | re.Pattern[str]) -> ValuePattern:
    """Give the pattern of a regular expression that a user wrote; everything that it matches is masked.

    Raises:
        ConfigError: It does not compile, or matches the empty text.
    """
    try:
        regex = re.compile(expression)
    except re.error as error:
        remedy = "Write a regular expression of Python's re module"
        raise ConfigError("patterns", expression, f"is not a regular expression ({error})", remedy) from error
    if regex.search("") is not None:
        raise ConfigError("patterns", regex.pattern, "matches the empty text", "Make it match at least one character")
    return ValuePattern(regex.pattern, lambda text, mask: regex.sub(lambda match: mask if match[0] else "", text))
