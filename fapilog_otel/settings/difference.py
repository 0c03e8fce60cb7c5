"""How two configurations differ, setting by setting, credentials masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fapilog_otel.settings.otel_env import LOGS_ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fapilog_otel.settings.describe import SettingLine
    from fapilog_otel.settings.root import Settings


class Difference(NamedTuple):
    """A setting that two configurations have differently.

    Args:
        name: Dotted name of the setting.
        before: Value in the first, as it may be shown.
        before_from: Origin of that value.
        after: Value in the second.
        after_from: Origin of that value.
    """

    name: str
    before: str
    before_from: str
    after: str
    after_from: str

    def __str__(self) -> str:
        if self.before == self.after:
            return f"{self.name} is another {self.after} ({self.after_from}) than the first's ({self.before_from})"
        return f"{self.name} is {self.after} ({self.after_from}) and was {self.before} ({self.before_from})"


def differences(first: Settings, second: Settings) -> list[Difference]:
    """Give what differs; also what looks the same because it is masked, or an object shown by its type."""
    before, after = ({line.name: line for line in settings.describe()} for settings in (first, second))
    found = [
        _difference(name, before, after)
        for name in dict.fromkeys([*before, *after])
        if _shown(before, name) != _shown(after, name)
    ]
    seen = {one.name.partition(".")[0] for one in found}
    found += [_difference(name, before, after) for name in _hidden(first, second) if name.partition(".")[0] not in seen]
    return found


def _hidden(first: Settings, second: Settings) -> Iterator[str]:
    for name in type(first).model_fields:
        one, other = getattr(first, name), getattr(second, name)
        if name == "exporters" and one and other:
            yield from (f"exporters.{key}" for key in one if key in other and one[key] != other[key])
        elif one != other or (name == "endpoint" and _is_exact(first) != _is_exact(second)):
            yield name


def _is_exact(settings: Settings) -> bool:
    return settings.origin("endpoint") == f"environment {LOGS_ENDPOINT}"


def _difference(name: str, before: dict[str, SettingLine], after: dict[str, SettingLine]) -> Difference:
    return Difference(name, *_shown_from(before, name), *_shown_from(after, name))


def _shown(lines: dict[str, SettingLine], name: str) -> str:
    return _shown_from(lines, name)[0]


def _shown_from(lines: dict[str, SettingLine], name: str) -> tuple[str, str]:
    line = lines.get(name)  # a destination may be in one of them only
    return ("none", "not configured") if line is None else (line.value, line.origin)
