"""What ties servers' and task queues' records to the trace of the request they are about.

``configure()`` installs all of it (the setting ``integrations``); each module here has one function, for use without it.
"""

from __future__ import annotations

from fapilog_otel.integrations._install import Integrations, install

__all__ = ["Integrations", "install"]
