from __future__ import annotations

import asyncio

from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.delivery import BreakerPolicy, Control, Part, RetryPolicy, Sender, build_sender
from fapilog_otel.errors import PermanentError, RetryableError
from tests.unit.delivery.doubles import (
    DELIVERED,
    RememberingDiagnostics,
    ScriptedExporter,
    bodies,
    request_of,
    stay_away,
    virtual_clock,
    virtual_time,
)

DOWN = RetryableError("connection refused")
TOO_LARGE = PermanentError("413", reason="http_413", too_large=True)


def sender_of(
    *steps: object, breaker: BreakerPolicy | None = None
) -> tuple[Sender, ScriptedExporter, Control, RememberingDiagnostics]:
    exporter, control, diagnostics = ScriptedExporter(*steps), Control(virtual_clock), RememberingDiagnostics()
    sender = build_sender(
        "shop",
        exporter,
        timeout=10,
        policy=RetryPolicy(initial=1, multiplier=1, jitter=0),
        control=control,
        diagnostics=diagnostics,
        breaker=breaker,
    )
    return sender, exporter, control, diagnostics


def settled(parts: list[Part]) -> int:
    return sum(part.request.count for part in parts)


class TestSender:
    @virtual_time
    async def test_delivers(self) -> None:
        sender, _, _, _ = sender_of(DELIVERED)
        request = request_of(2)
        assert await sender.send(request) == [Part(request, DELIVERED, None)]
        assert (sender.name, sender.health.delivered_requests) == ("shop", 1)

    @virtual_time
    async def test_an_outage_is_reported_while_it_lasts_and_survived(self) -> None:
        sender, exporter, _, diagnostics = sender_of(*[DOWN] * 5, DELIVERED)
        sending = asyncio.ensure_future(sender.send(request_of(1)))
        await asyncio.sleep(1.5)
        assert diagnostics.kinds == ["shop.unreachable"]
        assert sender.health.consecutive_failures == 2
        [part] = await sending
        assert part.result is DELIVERED
        assert exporter.gaps == [1] * 5
        assert diagnostics.kinds == ["shop.unreachable", "shop.recovered"]

    @virtual_time
    async def test_a_hanging_attempt_is_cut_and_made_again(self) -> None:
        sender, exporter, _, _ = sender_of(stay_away, DELIVERED)
        [part] = await sender.send(request_of(1))
        assert part.result is DELIVERED
        assert exporter.gaps == [11]

    @virtual_time
    async def test_halves_are_retried_each_by_itself(self) -> None:
        sender, exporter, _, _ = sender_of(TOO_LARGE, DOWN, DELIVERED, DOWN, DELIVERED)
        parts = await sender.send(request_of(4))
        assert [bodies(part.request) for part in parts] == [[0, 1], [2, 3]]
        assert all(part.result is DELIVERED for part in parts)
        assert exporter.gaps == [0, 1, 0, 1]

    @virtual_time
    async def test_a_buggy_exporter_costs_its_request_and_nothing_else(self) -> None:
        sender, _, _, diagnostics = sender_of(KeyError("shard"), DELIVERED)
        [failed] = await sender.send(request_of(1))
        [delivered] = await sender.send(request_of(1))
        assert failed.error is not None
        assert failed.error.reason == "exporter_error"
        assert delivered.result is DELIVERED
        assert diagnostics.kinds == ["shop.refused.exporter_error"]

    @virtual_time
    async def test_absurd_rejected_counts_are_clamped(self) -> None:
        sender, _, _, _ = sender_of(ExportResult(2**40, "all of them"))
        [part] = await sender.send(request_of(3))
        assert part.result == ExportResult(3, "all of them")

    @virtual_time
    async def test_one_request_does_not_wait_for_another(self) -> None:
        async def by_first_body(request: EncodedLogs) -> ExportResult:
            if request.count == 1:
                raise DOWN
            return DELIVERED

        sender, _, control, _ = sender_of(by_first_body)
        stuck = asyncio.ensure_future(sender.send(request_of(1)))
        begun = virtual_clock()
        await sender.send(request_of(2))
        assert virtual_clock() == begun
        control.begin_closing(begun)
        assert settled(await stuck) == 1


class TestShutdown:
    @virtual_time
    async def test_every_record_is_settled_by_the_deadline_whatever_the_destination_does(self) -> None:
        for step in (stay_away, DOWN, TOO_LARGE, RetryableError("busy", delay=60), ValueError("bug")):
            for breaker in (None, BreakerPolicy(failures=2, open_for=30)):
                sender, _, control, _ = sender_of(step, breaker=breaker)
                sending = [asyncio.ensure_future(sender.send(request_of(8))) for _ in range(20)]
                await asyncio.sleep(1)
                deadline = virtual_clock() + 5
                control.begin_closing(deadline)
                outcomes = await asyncio.gather(*sending)
                assert virtual_clock() <= deadline + 0.3
                assert [settled(parts) for parts in outcomes] == [8] * 20

    @virtual_time
    async def test_records_left_at_the_deadline_have_the_reason_shutdown(self) -> None:
        sender, _, control, _ = sender_of(stay_away)
        control.begin_closing(virtual_clock() + 1)
        [part] = await sender.send(request_of(1))
        assert isinstance(part.error, RetryableError)
        assert part.error.reason == "shutdown"

    @virtual_time
    async def test_a_request_that_comes_after_the_deadline_is_not_blamed_on_the_destination(self) -> None:
        sender, exporter, control, diagnostics = sender_of(DELIVERED)
        control.begin_closing(virtual_clock() - 1)
        [part] = await sender.send(request_of(1))
        assert part.error is not None
        assert exporter.times == []
        assert diagnostics.reports == []


class TestDeadlineOfARequest:
    @virtual_time
    async def test_retries_and_splits_share_it(self) -> None:
        async def slow_413(request: EncodedLogs) -> ExportResult:
            await asyncio.sleep(3)
            raise TOO_LARGE if request.count > 1 else DOWN

        sender, _, control, _ = sender_of(slow_413)
        begun = virtual_clock()
        with control.within(10):
            parts = await sender.send(request_of(8))
        assert virtual_clock() - begun <= 10
        assert settled(parts) == 8
        assert all(part.error is not None for part in parts)

    @virtual_time
    async def test_each_send_has_its_own(self) -> None:
        sender, _, control, _ = sender_of(DOWN)
        for _ in range(3):
            begun = virtual_clock()
            with control.within(5):
                [part] = await sender.send(request_of(1))
            assert part.error is DOWN
            assert 4 <= virtual_clock() - begun <= 5
