"""``fapilog-otel doctor``: versions, encoder, configuration, and one record to every destination."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

import typer

from fapilog_otel.assembly.build import configured_exporter
from fapilog_otel.cli.checks import check_all_but_destinations, why_nothing
from fapilog_otel.cli.config import destination_summary, endpoint_of
from fapilog_otel.cli.hints import hints
from fapilog_otel.cli.options import Endpoint, ProtocolOption, Timeout, settings_from
from fapilog_otel.cli.outcome import BAD_CONFIGURATION, DELIVERED, NOT_DELIVERED, printable, reporting
from fapilog_otel.cli.probe import attempt, sample_record
from fapilog_otel.cli.proxy import proxy_verdict
from fapilog_otel.errors import ConfigError
from fapilog_otel.settings.otel_env import LOGS_ENDPOINT

if TYPE_CHECKING:
    from fapilog_otel.contracts import Exporter
    from fapilog_otel.settings import Settings

_DISTRIBUTIONS: Final = (
    "fapilog-otel",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "pydantic",
    "grpcio",
    "protobuf",
    "isal",
)


def doctor(endpoint: Endpoint = None, protocol: ProtocolOption = None, timeout: Timeout = 5.0) -> None:
    """Examine the installation and the configuration, and send one record to every destination."""
    for line in [*_versions(), *_encoder()]:
        typer.echo(line)
    with reporting():
        settings = settings_from(endpoint, protocol)
        check_all_but_destinations(settings)
    for warning in settings.warnings:
        typer.echo(f"warning            {printable(warning)}")
    raise typer.Exit(_examine(settings, timeout))


def _versions() -> list[str]:
    lines = [f"{'python':<18} {platform.python_version()} ({platform.python_implementation()}, {platform.system()})"]
    for name in _DISTRIBUTIONS:
        try:
            lines.append(f"{name:<18} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name:<18} not installed")
    return lines


def _encoder() -> list[str]:
    from fapilog_otel.encode.select import NATIVE, NATIVE_MISSING

    if NATIVE:
        return [f"{'encoder':<18} native"]
    why = f"the native one cannot be loaded: {NATIVE_MISSING}" if NATIVE_MISSING else "FAPILOG_OTEL_NATIVE=0"
    return [f"{'encoder':<18} Python, twenty to thirty times slower ({printable(why)})"]


def _examine(settings: Settings, timeout: float) -> int:
    if nothing := why_nothing(settings):
        typer.echo(f"destinations       none: {nothing}")
        return DELIVERED
    found = settings.destinations()
    return max(_try_destination(name, item, settings, timeout) for name, item in found.items())


def _try_destination(name: str, item: Mapping[str, object] | Exporter, settings: Settings, timeout: float) -> int:
    url = endpoint_of(item)
    kind = str(item["type"]) if isinstance(item, Mapping) else type(item).__qualname__
    typer.echo(printable(f"{name:<18} {destination_summary(item)}"))
    if url:
        typer.echo(f"  proxy            {proxy_verdict(url)}")
    try:
        exporter = configured_exporter(name, item, settings)
        result = attempt(exporter, sample_record("fapilog-otel doctor", settings.service_name), timeout)
    except ConfigError as error:
        typer.echo(f"  error            {printable(str(error))}")
        return BAD_CONFIGURATION
    if result.delivered:
        typer.echo(
            f"  delivered        one record in {result.seconds * 1000:.0f} ms {printable(result.message)}".rstrip()
        )
        return DELIVERED
    typer.echo(f"  not taken        {printable(result.message)} [{result.reason}]")
    exact = settings.origin("endpoint") == f"environment {LOGS_ENDPOINT}" and url == settings.endpoint
    for hint in hints(url, kind, result.reason, result.message, exact=exact):
        typer.echo(f"  try              {printable(hint)}")
    return NOT_DELIVERED
