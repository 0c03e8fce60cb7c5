"""`python -m tests.receivers build`: builds every receiver that is not in the cache yet."""

from __future__ import annotations

import argparse
import time

from tests.receivers.build import ALL, build


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.receivers", description=__doc__)
    parser.add_argument("command", choices=["build"])
    known = ", ".join(recipe.name for recipe in ALL)
    parser.add_argument("names", nargs="*", metavar="receiver", help=f"of {known}; default: all")
    arguments = parser.parse_args()
    chosen = [recipe for recipe in ALL if not arguments.names or recipe.name in arguments.names]
    if unknown := set(arguments.names) - {recipe.name for recipe in ALL}:
        parser.error(f"unknown receiver: {', '.join(sorted(unknown))}")
    for recipe in chosen:
        started = time.monotonic()
        binary = build(recipe)
        print(f"{recipe.name}: {binary} ({time.monotonic() - started:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
