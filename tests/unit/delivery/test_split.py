from __future__ import annotations

import asyncio

import pytest

from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.delivery.split import Part, Split
from fapilog_otel.errors import PermanentError, RetryableError
from tests.unit.delivery.doubles import DELIVERED, ScriptedExporter, bodies, request_of, virtual_time

TOO_LARGE = PermanentError("413 too large", reason="http_413", too_large=True)


def taking_at_most(count: int) -> ScriptedExporter:
    async def export(request: EncodedLogs) -> ExportResult:
        if request.count > count:
            raise TOO_LARGE
        return DELIVERED

    return ScriptedExporter(export)


def all_bodies(parts: list[Part]) -> list[object]:
    return [body for part in parts for body in bodies(part.request)]


class TestSplit:
    @virtual_time
    async def test_what_fits_is_one_part(self) -> None:
        request = request_of(5)
        assert await Split(taking_at_most(5)).send(request) == [Part(request, DELIVERED, None)]

    @pytest.mark.parametrize("count", [2, 3, 7, 8, 100])
    @pytest.mark.parametrize("limit", [1, 2, 3, 50])
    def test_every_record_arrives_once_and_in_order(self, count: int, limit: int) -> None:
        @virtual_time
        async def check() -> None:
            exporter = taking_at_most(limit)
            parts = await Split(exporter).send(request_of(count))
            assert all_bodies(parts) == list(range(count))
            assert all(part.result is DELIVERED and part.error is None for part in parts)
            sent = [request for request in exporter.requests if request.count <= limit]
            assert [body for request in sent for body in bodies(request)] == list(range(count))

        check()

    @virtual_time
    async def test_a_single_record_that_is_too_large_fails_alone(self) -> None:
        async def export(request: EncodedLogs) -> ExportResult:
            if 5 in bodies(request):
                raise TOO_LARGE
            return DELIVERED

        parts = await Split(ScriptedExporter(export)).send(request_of(8))
        assert all_bodies(parts) == list(range(8))
        failed = [part for part in parts if part.error is not None]
        assert [bodies(part.request) for part in failed] == [[5]]
        assert isinstance(failed[0].error, PermanentError)
        assert failed[0].error.reason == "too_large"
        assert failed[0].result is None

    @virtual_time
    async def test_one_half_may_fail_and_the_other_be_delivered(self) -> None:
        later = RetryableError("given up", reason="shutdown")
        parts = await Split(ScriptedExporter(TOO_LARGE, later, DELIVERED)).send(request_of(4))
        assert [(bodies(part.request), part.error) for part in parts] == [([0, 1], later), ([2, 3], None)]

    @pytest.mark.parametrize("error", [PermanentError("no"), RetryableError("later")])
    def test_other_errors_do_not_split(self, error: Exception) -> None:
        @virtual_time
        async def check() -> None:
            request = request_of(4)
            assert await Split(ScriptedExporter(error)).send(request) == [Part(request, None, error)]

        check()

    @virtual_time
    async def test_a_bug_is_an_error_of_its_part(self) -> None:
        [part] = await Split(ScriptedExporter(ZeroDivisionError("oops"))).send(request_of(2))
        assert part.error is not None
        assert part.error.reason == "exporter_error"

    @virtual_time
    async def test_a_cancellation_passes_through(self) -> None:
        with pytest.raises(asyncio.CancelledError):
            await Split(ScriptedExporter(asyncio.CancelledError())).send(request_of(2))
