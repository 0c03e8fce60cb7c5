"""The redactors, each as a `Redaction` that the encoders run natively and as a record stage with equal results.

A key is judged by ``verdict`` (field_mask, field_blocker), a text goes through ``scrub`` (url_credentials, regex_mask);
several redactors `combine` into one, which becomes ``EncodePlan.redaction`` or a `RedactStage`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

from fapilog_otel.encode.plan import DROP, KEEP, MASK, Limits, Redaction
from fapilog_otel.encode.redaction import redact_tree
from fapilog_otel.encode.values import REDACTION_FAILED
from fapilog_otel.errors import ConfigError
from fapilog_otel.model.anyvalue import AnyValue, Budget, normalise, normalise_key
from fapilog_otel.pipeline.key_names import compact_name, secret_key_verdict
from fapilog_otel.pipeline.patterns import URL_CREDENTIALS, VALUE_PATTERNS, ValuePattern, make_scrub, user_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from fapilog_otel.contracts.stage import Phase
    from fapilog_otel.model.record import Record

_T = TypeVar("_T")

DEFAULT_MASK: Final = "***"
DEFAULT_BLOCKED: Final = (
    "body",
    "request_body",
    "response_body",
    "payload",
    "raw",
    "dump",
    "raw_body",
    "raw_request",
    "raw_response",
)


@dataclass(frozen=True, slots=True)
class DefaultRedaction(Redaction):
    """A redaction put together from named redactors, any of which can be left out by its name.

    Args:
        parts: Name and redaction of each redactor, in their order.
    """

    parts: tuple[tuple[str, Redaction], ...] = field(default=())

    def excluding(self, names: Collection[str]) -> Redaction | None:
        """Give what is left without the named redactors, or None when nothing is."""
        left = [redaction for name, redaction in self.parts if name not in names]
        if len(left) == len(self.parts):
            return self
        return combine(*left) if left else None


def default_redaction(
    extra_keys: Iterable[str] = (),
    extra_patterns: Iterable[str | re.Pattern[str]] = (),
    allow: Iterable[str] = (),
    mask: str = DEFAULT_MASK,
) -> DefaultRedaction:
    """Give the redaction that is on by default: secret key names, credentials in URLs, secrets told by their form.

    Args:
        extra_keys: More key names to mask; dotted ones are paths, see `field_mask`.
        extra_patterns: Regular expressions whose matches are masked too; they are run on every text.
        allow: Key names or dotted paths to keep although their name is a secret one.
        mask: What replaces a secret.

    Raises:
        ConfigError: A pattern cannot be used.
    """
    extra = _listed(extra_keys)
    keys = Redaction(secret_key_verdict([name for name in extra if "." not in name], _listed(allow)), mask=mask)
    dotted = [name for name in extra if "." in name]
    patterns = (*VALUE_PATTERNS, *map(user_pattern, _listed(extra_patterns)))
    parts = (
        ("field_mask", combine(keys, field_mask(dotted, mask=mask)) if dotted else keys),
        ("url_credentials", url_credentials(mask=mask)),
        ("regex_mask", _of_patterns(patterns, mask)),
    )
    values = _of_patterns((URL_CREDENTIALS, *patterns), mask, parts[0][1].verdict)
    return DefaultRedaction(values.verdict, values.scrub, values.literals, values.digits, values.always, mask, parts)


def url_credentials(*, mask: str = DEFAULT_MASK) -> Redaction:
    """Give the redactor of passwords in URLs: ``scheme://user:***@host`` (RFC 3986, section 3.2.1)."""
    return _of_patterns((URL_CREDENTIALS,), mask)


def field_mask(fields: Iterable[str], *, mask: str = DEFAULT_MASK) -> Redaction:
    """Give the redactor that masks named fields.

    Args:
        fields: Dotted names (``user.email``), case ignored. A field matches where its path is the name or ends with it
            after a dot; the indices of lists are no part of a path.
        mask: Replaces the whole value, whatever its type.
    """
    names = tuple(_field_name(name) for name in _listed(fields))
    endings = tuple(f".{name}" for name in names)

    def verdict(path: str) -> int:
        folded = path.casefold()
        return MASK if folded in names or folded.endswith(endings) else KEEP

    return Redaction(lru_cache(maxsize=4096)(verdict), mask=mask)


def field_blocker(
    fields: Iterable[str] = DEFAULT_BLOCKED, *, allowed: Iterable[str] = (), mask: str = DEFAULT_MASK
) -> Redaction:
    """Give the redactor that removes whole fields known to carry more than they should (request bodies, dumps).

    Args:
        fields: Names of the last path component; case, separators and camel case ignored.
        allowed: Names out of ``fields`` to keep.
        mask: Not written by this redactor; the mask of those it is combined with.
    """
    blocked = frozenset(map(compact_name, _listed(fields))) - frozenset(map(compact_name, _listed(allowed)))

    def verdict(path: str) -> int:
        return DROP if compact_name(path.rpartition(".")[2]) in blocked else KEEP

    return Redaction(lru_cache(maxsize=4096)(verdict), mask=mask)


def regex_mask(
    patterns: Iterable[str | re.Pattern[str]] = (),
    *,
    paths: Iterable[str | re.Pattern[str]] = (),
    mask: str = DEFAULT_MASK,
) -> Redaction:
    """Give the redactor that masks what regular expressions match.

    Args:
        patterns: Matched against every text; what they match is masked.
        paths: Matched against the whole dotted path of every field; the values of those that match are masked (this is
            what fapilog's ``regex_mask`` calls ``patterns``).
        mask: What replaces a match.

    Raises:
        ConfigError: A pattern does not compile, or matches the empty text.
    """
    values = tuple(map(user_pattern, _listed(patterns)))
    expressions = tuple(map(_path_expression, _listed(paths)))

    def verdict(path: str) -> int:
        return MASK if any(regex.fullmatch(path) for regex in expressions) else KEEP

    cached = lru_cache(maxsize=4096)(verdict) if expressions else _keep
    return _of_patterns(values, mask, cached) if values else Redaction(cached, mask=mask)


def combine(*redactions: Redaction) -> Redaction:
    """Give one redaction that does what several do one after the other.

    Raises:
        ValueError: There is none, or their masks differ.
    """
    if not redactions:
        raise ValueError("combine() needs at least one redaction")
    if len(redactions) == 1:
        return redactions[0]
    if len({redaction.mask for redaction in redactions}) > 1:
        raise ValueError("redactions with different masks cannot become one")
    scrubs = tuple(redaction.scrub for redaction in redactions if redaction.scrub is not None)
    literals = dict.fromkeys(literal for redaction in redactions for literal in redaction.literals)
    return Redaction(
        _combined_verdict(tuple(r.verdict for r in redactions if r.verdict is not _keep)),
        _combined_scrub(scrubs),
        tuple(literals),
        any(redaction.digits for redaction in redactions),
        any(redaction.always for redaction in redactions),
        redactions[0].mask,
    )


def redact_record(record: Record, redaction: Redaction, limits: Limits | None = None) -> Record:
    """Give a record without secrets in its body and attributes.

    Args:
        record: Its values may be anything that an earlier stage left there; they are normalised first, since a secret
            may be in the text of an object.
        redaction: What to redact.
        limits: Nodes and depth of a record; None: the defaults.

    Raises:
        Exception: Whatever the redaction raises; the chain then fails closed.
    """
    bounds = limits or Limits()
    budget = Budget(bounds.nodes, bounds.depth)
    body = _redacted_value(record.body, "", redaction, budget)
    attributes: dict[str, AnyValue] = {}
    changed = body is not record.body
    for raw, value in record.attributes.items():
        key = normalise_key(raw)
        clean, kept = redact_value(value, key, redaction, budget)
        if kept:
            attributes[key] = clean
        changed = changed or not kept or clean is not value or key is not raw
    return record.replace(body=body, attributes=attributes) if changed else record


def redact_value(value: object, path: str, redaction: Redaction, budget: Budget | None = None) -> tuple[AnyValue, bool]:
    """Give a field's value without secrets, and whether the field is kept at all.

    Args:
        value: Any value; normalised first.
        path: The field's dotted path, whose verdict is asked for.
        redaction: What to redact.
        budget: Nodes and depth left for the record.
    """
    verdict = redaction.verdict(path)
    if verdict == DROP:
        return None, False
    if verdict != KEEP:
        return redaction.mask, True
    return _redacted_value(value, path, redaction, budget), True


def redact_attributes(attributes: Mapping[str, AnyValue], redaction: Redaction | None) -> Mapping[str, AnyValue]:
    """Give the attributes of a resource or a scope without secrets; the very same mapping where there are none.

    Args:
        attributes: Normalised.
        redaction: What to redact; one that raises replaces the value. None: nothing.
    """
    if redaction is None:
        return attributes
    out: dict[str, AnyValue] = {}
    for key, value in attributes.items():
        try:
            clean, kept = redact_value(value, key, redaction)
        except Exception:  # noqa: BLE001 - a user's redactor; the value is replaced, and its stage counts errors of records
            clean, kept = REDACTION_FAILED, True
        if kept:
            out[key] = clean
    return attributes if out == attributes else out


class RedactStage:
    """A redaction as a record stage; the chain hands it to the encoders instead where it can.

    Args:
        name: Name under which it is configured, counted and left out.
        redaction: What to redact.
        limits: Nodes and depth of a record.
    """

    phase: Phase = "redact"
    inline = True

    def __init__(self, name: str, redaction: Redaction, limits: Limits | None = None) -> None:
        self.name = name
        self.redaction = redaction
        self._limits = limits

    def __call__(self, record: Record) -> Record:
        """Give the record without secrets."""
        return redact_record(record, self.redaction, self._limits)

    def __repr__(self) -> str:
        return f"RedactStage({self.name!r})"


def _redacted_value(value: object, path: str, redaction: Redaction, budget: Budget | None) -> AnyValue:
    return redact_tree(normalise(value, budget), path, redaction)


def _listed(values: Iterable[_T]) -> tuple[_T, ...]:
    """Give the values; one text in place of a list is what a setting easily holds, and not its letters."""
    return (values,) if isinstance(values, (str, re.Pattern)) else tuple(values)  # type: ignore[return-value]


def _keep(path: str) -> int:  # noqa: ARG001 - the form of a verdict
    return KEEP


def _of_patterns(patterns: Sequence[ValuePattern], mask: str, verdict: Callable[[str], int] = _keep) -> Redaction:
    return Redaction(
        verdict,
        make_scrub(patterns, mask),
        tuple(dict.fromkeys(literal for pattern in patterns for literal in pattern.literals)),
        any(pattern.digits for pattern in patterns),
        any(not pattern.literals and not pattern.digits for pattern in patterns),
        mask,
    )


def _combined_verdict(verdicts: Sequence[Callable[[str], int]]) -> Callable[[str], int]:
    if not verdicts:
        return _keep
    if len(verdicts) == 1:
        return verdicts[0]

    def verdict(path: str) -> int:
        given = [judge(path) for judge in verdicts]
        if DROP in given:
            return DROP
        return KEEP if given.count(KEEP) == len(given) else MASK

    return verdict


def _combined_scrub(scrubs: Sequence[Callable[[str], str]]) -> Callable[[str], str] | None:
    if len(scrubs) < 2:
        return scrubs[0] if scrubs else None

    def scrub(text: str) -> str:
        out = text
        for one in scrubs:
            out = one(out)
        return out

    return scrub


def _field_name(name: str) -> str:
    folded = name.strip().strip(".").casefold()
    if not folded:
        raise ConfigError("fields", name, "is not the name of a field", "Write a key or a dotted path")
    return folded


def _path_expression(expression: str | re.Pattern[str]) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        remedy = "Write a regular expression of Python's re module"
        raise ConfigError("paths", expression, f"is not a regular expression ({error})", remedy) from error
