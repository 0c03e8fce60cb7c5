"""``fapilog-otel spool``: what waits on disk, whether it is sound, and a way to deliver what dead processes left."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from fapilog_otel.cli.options import AsJson, Timeout, settings_from
from fapilog_otel.cli.outcome import DELIVERED, NOT_DELIVERED, printable, reporting, say_error
from fapilog_otel.errors import ConfigError
from fapilog_otel.telemetry.accounting import Lanes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.delivery.spool.survey import Found, Holding

app = typer.Typer(no_args_is_help=True, help="The durable spool: what is in it, and what may be wrong with it.")

Where: TypeAlias = Annotated[Path | None, typer.Argument(help="Directory of the spool, instead of the configured one.")]


@app.command("inspect")
def inspect(directory: Where = None, as_json: AsJson = False) -> None:
    """Print each file with what it holds; files of running processes too. Nothing is changed."""
    with reporting():
        found = _survey(_directory(directory))
    typer.echo(json.dumps([_as_json(one) for one in found], indent=2) if as_json else _as_text(found))


@app.command("verify")
def verify(directory: Where = None, as_json: AsJson = False) -> None:
    """Read every stored request and compare its checksum; exit 1 when something is damaged."""
    with reporting():
        found = _survey(_directory(directory), verify=True)
    typer.echo(json.dumps([_as_json(one) for one in found], indent=2) if as_json else _as_text(found))
    bad = [one for one in found if not one.sound]
    for one in bad:
        damaged = sum(holding.damaged or 0 for holding in one.holdings.values())
        say_error(f"{one.name}: {one.problem or (f'{damaged} damaged requests' if damaged else one.state)}")
    raise typer.Exit(NOT_DELIVERED if bad else DELIVERED)


@app.command("drain")
def drain(directory: Where = None, timeout: Timeout = 60.0) -> None:
    """Deliver what dead processes left to the configured destinations; exit 1 with what is left.

    Files of running processes are theirs to deliver, and left alone.
    """
    with reporting():
        from fapilog_otel.cli.spool_drain import drained

        settings = settings_from(None, None)
        where = _directory(directory)
        outcome = drained(settings, where, timeout)
    for name, (requests, records) in sorted(outcome.delivered.items()):
        typer.echo(printable(f"{name}: delivered {requests} requests, {records} records"))
    left = [one for one in _survey(where) if one.state != "live"]
    for one in left:
        for name, holding in one.holdings.items() or [("", None)]:
            why = outcome.why(name) if holding is not None else one.problem or one.state
            what = f"{name}: {holding.requests} requests" if holding is not None else "not readable"
            say_error(f"left in {one.name}: {what} ({why})")
    if not left:
        typer.echo("nothing is left of dead processes")
    raise typer.Exit(NOT_DELIVERED if left else DELIVERED)


def _directory(given: Path | None) -> Path:
    configured = given if given is not None else settings_from(None, None).spool
    if configured is None:
        raise ConfigError(
            "spool", None, "is not configured", "Give the directory, or set FAPILOG_OTEL_SPOOL", "default"
        )
    return Path(configured)


def _survey(directory: Path, *, verify: bool = False) -> list[Found]:
    from fapilog_otel.delivery.spool.survey import survey  # sqlite3 and fcntl, which no other command needs

    try:
        return survey(directory, verify=verify)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise ConfigError(
            "spool", str(directory), problem, "Give the directory of a spool", "the command line"
        ) from None


def _bands(holding: Holding) -> Mapping[str, int]:
    lanes = Lanes()
    lanes.add(holding.lanes)
    return lanes.by_band()


def _as_text(found: list[Found]) -> str:
    if not found:
        return "the spool is empty"
    return "\n".join(printable(line) for one in found for line in _lines(one))


def _lines(one: Found) -> list[str]:
    head = f"{one.state:<10}  {one.name}"
    if not one.holdings:
        return [
            f"{head}  {one.problem or ('empty' if one.state in ('live', 'orphan') else '')}".rstrip()
            + f"  {one.size} bytes"
        ]
    return [f"{head}  {name}: {_summary(holding)}" for name, holding in one.holdings.items()]


def _summary(holding: Holding) -> str:
    bands = ", ".join(f"{band} {number}" for band, number in _bands(holding).items() if number)
    age = max(time.time_ns() - holding.oldest, 0) / 1e9
    text = f"{holding.requests} requests, records: {bands or 'none'}; {holding.size} bytes, oldest {age:.0f} s"
    if holding.damaged is None:
        return text
    return f"{text}, {holding.damaged} damaged" if holding.damaged else f"{text}, sound"


def _as_json(one: Found) -> dict[str, object]:
    holdings = {
        name: {
            "requests": holding.requests,
            "records": dict(_bands(holding)),
            "bytes": holding.size,
            "oldest_unix_nano": str(holding.oldest),
            **({} if holding.damaged is None else {"damaged": holding.damaged}),
        }
        for name, holding in one.holdings.items()
    }
    return {"file": one.name, "state": one.state, "bytes": one.size, "problem": one.problem, "destinations": holdings}
