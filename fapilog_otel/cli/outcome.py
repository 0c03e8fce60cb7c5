"""How a command ends: its exit codes, and a configuration error as one clear line instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from fapilog_otel.errors import ConfigError

DELIVERED: Final = 0
NOT_DELIVERED: Final = 1
BAD_CONFIGURATION: Final = 2


@contextmanager
def reporting() -> Iterator[None]:
    """Turn a `ConfigError` in the block into one line on stderr and exit code 2."""
    try:
        yield
    except ConfigError as error:
        say_error(str(error))
        raise typer.Exit(BAD_CONFIGURATION) from None


def say_error(text: str) -> None:
    """Write one line to stderr under the command's name."""
    typer.echo(f"fapilog-otel: {printable(text)}", err=True)


def printable(text: str) -> str:
    """Give a text with every control character escaped, so that no value can move the terminal's cursor."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
