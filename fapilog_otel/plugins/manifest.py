"""What is installed: the entry points of our groups, whose they are, whether they may be loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final

from fapilog_otel.settings.exporter_names import EXPORTER_GROUP

if TYPE_CHECKING:
    from collections.abc import Collection

STAGE_GROUP: Final = "fapilog_otel.stages"
SOURCE_GROUP: Final = "fapilog_otel.sources"
GROUPS: Final = (EXPORTER_GROUP, STAGE_GROUP, SOURCE_GROUP)

_OURS: Final = "fapilog-otel"
_OUR_PACKAGES: Final = frozenset({"fapilog_otel", "fapilog_otel_exporters"})


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """An installed plugin.

    Args:
        name: Name under which it is configured.
        group: Entry-point group.
        distribution: The installed distribution that brings it.
        version: Version of the distribution.
        target: What is loaded, ``module:attribute``.
        builtin: Whether it comes with this distribution.
        allowed: Whether it may be loaded.
    """

    name: str
    group: str
    distribution: str
    version: str
    target: str
    builtin: bool
    allowed: bool


def available(group: str) -> tuple[str, ...]:
    """Give the names of the installed plugins of a group, sorted, allowed or not."""
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))


def describe(group: str, allow: Collection[str] = ()) -> list[PluginInfo]:
    """Give the installed plugins of a group, sorted by name, built-in ones first.

    Args:
        group: Entry-point group.
        allow: Third-party plugins that may be loaded, by plugin or distribution name.
    """
    found = {plugin_info(entry, allow) for entry in entry_points(group=group)}
    return sorted(found, key=lambda plugin: (plugin.name, not plugin.builtin, plugin.distribution))


def plugin_info(entry: EntryPoint, allow: Collection[str] = ()) -> PluginInfo:
    """Give what is known of an entry point without loading it."""
    distribution = normal_name(entry.dist.name) if entry.dist is not None else ""
    # The name alone proves nothing: any distribution may call itself as we do.
    builtin = distribution == _OURS and entry.module.partition(".")[0] in _OUR_PACKAGES
    allowed = builtin or entry.name in allow or distribution in {normal_name(name) for name in allow}
    version = entry.dist.version if entry.dist is not None else ""
    return PluginInfo(entry.name, entry.group, distribution, version, entry.value, builtin, allowed)


def normal_name(distribution: str) -> str:
    """Give a distribution name in its normal form (packaging specification, "Name normalization")."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
