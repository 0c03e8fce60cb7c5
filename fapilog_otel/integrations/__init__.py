"""What ties servers' and task queues' records to the trace of the request they are about.

``configure()`` installs all of it (the setting ``integrations``), a module a server; ``asgi`` and ``wsgi`` hold
middleware for servers that are not known.
"""

from __future__ import annotations

from fapilog_otel.integrations._install import Integrations, install

__all__ = ["Integrations", "install"]
