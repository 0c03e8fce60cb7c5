"""The Typer application: every command is registered here and lives in a module of its own."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from fapilog_otel.cli import config, doctor, plugins, send, spool
from fapilog_otel.cli import run as run_command
from fapilog_otel.cli.options import Endpoint, ProtocolOption
from fapilog_otel.cli.outcome import reporting

app = typer.Typer(
    name="fapilog-otel",
    help="Every log tied to its trace, delivered over OTLP.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(config.app, name="config")
app.add_typer(plugins.app, name="plugins")
app.add_typer(spool.app, name="spool")
app.command("send")(send.send)
app.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(run_command.run)
app.command("doctor")(doctor.doctor)


def run() -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    try:
        app()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0


def package_version() -> str:
    """Give the version of the installed distribution, or ``not installed`` in a bare source tree."""
    try:
        return version("fapilog-otel")
    except PackageNotFoundError:
        return "not installed"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fapilog-otel {package_version()}")
        raise typer.Exit


@app.callback()
def root(
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Every log tied to its trace, delivered over OTLP."""


@app.command("demo")
def demo(endpoint: Endpoint = None, protocol: ProtocolOption = None) -> None:
    """Show traced logs arriving at a receiver within a minute; without --endpoint it brings its own."""
    with reporting():
        from fapilog_otel.cli.demo import run_demo

        raise typer.Exit(run_demo(endpoint, protocol))
