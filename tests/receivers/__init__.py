"""Real OTLP receivers for the tests: how each is built, started and read back.

`python -m tests.receivers build` builds all of them ahead; otherwise the first test that needs one does.
"""

from __future__ import annotations

from tests.receivers.build import BuildError
from tests.receivers.collector import Collector
from tests.receivers.process import ReceiverError, ReceiverProcess
from tests.receivers.rotel import Rotel
from tests.receivers.victorialogs import VictoriaLogs

__all__ = ["BuildError", "Collector", "ReceiverError", "ReceiverProcess", "Rotel", "VictoriaLogs"]
