from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fapilog_otel import contracts
from fapilog_otel.contracts import PHASES, Exporter, ExporterTraits, ExportResult, Source, Stage, exporter_traits


class Transport:
    """All that an exporter must have."""

    def validate(self) -> None:
        pass

    async def start(self) -> None:
        pass

    async def export(self, request: Any) -> ExportResult:
        return ExportResult()

    async def close(self) -> None:
        pass


class Step:
    name = "step"
    phase = "process"
    inline = True

    def __call__(self, record: Any) -> Any:
        return record


class Library:
    def install(self, provider: object) -> Any:
        return None

    def to_record(self, native: object) -> Any:
        return None


class TestExportResult:
    def test_is_full_success_by_default(self) -> None:
        assert ExportResult() == ExportResult(0, "")

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            ExportResult().rejected = 1  # type: ignore[misc]


class TestExporterTraits:
    def test_are_those_that_the_exporter_declares(self) -> None:
        exporter: Any = Transport()
        exporter.traits = ExporterTraits(8, fork_safe=False)
        assert exporter_traits(exporter) is exporter.traits

    @pytest.mark.parametrize("declared", [None, "fast", 8, {"max_in_flight": 8}])
    def test_are_the_defaults_where_nothing_usable_is_declared(self, declared: object) -> None:
        exporter: Any = Transport()
        exporter.traits = declared
        assert exporter_traits(exporter) == ExporterTraits(1, True, False)
        assert exporter_traits(object()) == ExporterTraits()


class TestProtocols:
    @pytest.mark.parametrize(
        ("protocol", "good"),
        [(Exporter, Transport()), (Stage, Step()), (Source, Library())],
        ids=["exporter", "stage", "source"],
    )
    def test_know_their_own(self, protocol: Any, good: object) -> None:
        assert isinstance(good, protocol)
        assert not isinstance(object(), protocol)

    def test_phases_stand_in_the_order_of_the_pipeline(self) -> None:
        assert PHASES == ("filter", "enrich", "redact", "process")

    def test_public_names_are_sorted_and_there(self) -> None:
        assert sorted(contracts.__all__, key=lambda name: (not name.isupper(), name)) == contracts.__all__
        assert all(hasattr(contracts, name) for name in contracts.__all__)
