from __future__ import annotations

import pytest

from fapilog_otel.contracts import ExportResult
from fapilog_otel.delivery.observe import Health, Observe
from fapilog_otel.errors import DeliveryError, PermanentError, RetryableError
from tests.unit.delivery.doubles import (
    DELIVERED,
    RememberingDiagnostics,
    ScriptedExporter,
    request_of,
    virtual_time,
)

DOWN = RetryableError("connection refused by 10.0.0.7:4318")


def observe_of(*steps: object) -> tuple[Observe, RememberingDiagnostics]:
    diagnostics = RememberingDiagnostics()
    return Observe(ScriptedExporter(*steps), "shop", diagnostics, lambda: 1_700_000_000.0), diagnostics


async def attempt(observe: Observe, times: int = 1, count: int = 3) -> None:
    for _ in range(times):
        try:
            await observe.export(request_of(count))
        except DeliveryError:
            continue


class TestHealth:
    @virtual_time
    async def test_begins_empty(self) -> None:
        observe, _ = observe_of()
        assert observe.health == Health()
        assert observe.health.last_success is None

    @virtual_time
    async def test_counts_what_was_delivered(self) -> None:
        observe, _ = observe_of(DELIVERED)
        await attempt(observe, 2)
        assert observe.health == Health(
            attempts=2,
            delivered_requests=2,
            delivered_bytes=2 * request_of(3).size,
            last_success=1_700_000_000.0,
        )

    @virtual_time
    async def test_counts_failures_in_a_row_and_keeps_the_last_error(self) -> None:
        observe, _ = observe_of(DOWN, PermanentError("bad request"), DOWN, DELIVERED)
        await attempt(observe, 3)
        assert observe.health.consecutive_failures == 3
        assert observe.health.last_error == str(DOWN)
        assert observe.health.last_error_at == 1_700_000_000.0
        await attempt(observe)
        assert observe.health.consecutive_failures == 0
        assert observe.health.last_error == str(DOWN)
        assert observe.health.attempts == 4

    @virtual_time
    async def test_a_snapshot_does_not_change_afterwards(self) -> None:
        observe, _ = observe_of(DELIVERED)
        before = observe.health
        await attempt(observe)
        assert before == Health()


class TestWhatIsSaid:
    @virtual_time
    async def test_nothing_when_all_is_well(self) -> None:
        observe, diagnostics = observe_of(DELIVERED)
        await attempt(observe, 3)
        assert diagnostics.reports == []

    @virtual_time
    async def test_an_outage_is_one_warning_with_cause_and_remedy(self) -> None:
        observe, diagnostics = observe_of(DOWN)
        await attempt(observe, 50)
        [(kind, level, event, fields)] = diagnostics.reports
        assert (kind, level, event) == ("shop.unreachable", "warning", "cannot reach shop")
        assert fields["cause"] == str(DOWN)
        assert "doctor" in str(fields["remedy"])

    @virtual_time
    async def test_a_receiver_that_answers_is_not_called_unreachable(self) -> None:
        observe, diagnostics = observe_of(RetryableError("HTTP 503: maintenance", reason="http_503"))
        await attempt(observe, 5)
        [(kind, _, event, fields)] = diagnostics.reports
        assert (kind, event) == ("shop.unavailable", "shop takes no logs now")
        assert "sent again" in str(fields["remedy"])
        assert "listens" not in str(fields["remedy"])

    @virtual_time
    async def test_the_endpoint_is_told_where_the_exporter_tells_it(self) -> None:
        diagnostics = RememberingDiagnostics()
        observe = Observe(ScriptedExporter(DOWN), "shop", diagnostics, endpoint="http://h:4318/v1/logs")
        await attempt(observe)
        assert diagnostics.reports[0][3]["endpoint"] == "http://h:4318/v1/logs"

    @virtual_time
    async def test_one_record_is_not_called_records(self) -> None:
        observe, diagnostics = observe_of(PermanentError("no"), ExportResult(1, "no"))
        await attempt(observe, 2, count=1)
        events = [event for _, _, event, _ in diagnostics.reports]
        assert events == ["shop refused 1 record for good", "shop rejected 1 of 1 record"]

    @virtual_time
    async def test_a_recovery_is_one_info(self) -> None:
        observe, diagnostics = observe_of(DOWN, DOWN, DOWN, DELIVERED)
        await attempt(observe, 6)
        assert diagnostics.kinds == ["shop.unreachable", "shop.recovered"]
        _, level, event, fields = diagnostics.reports[-1]
        assert (level, event, fields) == ("info", "shop takes logs again", {"failures": 3})

    @virtual_time
    async def test_a_second_outage_is_reported_again(self) -> None:
        observe, diagnostics = observe_of(DOWN, DELIVERED, DOWN)
        await attempt(observe, 3)
        assert diagnostics.kinds == ["shop.unreachable", "shop.recovered", "shop.unreachable"]

    @virtual_time
    async def test_a_refusal_tells_the_servers_message_and_how_many_records_it_cost(self) -> None:
        observe, diagnostics = observe_of(PermanentError("HTTP 400: unknown tenant", reason="http_400"))
        await attempt(observe)
        [(kind, level, event, fields)] = diagnostics.reports
        assert (kind, level, event) == ("shop.refused.http_400", "warning", "shop refused 3 records for good")
        assert (fields["cause"], fields["reason"]) == ("HTTP 400: unknown tenant", "http_400")

    @pytest.mark.parametrize(
        ("error", "remedy"),
        [
            (PermanentError("no", reason="http_401"), "headers"),
            (PermanentError("no", reason="http_404"), "/v1/logs"),
            (PermanentError("no", reason="exporter_error"), "author"),
            (RetryableError("no", reason="timeout"), "timeout"),
        ],
    )
    def test_the_remedy_fits_the_reason(self, error: DeliveryError, remedy: str) -> None:
        @virtual_time
        async def check() -> None:
            observe, diagnostics = observe_of(error)
            await attempt(observe)
            assert remedy in str(diagnostics.reports[0][3]["remedy"])

        check()

    @virtual_time
    async def test_a_request_that_will_be_halved_is_not_called_refused(self) -> None:
        observe, diagnostics = observe_of(PermanentError("413", reason="http_413", too_large=True))
        await attempt(observe, count=3)
        await attempt(observe, count=1)
        assert diagnostics.kinds == ["shop.too_large", "shop.refused.too_large"]
        assert "max_request_size" in str(diagnostics.reports[0][3]["remedy"])

    @virtual_time
    async def test_rejected_records_are_a_warning_with_the_servers_message(self) -> None:
        observe, diagnostics = observe_of(ExportResult(2, "too old"))
        await attempt(observe)
        [(kind, level, event, fields)] = diagnostics.reports
        assert (kind, level, event) == ("shop.partial_success", "warning", "shop rejected 2 of 3 records")
        assert (fields["message"], fields["reason"]) == ("too old", "rejected")
        assert "receiver" in str(fields["remedy"])
        assert observe.told == {"rejected"}

    @virtual_time
    async def test_a_message_without_rejected_records_is_a_warning_too(self) -> None:
        observe, diagnostics = observe_of(ExportResult(0, "deprecated endpoint"))
        await attempt(observe)
        [(kind, level, event, fields)] = diagnostics.reports
        assert (kind, level, event) == ("shop.remark", "warning", "shop took the records with a remark")
        assert fields == {"message": "deprecated endpoint"}
