"""``fapilog-otel send``: one record through everything that an application's records pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fapilog_otel.cli.checks import why_nothing
from fapilog_otel.cli.options import Endpoint, ProtocolOption, Timeout, given, settings_from
from fapilog_otel.cli.outcome import DELIVERED, NOT_DELIVERED, printable, reporting, say_error
from fapilog_otel.errors import ConfigError
from fapilog_otel.settings import InvalidValueError, parse
from fapilog_otel.sources.select import make_sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.telemetry.accounting import Stats

_LOGGER = "fapilog_otel.cli"


def send(
    message: Annotated[str, typer.Argument(help="Body of the record.")] = "test record of fapilog-otel",
    level: Annotated[str, typer.Option("--level", help="Level of the record.")] = "INFO",
    endpoint: Endpoint = None,
    protocol: ProtocolOption = None,
    timeout: Timeout = 5.0,
) -> None:
    """Send one record with the configuration of this environment, and print what became of it.

    Whatever level and sampling are configured, they let it pass.
    """
    with reporting():
        arguments = given(endpoint, protocol)
        settings = settings_from(endpoint, protocol)
        if nothing := why_nothing(settings):
            say_error(f"nothing is sent: {nothing}")
            raise typer.Exit(NOT_DELIVERED)
        make_sources(settings)  # not installed for one record, and yet part of the configuration
        # The record is asked for by hand: neither a level nor sampling may swallow it.
        arguments |= {"levels": {**settings.levels, _LOGGER: "TRACE"}, "sample": 1.0, "sources": ()}
        stats, delivered = _send(arguments, message, _level(level), timeout)
    _print(stats)
    raise typer.Exit(DELIVERED if delivered and not stats.failed and not stats.dropped else NOT_DELIVERED)


def _level(text: str) -> str:
    try:
        return parse.level(text)
    except InvalidValueError as error:
        raise ConfigError("--level", text, error.problem, error.remedy, "the command line") from None


def _send(arguments: Mapping[str, Any], message: str, level: str, timeout: float) -> tuple[Stats, bool]:
    from fapilog_otel.bootstrap import configure, get_logger

    handle = configure(**arguments)
    get_logger(_LOGGER).log(level, message)
    delivered = handle.flush(timeout)
    handle.shutdown(timeout)
    return handle.stats(), delivered


def _print(stats: Stats) -> None:
    for name, one in stats.destinations.items():
        reasons = ", ".join(
            f"{reason} {count}" for reason, count in {**one.dropped_by_reason, **one.failed_by_reason}.items()
        )
        counts = f"delivered {one.delivered}, filtered {one.filtered}, dropped {one.dropped}, failed {one.failed}"
        typer.echo(printable(f"{name}: {counts}" + (f" ({reasons})" if reasons else "")))
