"""Loading a plugin by name: built-in ones always, third-party ones only when named, failures never silent."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Final, cast

from fapilog_otel.contracts import Source, Stage
from fapilog_otel.errors import ConfigError, PluginError
from fapilog_otel.plugins.manifest import GROUPS, SOURCE_GROUP, STAGE_GROUP, PluginInfo, describe, normal_name
from fapilog_otel.settings.exporter_names import EXPORTER_GROUP
from fapilog_otel.settings.invalid import suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fapilog_otel.contracts import ExporterFactory

_SETTINGS: Final = {EXPORTER_GROUP: "exporters", STAGE_GROUP: "stages", SOURCE_GROUP: "sources"}


def check_allow_list(allow: Collection[str]) -> None:
    """Refuse a name in the allow-list that allows nothing: misspelt, or of a plugin that is not installed.

    Args:
        allow: Third-party plugins that may be loaded, by plugin or distribution name.

    Raises:
        PluginError: A name is neither an installed plugin's nor that of a distribution with plugins.
    """
    if not allow:
        return
    installed = [plugin for group in GROUPS for plugin in describe(group)]
    names = {plugin.name for plugin in installed} | {plugin.distribution for plugin in installed}
    for name in allow:
        if name not in names and normal_name(name) not in names:
            near = get_close_matches(name, names, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else "Install its distribution, or leave it out"
            raise PluginError("plugins", name, "is the name of no installed plugin or distribution", remedy)


def load_exporter_factory(name: str, allow: Collection[str] = ()) -> ExporterFactory:
    """Give the factory of an exporter.

    Args:
        name: Name of the exporter (``otlp_http``).
        allow: Third-party plugins that may be loaded, by plugin or distribution name.

    Raises:
        PluginError: Unknown, not allowed, failing to load, or not a factory.
    """
    factory = _load(EXPORTER_GROUP, name, allow)
    if not callable(getattr(factory, "create", None)) or not hasattr(factory, "settings_model"):
        raise _not_a(EXPORTER_GROUP, name, "exporter factory", "It must have settings_model and create(settings)")
    return cast("ExporterFactory", factory)


def load_stage(name: str, allow: Collection[str] = (), config: Mapping[str, object] | None = None) -> Stage:
    """Give a stage; a class, or a function that is no stage itself, is called with the configuration.

    Args:
        name: Name of the stage.
        allow: Third-party plugins that may be loaded, by plugin or distribution name.
        config: Keywords for the stage's class or function.

    Raises:
        PluginError: Unknown, not allowed, failing to load, or not a stage.
    """
    stage = _load(STAGE_GROUP, name, allow)
    if isinstance(stage, type) or not isinstance(stage, Stage):
        stage = _built(STAGE_GROUP, name, stage, config or {})
    if not isinstance(stage, Stage):
        raise _not_a(STAGE_GROUP, name, "stage", "It must be callable and have name, phase and inline")
    return stage


def load_source(name: str, allow: Collection[str] = (), config: Mapping[str, object] | None = None) -> Source:
    """Give a source; a class is called with the configuration.

    Args:
        name: Name of the source (``stdlib``).
        allow: Third-party plugins that may be loaded, by plugin or distribution name.
        config: Keywords for the source's class.

    Raises:
        PluginError: Unknown, not allowed, failing to load, or not a source.
    """
    source = _load(SOURCE_GROUP, name, allow)
    if isinstance(source, type):
        source = _built(SOURCE_GROUP, name, source, config or {})
    elif config:
        raise PluginError("sources", name, f"takes no options, and was given {', '.join(config)}", "Leave them out")
    if not isinstance(source, Source):
        raise _not_a(SOURCE_GROUP, name, "source", "It must have install(provider) and to_record(native)")
    return source


def _load(group: str, name: str, allow: Collection[str]) -> object:
    plugin = _choose(group, name, allow)
    try:
        loaded: object = EntryPoint(name, plugin.target, group).load()
    except Exception as error:  # whatever a plugin's import raises must reach the user as one clear error
        raise _failed(group, name, "failed to load", error) from error
    return loaded


def _choose(group: str, name: str, allow: Collection[str]) -> PluginInfo:
    installed = describe(group, allow)
    named = [plugin for plugin in installed if plugin.name == name]
    if not named:
        raise PluginError(_SETTINGS[group], name, f"no such plugin in {group}", _remedy_unknown(name, installed))
    if named[0].builtin:
        return named[0]
    allowed = [plugin for plugin in named if plugin.allowed]
    if not allowed:
        raise _not_allowed(group, named)
    if len(allowed) > 1:
        owners = ", ".join(plugin.distribution for plugin in allowed)
        remedy = "Name the distribution that you mean in plugins, not the plugin"
        raise PluginError(_SETTINGS[group], name, f"is brought by several distributions ({owners})", remedy)
    return allowed[0]


def _remedy_unknown(name: str, installed: list[PluginInfo]) -> str:
    if not installed:
        return "No plugin is registered at all: install the distribution (pip install fapilog-otel)"
    names = {plugin.name for plugin in installed}
    return f"{suggest(name, names)}; installed: {', '.join(sorted(names))}"


def _not_allowed(group: str, named: list[PluginInfo]) -> PluginError:
    name = named[0].name
    owners = ", ".join(sorted({plugin.distribution for plugin in named}))
    remedy = f"Add it to the allow-list: plugins=[{name!r}] or FAPILOG_OTEL_PLUGINS={name}"
    return PluginError(_SETTINGS[group], name, f"third-party plugin of {owners} is not allowed", remedy)


def _built(group: str, name: str, factory: object, config: Mapping[str, object]) -> object:
    if not callable(factory):
        return factory
    try:
        built: object = factory(**config)
    except ConfigError:
        raise
    except Exception as error:  # whatever a plugin's constructor raises must reach the user as one clear error
        raise _failed(group, name, "failed to start", error) from error
    return built


def _failed(group: str, name: str, what: str, error: Exception) -> PluginError:
    problem = f"{what}: {type(error).__name__}: {error}"
    return PluginError(_SETTINGS[group], name, problem, "Repair or remove the plugin; it is never replaced in silence")


def _not_a(group: str, name: str, kind: str, remedy: str) -> PluginError:
    return PluginError(_SETTINGS[group], name, f"is no {kind}", remedy)
