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

# Written together, without separators; a name is secret when its last words, joined, are one of these.
_NAMES = """
    password passwd passwords passphrase passcode pwd userpass dbpass smtppass mysqlpass redispass mailpass
    passwordconfirm passwordconfirmation passwordhash passwordplain
    secret secrets secretkey secretvalue secretaccesskey clientsecret
    token accesstokens refreshtokens tokenvalue tokensecret
    apikey apikeys apikeyvalue accesskey privatekey sshkey signingkey encryptionkey masterkey accountkey hmackey
    authorization authorizationheader authheader bearer jwt credential credentials creds
    cookie cookies setcookie sessionid sessid phpsessid jsessionid sessionkey sessioncookie
    cardnumber creditcard creditcardnumber cvv cvc cvv2 ssn socialsecuritynumber
"""
SECRET_NAMES: Final = frozenset(_NAMES.split())
# A word written in one piece (``userpassword``, ``authtoken``) is secret when it ends so; no English word does.
SECRET_ENDINGS: Final = ("password", "passwd", "passphrase", "secret", "apikey", "token")
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
    if words and words[-1].endswith(SECRET_ENDINGS):
        return True
    return any("".join(words[-count:]) in names for count in range(1, min(longest, len(words)) + 1))
