"""How an exporter of one's own is tested: the contract as a class to inherit from."""

from collections.abc import Sequence

import pytest

import fapilog_otel as fo
from fapilog_otel.errors import PermanentError
from fapilog_otel.testing import ExporterContract, StageContract


class ListExporter:
    """The exporter under test: its destination is a list, or None where it is out of order."""

    def __init__(self, destination: list[fo.Record] | None) -> None:
        self._destination = destination

    def validate(self) -> None:
        """Everything works."""

    async def start(self) -> None:
        """Nothing to open."""

    async def export(self, request: fo.EncodedLogs) -> fo.ExportResult:
        if self._destination is None:
            raise PermanentError("the list is out of order", reason="no_list")
        self._destination.extend(request.records())
        return fo.ExportResult()

    async def close(self) -> None:
        """Nothing to close."""


class TestListExporter(ExporterContract):
    @pytest.fixture(autouse=True)
    def _destination(self) -> None:
        self.destination: list[fo.Record] = []

    def make_exporter(self) -> fo.Exporter:
        return ListExporter(self.destination)

    def make_failing_exporter(self) -> fo.Exporter:
        return ListExporter(None)

    def received(self) -> Sequence[fo.Record]:
        return self.destination


class Shout:
    """The stage under test."""

    name = "shout"
    phase = "process"
    inline = True

    def __call__(self, record: fo.Record) -> fo.Record:
        return record.replace(body=record.body.upper()) if isinstance(record.body, str) else record


class TestShout(StageContract):
    def make_stage(self) -> fo.Stage:
        return Shout()
