"""The durable spool: encoded requests in SQLite files, kept until they are delivered; see ``docs/design/spool.md``.

Importing this loads neither sqlite3 nor fcntl; `Spool.prepare` and `Spool.start` do.
"""

from __future__ import annotations

from fapilog_otel.delivery.spool.policy import SpoolPolicy
from fapilog_otel.delivery.spool.row import Row, SpoolError, SpoolHost
from fapilog_otel.delivery.spool.store import Spool
from fapilog_otel.delivery.spool.stored import StoredLogs

__all__ = ["Row", "Spool", "SpoolError", "SpoolHost", "SpoolPolicy", "StoredLogs"]
