"""``fapilog-otel plugins``: what is installed, and what of it may be loaded."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from fapilog_otel.cli.options import AsJson, settings_from
from fapilog_otel.cli.outcome import printable, reporting
from fapilog_otel.model.version import __version__
from fapilog_otel.pipeline.registry import BUILTIN
from fapilog_otel.plugins import GROUPS, PluginInfo, describe
from fapilog_otel.plugins.manifest import STAGE_GROUP

app = typer.Typer(no_args_is_help=True, help="Exporters, stages and sources that are installed.")


@app.callback()
def root() -> None:
    """Exporters, stages and sources that are installed."""


@app.command("list")
def list_plugins(as_json: AsJson = False) -> None:
    """Print every installed plugin, its distribution and whether the configuration allows it; nothing is loaded."""
    with reporting():
        allow = settings_from(None, None).plugins
    found = [plugin for group in GROUPS for plugin in [*_built_in(group), *describe(group, allow)]]
    if as_json:
        typer.echo(json.dumps([asdict(plugin) for plugin in found], indent=2))
        return
    if not found:
        typer.echo("No plugin is registered: install the distribution (pip install fapilog-otel)")
    for plugin in found:
        typer.echo(printable(_line(plugin)))


def _built_in(group: str) -> list[PluginInfo]:
    """Give the stages that come along: they are no entry points."""
    if group != STAGE_GROUP:
        return []
    return [
        PluginInfo(name, group, "fapilog-otel", __version__, f"{make.__module__}:{make.__qualname__}", True, True)
        for name, make in sorted(BUILTIN.items())
    ]


def _line(plugin: PluginInfo) -> str:
    kind = plugin.group.rpartition(".")[2].removesuffix("s")
    if plugin.builtin:
        state = "built in"
    else:
        state = "allowed" if plugin.allowed else f"not allowed; FAPILOG_OTEL_PLUGINS={plugin.name} allows it"
    return f"{kind:<8}  {plugin.name:<17}  {plugin.distribution} {plugin.version}  {state}"
