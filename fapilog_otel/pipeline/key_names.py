"""Which keys name a secret: matched on the words of the last path component, whatever way they are written.

``dbPassword``, ``DB_PASSWORD``, ``db-password`` and ``user.db_password`` are one name; ``token_count`` and
``secretary`` are none.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from fapilog_otel.encode.plan import KEEP, MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Words apart; a name is secret when its last words, joined, are one of these.
_NAMES = """
    password passwd passwords passphrase passcode pwd user_pass db_pass smtp_pass mysql_pass redis_pass mail_pass
    password_confirm password_confirmation password_hash password_plain
    secret secrets secret_key secret_value secret_access_key client_secret
    token access_tokens refresh_tokens token_value token_secret
    api_key api_keys api_key_value access_key private_key ssh_key signing_key encryption_key master_key account_key
    hmac_key authorization authorization_header auth_header bearer jwt credential credentials creds
    cookie cookies set_cookie session_id sessid phpsessid jsessionid session_key session_cookie
    card_number credit_card credit_card_number cvv cvc cvv2 ssn social_security_number
"""
SECRET_NAMES: Final = frozenset(name.replace("_", "") for name in _NAMES.split())
# One of these is in every name above, written with ``_``, with ``-`` or in one piece (a test says so). Texts are first
# searched for them: few, and begun with letters that texts rarely hold side by side, so that the search seldom stops.
NAME_LITERALS: Final = (
    "passw", "passp", "passc", "pwd", "_pass", "-pass", "rpass", "bpass", "tppass", "qlpass", "spass", "ailpass",
    "secret", "token", "_key", "-key", "apikey", "accesskey", "vatekey", "sshkey", "gningkey", "ryptionkey", "rkey",
    "tkey", "ackey", "sessionkey", "authorization", "_header", "-header", "authheader", "bearer", "jwt", "credential",
    "creds", "kie", "session_id", "session-id", "sessionid", "sessid", "rd_number", "rd-number", "rdnumber", "_card",
    "-card", "tcard", "cvv", "cvc", "ssn", "ty_number", "ty-number", "tynumber",
)  # fmt: skip
# A word written in one piece (``userpassword``, ``authtoken``) is secret when it ends so; no English word does.
SECRET_ENDINGS: Final = ("password", "passwd", "passphrase", "pwd", "secret", "apikey", "accesskey", "token")
# The same of the last two words together (``awsaccess_key``).
_JOINED_ENDINGS: Final = ("apikey", "accesskey", "privatekey", "secretkey", "signingkey", "encryptionkey")
# ``max_token``, ``eos_token``, ``time_per_output_token``: a language model's tokens, not credentials.
_COUNTED_BY = "max min num total per first input output prompt completion cached eos bos pad unk sep cls stop special"
COUNTED: Final = frozenset(_COUNTED_BY.split())

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
_LONGEST = 3


def name_words(component: str) -> tuple[str, ...]:
    """Give the lower-case words of a name, split at case changes, digits and anything not alphanumeric."""
    return tuple(word.lower() for word in _WORD.findall(component))


def compact_name(component: str) -> str:
    """Give the words of a name joined: ``X-Api-Key`` becomes ``xapikey``."""
    return "".join(name_words(component))


_NAME_LITERAL = re.compile("|".join(NAME_LITERALS), re.ASCII | re.IGNORECASE)


@lru_cache(maxsize=4096)
def names_secret_in_text(name: str) -> bool:
    """Tell whether a name that a text assigns a value to is one whose value would be masked as an attribute.

    Not every spelling that is masked there is one here: ``sec-ret`` has no literal that texts are searched for.
    """
    return _NAME_LITERAL.search(name) is not None and _is_secret(name_words(name), SECRET_NAMES, _LONGEST)


def secret_key_verdict(extra: Iterable[str] = (), allow: Iterable[str] = ()) -> Callable[[str], int]:
    """Give the verdict function of the default key names.

    Args:
        extra: More names; like the defaults they match at the end of longer ones (``iban`` matches ``customer_iban``).
        allow: Names to keep although they match: of the last component (``csrf_token``), or dotted for the whole path
            (``parser.token``).

    Returns:
        Path to KEEP or MASK, cached.
    """
    names = SECRET_NAMES | {compact_name(name) for name in extra}
    longest = max([_LONGEST, *(len(name_words(name)) for name in extra)])
    allowed = frozenset(_compact_path(name) for name in allow)

    @lru_cache(maxsize=4096)
    def verdict(path: str) -> int:
        last = path.rpartition(".")[2]
        if allowed and (compact_name(last) in allowed or _compact_path(path) in allowed):
            return KEEP
        return MASK if _is_secret(name_words(last), names, longest) else KEEP

    return verdict


def _compact_path(path: str) -> str:
    return ".".join(compact_name(component) for component in path.split("."))


def _is_secret(words: tuple[str, ...], names: frozenset[str], longest: int) -> bool:
    if words and words[-1] == "token" and len(words) > 1 and words[-2] in COUNTED:
        return False
    return _ends_secret(words, names, longest) or (
        len(words) > 1 and words[-1].isdigit() and _is_secret(words[:-1], names, longest)  # ``password2``
    )


def _ends_secret(words: tuple[str, ...], names: frozenset[str], longest: int) -> bool:
    if words and (words[-1].endswith(SECRET_ENDINGS) or "".join(words[-2:]).endswith(_JOINED_ENDINGS)):
        return True
    return any("".join(words[-count:]) in names for count in range(1, min(longest, len(words)) + 1))
