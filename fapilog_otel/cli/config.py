"""``fapilog-otel config``: what is configured and where it comes from, and whether it can work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from fapilog_otel.cli.checks import check_everything, why_nothing
from fapilog_otel.cli.options import AsJson, Endpoint, ProtocolOption, settings_from
from fapilog_otel.cli.outcome import printable, reporting, say_error
from fapilog_otel.cli.proxy import proxy_verdict
from fapilog_otel.settings import Settings, mask_url
from fapilog_otel.settings.describe import masked, shown

if TYPE_CHECKING:
    from fapilog_otel.contracts import Exporter
    from fapilog_otel.settings import SettingLine

app = typer.Typer(no_args_is_help=True, help="The configuration and its origins.")

Changed: TypeAlias = Annotated[bool, typer.Option("--changed", help="Leave out the defaults.")]


@app.command("show")
def show(
    endpoint: Endpoint = None, protocol: ProtocolOption = None, as_json: AsJson = False, changed: Changed = False
) -> None:
    """Print every setting with its value and origin, secrets masked, then every destination and its proxy."""
    with reporting():
        settings = settings_from(endpoint, protocol)
    report = _as_json(settings, changed=changed) if as_json else _as_text(settings, changed=changed)
    typer.echo(report)


@app.command("check")
def check(endpoint: Endpoint = None, protocol: ProtocolOption = None) -> None:
    """Load the configuration and every plugin it names; exit 2 when something cannot work."""
    with reporting():
        settings = settings_from(endpoint, protocol)
        warnings = check_everything(settings)
    for warning in warnings:
        say_error(f"warning: {warning}")
    nothing = why_nothing(settings)
    counted = f"configuration ok, {len(settings.destinations())} destination(s), {len(warnings)} warning(s)"
    typer.echo(f"{counted}; nothing is delivered: {nothing}" if nothing else counted)


def _as_text(settings: Settings, *, changed: bool) -> str:
    lines = [line for line in settings.describe() if not changed or line.origin != "default"]
    names = max((len(line.name) for line in lines), default=0)
    values = min(max((len(line.value) for line in lines), default=0), 60)
    table = [f"{line.name:<{names}}  {printable(line.value):<{values}}  {line.origin}" for line in lines]
    return "\n".join([*table, "", *_destination_lines(settings), *_warning_lines(settings)])


def _destination_lines(settings: Settings) -> list[str]:
    nothing = why_nothing(settings)
    if nothing:
        return [f"destinations: none, {nothing}"]
    lines: list[str] = []
    for name, item in settings.destinations().items():
        url = endpoint_of(item)
        lines.append(f"destination {name}: {printable(destination_summary(item))}")
        if url:
            lines.append(f"  proxy: {proxy_verdict(url)}")
    return lines


def destination_summary(item: Mapping[str, object] | Exporter) -> str:
    """Give what a destination is and where it delivers: type, URL or file, and how it speaks where it has a choice."""
    if not isinstance(item, Mapping):
        return type(item).__qualname__
    url = endpoint_of(item)
    where = mask_url(url) if url else str(item.get("path") or item.get("stream") or "")
    protocol = f" ({item['protocol']})" if "protocol" in item else ""
    return f"{item['type']} to {where}{protocol}" if where else str(item["type"])


def endpoint_of(item: Mapping[str, object] | Exporter) -> str:
    """Give the URL of a destination, or an empty text for one without."""
    url = item.get("endpoint") if isinstance(item, Mapping) else None
    return url if isinstance(url, str) and "://" in url else ""


def _warning_lines(settings: Settings) -> list[str]:
    return [f"warning: {printable(warning)}" for warning in settings.warnings]


def _as_json(settings: Settings, *, changed: bool) -> str:
    lines = [line for line in settings.describe() if not changed or line.origin != "default"]
    report = {
        "settings": {line.name: {"value": _data(settings, line), "origin": line.origin} for line in lines},
        "destinations": {name: _destination_json(item) for name, item in settings.destinations().items()},
        "warnings": list(settings.warnings),
    }
    return json.dumps(report, indent=2)


def _data(settings: Settings, line: SettingLine) -> object:
    """Give a setting's value as JSON; what a resource detector of the SDK reads is known as text alone."""
    value: object = settings
    for name in line.name.split(".", 1):
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name)
    return masked(line.name, value) if shown(line.name, value) == line.value else line.value


def _destination_json(item: Mapping[str, object] | Exporter) -> dict[str, object]:
    if not isinstance(item, Mapping):
        return {"exporter": type(item).__qualname__}
    url = endpoint_of(item)
    report: dict[str, object] = {key: masked(key, value) for key, value in item.items()}
    if url:
        verdict = proxy_verdict(url)
        report["proxy"] = {"applies": verdict.applies, "verdict": str(verdict)}
    return report
