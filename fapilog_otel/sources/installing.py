"""What the sources have in common when they are installed: one handle each, and levels by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from fapilog_otel.assembly.gates import LevelGate
from fapilog_otel.errors import ConfigError
from fapilog_otel.model.severity import parse_level

if TYPE_CHECKING:
    from collections.abc import Mapping


class Installed(Protocol):
    """The handle of an installed source."""

    def serves(self, source: object, provider: object) -> bool:
        """Tell whether this is what installing the source for the provider would give."""
        ...


_Handle = TypeVar("_Handle", bound=Installed)


def check_provider(provider: object) -> None:
    """Refuse what makes no loggers.

    Raises:
        ConfigError: The provider is none.
    """
    if not callable(getattr(provider, "get_logger", None)):
        raise ConfigError("provider", provider, "it has no get_logger()", "Pass a fapilog_otel.LoggerProvider")


def same_handle(handle: _Handle, name: str, source: object, provider: object) -> _Handle:
    """Give the handle of a source that is installed already.

    Args:
        handle: It.
        name: The source's, for the error.
        source: What is to be installed.
        provider: For whom.

    Raises:
        ConfigError: It was installed with other options or for another provider.
    """
    if handle.serves(source, provider):
        return handle
    raise ConfigError(
        "source",
        name,
        "it is installed already, with other options or for another provider",
        "Call uninstall() on the first handle before",
    )


def severity_gate(level: str | int | None, levels: Mapping[str, str | int] | None) -> LevelGate:
    """Give the gate of a source's options ``level`` and ``levels``.

    Raises:
        ConfigError: A level is unknown.
    """
    floors = {name: _severity(f"levels[{name!r}]", value) for name, value in (levels or {}).items()}
    return LevelGate(0 if level is None else _severity("level", level), floors)


def _severity(setting: str, level: str | int | None) -> int:
    if level is None:
        return 0
    try:
        return parse_level(level)
    except (ValueError, AttributeError) as error:
        raise ConfigError(setting, level, str(error), "Give a level's name, such as INFO") from None
