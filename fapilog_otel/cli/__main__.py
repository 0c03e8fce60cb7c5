"""``python -m fapilog_otel.cli``: the command without its script."""

from __future__ import annotations

from fapilog_otel.cli import main

if __name__ == "__main__":
    main()
