"""What gunicorn with uvicorn's worker and --preload needs: it resets SIGTERM in each worker after the fork."""

from __future__ import annotations

import fapilog_otel


def post_worker_init(worker: object) -> None:
    fapilog_otel.configure(sources=[])
