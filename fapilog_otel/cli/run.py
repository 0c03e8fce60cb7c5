"""``fapilog-otel run``: a command whose Python processes deliver their logs, without a line of code."""

from __future__ import annotations

import os
import shutil
import subprocess  # nosec B404 - the command is the user's own
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fapilog_otel.cli.options import Endpoint, ProtocolOption
from fapilog_otel.cli.outcome import BAD_CONFIGURATION, say_error
from fapilog_otel.settings.fapilog_env import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

SITE: Final = str(Path(__file__).resolve().parent.parent / "auto" / "site")

_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126


def run(
    command: Annotated[list[str], typer.Argument(help="The command, after --: python app.py, uvicorn shop:app, …")],
    endpoint: Endpoint = None,
    protocol: ProtocolOption = None,
    service_name: Annotated[str | None, typer.Option("--service-name", help="service.name of the resource.")] = None,
    preset: Annotated[str | None, typer.Option("--preset", help="A named set of settings: dev, production, …")] = None,
    level: Annotated[str | None, typer.Option("--level", help="Level below which nothing is sent.")] = None,
    source: Annotated[list[str] | None, typer.Option("--source", help="A logging library; may be repeated.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Any setting: --set name=value; may be repeated.")
    ] = None,
    uncaught: Annotated[
        bool, typer.Option("--uncaught/--no-uncaught", help="Whether uncaught exceptions and warnings become records.")
    ] = True,
) -> None:
    """Run a command; every Python process in it delivers its logs.

    Options become environment variables, which its child processes inherit. The command takes this process's place:
    its exit code and the signals sent to it are its own.
    """
    options: dict[str, str | None] = {
        "endpoint": endpoint,
        "protocol": protocol,
        "service_name": service_name,
        "preset": preset,
        "level": level,
        "sources": ",".join(source) if source else None,
    }
    options |= _assignments(settings or ())
    environ = environment(os.environ, options, uncaught=uncaught)
    _become(command_line(command), environ)


def _assignments(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for name, sign, _ in pairs:
        if not sign or not name.strip():
            say_error(f"--set takes name=value, not {name!r}")
            raise typer.Exit(BAD_CONFIGURATION)
    return {name.strip().replace(".", "__"): value for name, _, value in pairs}


def environment(
    inherited: Mapping[str, str], options: Mapping[str, str | None], *, uncaught: bool = True
) -> dict[str, str]:
    """Give the environment of the command.

    Args:
        inherited: The present one.
        options: Setting to value; None: not given.
        uncaught: Whether uncaught exceptions are captured where the environment does not say.
    """
    environ = dict(inherited)
    for name, value in options.items():
        if value is not None:
            environ[PREFIX + name.upper()] = value
    if options.get("service_name"):
        environ["OTEL_SERVICE_NAME"] = str(options["service_name"])  # spans and metrics of the same service
    environ.setdefault(f"{PREFIX}CAPTURE_UNCAUGHT", "true" if uncaught else "false")
    _put_site(environ)
    return environ


def _put_site(environ: MutableMapping[str, str]) -> None:
    """Put the one folder with our ``sitecustomize`` before all others."""
    rest = [folder for folder in environ.get("PYTHONPATH", "").split(os.pathsep) if folder and folder != SITE]
    environ["PYTHONPATH"] = os.pathsep.join([SITE, *rest])


def command_line(command: Sequence[str]) -> list[str]:
    """Give what is executed: ``-m module`` and a script that is none by itself get this Python before them."""
    first = command[0]
    is_script = first.endswith(".py") and not os.access(first, os.X_OK)
    return [sys.executable, *command] if first.startswith("-") or is_script else list(command)


def _become(command: list[str], environ: dict[str, str]) -> None:
    path = shutil.which(command[0], path=environ.get("PATH"))
    if path is None:
        say_error(f"there is no command {command[0]!r}")
        raise typer.Exit(_NOT_FOUND)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":  # there exec() starts another process and ends this one at once
        raise typer.Exit(subprocess.call([path, *command[1:]], env=environ))  # noqa: S603  # nosec B603 - the user's own
    try:
        os.execve(path, command, environ)  # noqa: S606  # nosec B606 - the user's own command, and no shell
    except OSError as error:
        say_error(f"cannot run {command[0]!r}: {error.strerror}")
        raise typer.Exit(_NOT_EXECUTABLE) from None
