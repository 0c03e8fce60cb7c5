"""The command ``fapilog-otel``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command and exit: 0 all well, 1 delivery failed, 2 the configuration cannot be used."""
    from fapilog_otel.cli.app import run

    sys.exit(run())
