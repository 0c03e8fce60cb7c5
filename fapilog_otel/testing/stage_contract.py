"""What every pipeline stage must do, as a test class to inherit from."""

# ruff: noqa: D102 - the name of a test is its sentence
from __future__ import annotations

import asyncio
import copy
import inspect
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from fapilog_otel.contracts import PHASES, EncodedLogs, Stage
from fapilog_otel.model.record import Record
from fapilog_otel.plugins import load_exporter_factory
from fapilog_otel.provider.provider import LoggerProvider
from fapilog_otel.settings import load_settings
from fapilog_otel.testing.requirement import require
from fapilog_otel.testing.samples import sample_records

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

_KEPT = ("timestamp", "observed_timestamp", "trace_id", "span_id", "trace_flags")


class StageContract:
    """Tests of the contract `fapilog_otel.Stage`; a subclass named ``Test…`` says how to make one.

    class TestMyStage(StageContract):
        def make_stage(self) -> Stage:
            return MyStage()
    """

    #: Threads that call an inline stage at once.
    threads: ClassVar[int] = 4

    # -- hooks ---------------------------------------------------------------------------------------------------------

    def make_stage(self) -> Stage:
        """Give a new stage."""
        raise NotImplementedError("override make_stage()")

    def records(self) -> Sequence[Record]:
        """Give the records that the stage is tried on; override to add some that it is made for."""
        return sample_records()

    def apply(self, stage: Stage, records: Sequence[Record]) -> list[Record | None]:
        """Give what a stage makes of records, one after the other, awaited where it must be."""

        async def all_of_them() -> list[Record | None]:
            return [await _finished(stage(record)) for record in records]

        return asyncio.run(all_of_them())

    # -- form ----------------------------------------------------------------------------------------------------------

    def test_it_says_what_it_is(self) -> None:
        stage: Any = self.make_stage()  # what its author promises is what is looked at
        require(isinstance(stage, Stage), f"{type(stage).__name__} is callable and has name, phase and inline")
        require(isinstance(stage.name, str) and stage.name, f"name is a text, not {stage.name!r}")
        require(stage.phase in PHASES, f"phase is one of {', '.join(PHASES)}, not {stage.phase!r}")
        require(isinstance(stage.inline, bool), f"inline is True or False, not {stage.inline!r}")

    def test_an_inline_stage_answers_at_once(self) -> None:
        stage = self._inline()
        for record in self.records():
            answer = stage(record)
            require(
                not inspect.isawaitable(answer), "an inline stage runs on the thread that logs: it returns no awaitable"
            )

    # -- records -------------------------------------------------------------------------------------------------------

    def test_it_takes_records_of_every_shape(self) -> None:
        for answer in self.apply(self.make_stage(), self.records()):
            require(answer is None or isinstance(answer, Record), f"it returns a record or None, not {answer!r}")

    def test_it_leaves_the_record_that_it_is_given_alone(self) -> None:
        records = list(self.records())
        before = [copy.deepcopy((record.body, dict(record.attributes))) for record in records]
        self.apply(self.make_stage(), records)
        for record, (body, attributes) in zip(records, before, strict=True):
            require((record.body, dict(record.attributes)) == (body, attributes), "a changed record is a new one")

    def test_it_keeps_times_and_trace(self) -> None:
        records = list(self.records())
        for record, answer in zip(records, self.apply(self.make_stage(), records), strict=True):
            for name in _KEPT if answer is not None else ():
                require(getattr(answer, name) == getattr(record, name), f"{name} is kept: it ties the log to its trace")

    def test_what_it_returns_can_be_encoded(self) -> None:
        kept = [answer for answer in self.apply(self.make_stage(), self.records()) if answer is not None]
        for record in kept:
            (decoded,) = EncodedLogs.from_records([record]).records()
            require(decoded.body == record.body or record.body in ({}, []), f"the body is an AnyValue: {record.body!r}")
            keys: list[Any] = list(record.attributes)
            require(all(isinstance(key, str) and key for key in keys), "attribute keys are texts, not empty")
            lost = set(record.attributes) - set(decoded.attributes)
            require(not lost, f"attribute values are AnyValues, unlike those of {', '.join(sorted(lost))}")

    def test_a_redactor_finds_nothing_more_the_second_time(self) -> None:
        stage = self.make_stage()
        if stage.phase != "redact":
            pytest.skip("this is no redactor")
        once = [answer for answer in self.apply(stage, self.records()) if answer is not None]
        require(self.apply(stage, once) == once, "what is redacted stays as it is")

    # -- in the pipeline -----------------------------------------------------------------------------------------------

    def test_several_threads_may_call_an_inline_stage_at_once(self) -> None:
        stage = self._inline()
        errors: list[BaseException] = []

        def work() -> None:
            try:
                for record in self.records():
                    stage(record)
            except Exception as error:  # noqa: BLE001 - reported by the test's own thread
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(self.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        require(not errors, f"it may be called from any thread: {errors!r}")

    def test_the_account_is_even_with_it_in_the_pipeline(self) -> None:
        records = self.records()
        exporter: Any = load_exporter_factory("memory").create({})
        given = {"stages": (self.make_stage(),), "exporters": {"memory": exporter}}
        provider = LoggerProvider(settings=load_settings(given, environ={}), shutdown_on_exit=False)
        try:
            logger = provider.get_logger("contract")
            for record in records:
                logger.emit(body=record.body, attributes=dict(record.attributes))
            require(provider.force_flush(10_000), "everything that it lets pass is delivered")
            stats = provider.stats()
        finally:
            provider.shutdown(1000)
        require(stats.balanced, f"the account balances: {stats}")
        require(stats.submitted == len(records), f"{len(records)} records were submitted, not {stats.submitted}")
        require(stats.delivered + stats.filtered == len(records), f"each is delivered or filtered: {stats}")
        require(len(exporter.records) == stats.delivered, "what is delivered has arrived")

    def _inline(self) -> Stage:
        stage = self.make_stage()
        if not stage.inline:
            pytest.skip("this stage is deferred")
        return stage


async def _finished(answer: Record | Awaitable[Record | None] | None) -> Record | None:
    if inspect.isawaitable(answer):
        return await answer
    return answer
