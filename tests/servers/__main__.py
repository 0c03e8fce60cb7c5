"""The whole matrix: ``python -m tests.servers``; some cells: ``python -m tests.servers --cell gunicorn-sync:run``."""

from __future__ import annotations

import argparse
import sys

from tests.receivers import Collector
from tests.servers.cell_run import Verdict, run_cell
from tests.servers.cells import SERVERS, WAYS, server, way


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=500, help="requests a cell")
    parser.add_argument("--cell", action="append", help="server:way; may be repeated; default: all")
    options = parser.parse_args()
    names = [name.partition(":") for name in options.cell or ()]
    cells = [(server(left), way(right)) for left, _, right in names] or [(one, by) for one in SERVERS for by in WAYS]
    failed = 0
    with Collector() as collector:
        for one, by in cells:
            try:
                verdict = run_cell(one, by, collector, options.requests)
            except Exception as error:
                verdict = Verdict((f"{type(error).__name__}: {error}",), 0.0)
            failed += bool(verdict.faults)
            print(
                f"{one.name:26} {by.name:12} {verdict.seconds:6.1f} s  {'; '.join(verdict.faults) or 'ok'}", flush=True
            )
    print(f"{len(cells) - failed} of {len(cells)} cells, {options.requests} requests each")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
