"""The matrix of sources, protocols and places: ``python -m tests.sources``."""

from __future__ import annotations

import argparse
import sys

from tests.receivers import Collector
from tests.sources.matrix import PLACES, PROTOCOLS, SOURCES, run_row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=500, help="records a cell")
    parser.add_argument("--source", action="append", choices=SOURCES, help="may be repeated; default: all")
    options = parser.parse_args()
    failed = 0
    print(f"{'':10} {'':14} " + " ".join(f"{place:>10}" for place in PLACES))
    with Collector() as collector:
        for source in options.source or SOURCES:
            for protocol in PROTOCOLS:
                try:
                    verdict = run_row(source, protocol, collector, options.records)
                except Exception as error:
                    verdict = dict.fromkeys(PLACES, "failed")
                    print(f"{type(error).__name__}: {error}", file=sys.stderr)
                failed += sum(map(bool, verdict.values()))
                cells = " ".join(f"{faults or 'ok':>10}" for faults in verdict.values())
                print(f"{source:10} {protocol:14} {cells}", flush=True)
    print(f"{failed} cells failed; {options.records} records a cell, each once, in its own trace and span")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
