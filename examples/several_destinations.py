"""Several destinations, each with its own queue, retries and account: one that is down holds up no other.

    python several_destinations.py [folder]

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT, keeps warnings in a file and shows errors here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel as fo


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    trace.set_tracer_provider(TracerProvider())
    log = fo.get_logger("shop.cart")
    with fo.configure(
        service_name="shop",
        exporters={
            "collector": {"type": "otlp_http", "compression": "gzip"},
            "archive": {"type": "otlp_file", "path": str(folder / "warnings.jsonl"), "level": "WARN"},
            # optional: what does not reach it is no loss, and flush() does not wait for it
            "terminal": {"type": "console", "stream": "stderr", "level": "ERROR", "optional": True},
        },
    ) as handle:
        with trace.get_tracer("shop").start_as_current_span("place order"):
            log.info("order placed", order_id="o-1")
            log.warning("the last one is sold", item="samovar")
            log.error("payment failed", order_id="o-1")
        handle.flush(timeout=2)
    for name, stats in handle.stats().destinations.items():
        print(f"{name}: delivered {stats.delivered}, left out {stats.filtered}, of {stats.submitted}")


if __name__ == "__main__":
    main()
