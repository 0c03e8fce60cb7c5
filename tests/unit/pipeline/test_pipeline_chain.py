from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable

import pytest

from fapilog_otel.contracts.stage import PHASES, Phase
from fapilog_otel.encode.decode import decode_record
from fapilog_otel.encode.plan import KEEP, EncodePlan, Limits, Redaction
from fapilog_otel.encode.values import record_payload
from fapilog_otel.errors import ConfigError
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.model.severity import DEBUG, ERROR, INFO
from fapilog_otel.model.trace_context import TraceContext
from fapilog_otel.pipeline.chain import DEFAULT_STAGES, Chain, build_chain
from fapilog_otel.pipeline.filter import LevelFilter, SamplingFilter
from fapilog_otel.pipeline.limits import UNLIMITED, StringTruncate
from fapilog_otel.pipeline.redact import RedactStage, default_redaction, field_mask, regex_mask
from tests.unit.pipeline import made_up_secrets as secrets

Result = Record | None | Awaitable[Record | None]


class Step:
    """A stage that does what it is told and writes its name into the record's ``order``."""

    def __init__(
        self, name: str, phase: Phase = "process", *, inline: bool = True, act: Callable[[Record], object] | None = None
    ) -> None:
        self.name = name
        self.phase = phase
        self.inline = inline
        self._act = act

    def __call__(self, record: Record) -> Result:
        if self._act is not None:
            return self._act(record)  # type: ignore[return-value]
        return record.with_attributes({"order": f"{record.attributes.get('order', '')}{self.name} "})


class Failing(Step):
    def __call__(self, record: Record) -> Result:
        raise RuntimeError(f"{self.name} failed")


def inline(chain: Chain, record: Record) -> Record | None:
    current: Record | None = record
    for stage in chain.plan.stages:
        if current is not None:
            current = stage(current)
    return current


async def whole(chain: Chain, record: Record) -> Record | None:
    current = inline(chain, record)
    return None if current is None else (await chain.run_deferred([current]))[0]


class TestOrder:
    async def test_phases_come_in_order_and_stages_of_a_phase_as_given(self) -> None:
        stages = [Step(f"{phase}{number}", phase) for number in (1, 2) for phase in reversed(PHASES)]
        done = await whole(build_chain(stages=stages), Record())
        assert done is not None
        assert done.attributes["order"] == (
            "filter1 filter2 enrich1 enrich2 redact1 redact2 process1 process2 "
        )  # fmt: skip

    def test_default_redactors_come_before_the_users(self) -> None:
        seen: list[object] = []
        spy = Step("spy", "redact", act=lambda record: (seen.append(record.body), record)[1])
        inline(build_chain(stages=[spy], redaction=default_redaction()), Record(body="password=x"))
        assert seen == ["password=***"]

    def test_a_filtered_record_reaches_no_later_stage(self) -> None:
        chain = build_chain(stages=[Step("stop", "filter", act=lambda _: None), Failing("later")])
        assert inline(chain, Record()) is None
        assert chain.filtered == {"stop": 1}
        assert chain.errors == {}


class TestPlan:
    def test_by_default_all_is_done_inside_the_encoder(self) -> None:
        redaction = default_redaction()
        chain = build_chain(redaction=redaction)
        assert (chain.plan.stages, chain.deferred) == ((), ())
        assert chain.plan.redaction is redaction
        assert chain.plan.context_vars
        assert chain.plan.limits == Limits()

    def test_inline_filters_and_enrichers_leave_redaction_to_the_encoder(self) -> None:
        redaction = default_redaction()
        chain = build_chain(stages=[LevelFilter(), Step("e", "enrich")], redaction=redaction)
        assert [stage.name for stage in chain.plan.stages] == ["level", "e"]
        assert chain.plan.redaction is redaction

    def test_redactors_of_ours_join_the_default_ones_in_the_encoder(self) -> None:
        mine = [RedactStage("field_mask", field_mask(["email"])), RedactStage("regex_mask", regex_mask(["cust-.*"]))]
        chain = build_chain(stages=mine, redaction=default_redaction())
        assert chain.plan.stages == ()
        record = Record(body="cust-1", attributes={"email": "a@b", "password": "x"})
        expected = Record(body="***", attributes={"email": "***", "password": "***"})
        assert record_payload(record, chain.plan) == record_payload(expected, EncodePlan())

    @pytest.mark.parametrize(
        "stage",
        [
            Step("s", "redact"),
            Step("s", "process"),
            StringTruncate(1000),
            RedactStage("m", field_mask(["a"], mask="-")),
        ],
    )
    def test_a_stage_after_or_beside_the_redactors_makes_them_record_stages(self, stage: Step) -> None:
        chain = build_chain(stages=[stage], redaction=default_redaction())
        assert chain.plan.redaction is None
        assert [one.name for one in chain.plan.stages] == ["redaction", stage.name]
        done = inline(chain, Record(body=secrets.JWT))
        assert done is not None
        assert done.body == "***"

    def test_static_attributes_are_normalised_once(self) -> None:
        assert build_chain(static_attributes={"zone": {1}}).plan.static_attributes == {"zone": [1]}

    def test_redaction_that_is_no_default_one_is_used_as_it_is(self) -> None:
        redaction = Redaction(lambda _: KEEP)
        assert build_chain(redaction=redaction, without=["regex_mask"]).plan.redaction is redaction

    def test_an_error_inside_the_encoder_is_counted_and_reported(self) -> None:
        reports: list[str] = []

        def broken(text: str) -> str:
            raise RuntimeError(text)

        chain = build_chain(
            redaction=Redaction(lambda _: KEEP, broken), report=lambda name, error: reports.append(name)
        )
        payload = record_payload(Record(body="a", trace_id=7, span_id=8), chain.plan)
        assert payload == record_payload(Record(body="[redaction failed]", trace_id=7, span_id=8), EncodePlan())
        assert (chain.errors, reports) == ({"redaction": 1}, ["redaction"])


class TestWithout:
    def test_default_stages_go_by_name(self) -> None:
        chain = build_chain(without=["context_vars", "limits"], redaction=default_redaction())
        assert not chain.plan.context_vars
        assert chain.plan.limits == UNLIMITED
        assert chain.plan.redaction is not None

    def test_one_redactor_goes_and_the_others_stay(self) -> None:
        chain = build_chain(without=["regex_mask"], redaction=default_redaction())
        record = Record(body=secrets.JWT, attributes={"password": "x", "url": "a://b:c@d"})
        expected = Record(body=secrets.JWT, attributes={"password": "***", "url": "a://b:***@d"})
        assert record_payload(record, chain.plan) == record_payload(expected, EncodePlan())

    def test_redaction_goes_when_every_redactor_is_named(self) -> None:
        names = ["url_credentials", "field_mask", "regex_mask"]
        assert build_chain(without=names, redaction=default_redaction()).plan.redaction is None
        assert build_chain(without=names, redaction=Redaction(lambda _: KEEP)).plan.redaction is None

    @pytest.mark.parametrize("without", [["redaction"], ["limits", "regex_masks"], "limit"])
    def test_refuses_unknown_names_and_lists_the_known(self, without: list[str] | str) -> None:
        with pytest.raises(ConfigError, match="without") as caught:
            build_chain(without=without)
        assert all(name in str(caught.value) for name in DEFAULT_STAGES)

    def test_one_name_in_place_of_a_list_will_do(self) -> None:
        assert not build_chain(without="context_vars").plan.context_vars


class TestCut:
    async def test_everything_from_the_first_deferred_stage_on_is_deferred(self) -> None:
        stages = [Step("f", "filter"), Step("d", "enrich", inline=False), Step("e", "enrich"), Step("p")]
        chain = build_chain(stages=stages, redaction=default_redaction())
        assert [stage.name for stage in chain.plan.stages] == ["f"]
        assert [stage.name for stage in chain.deferred] == ["d", "e", "redaction", "p"]
        assert chain.plan.redaction is None
        done = await whole(chain, Record(body="password=x"))
        assert done is not None
        assert (done.body, done.attributes["order"]) == ("password=***", "f d e p ")

    def test_a_deferred_process_stage_leaves_redaction_inline(self) -> None:
        redaction = default_redaction()
        chain = build_chain(stages=[Step("d", inline=False)], redaction=redaction)
        assert chain.plan.redaction is redaction
        assert [stage.name for stage in chain.deferred] == ["d"]

    @pytest.mark.parametrize("stage", [Step("d", "filter", inline=False), Step("d", "redact", inline=False)])
    def test_nothing_is_cut_before_a_deferred_redaction(self, stage: Step) -> None:
        limits = Limits(record_bytes=4096, value_length=20, attributes=7, depth=3, nodes=9)
        chain = build_chain(stages=[stage], redaction=default_redaction(), limits=limits)
        plan = chain.plan.limits
        assert (plan.value_length, plan.record_bytes > 1 << 30) == (None, True)
        assert (plan.attributes, plan.depth, plan.nodes) == (7, 3, 9)
        assert chain.deferred_plan.limits == limits

    @pytest.mark.parametrize("phase", ["filter", "enrich"])
    async def test_a_secret_at_a_cut_is_told_by_a_deferred_redaction(self, phase: Phase) -> None:
        limits = Limits(record_bytes=4096, value_length=20)
        chain = build_chain(stages=[Step("d", phase, inline=False)], redaction=default_redaction(), limits=limits)
        url = "postgres://u:hunter2zz@host/db"
        given = Record(body="x" * 1_900 + f" {url} " + "y" * 9_000, attributes={"a": url, "b": {"c": [url]}})
        held = decode_record(record_payload(given, chain.plan), Scope())
        (done,) = await chain.run_deferred([held])
        assert done is not None
        payload = record_payload(done, chain.deferred_plan)
        assert b"hunter2" not in payload
        assert len(payload) <= 4096
        assert decode_record(payload, Scope()).attributes["a"] == "postgres://u:***@hos"

    def test_deferred_process_stages_keep_the_limits_where_redaction_is_inline(self) -> None:
        limits = Limits(value_length=20)
        chain = build_chain(stages=[Step("d", inline=False)], redaction=default_redaction(), limits=limits)
        assert chain.plan.limits == limits

    def test_the_default_redaction_is_known_wherever_it_runs(self) -> None:
        redaction = default_redaction()
        for stages in ([], [Step("p")], [Step("d", "filter", inline=False)]):
            assert build_chain(stages=stages, redaction=redaction).redaction is redaction
        assert (
            build_chain(redaction=redaction, without=["url_credentials", "field_mask", "regex_mask"]).redaction is None
        )

    def test_deferred_records_are_encoded_again_under_the_limits_alone(self) -> None:
        limits = Limits(attributes=3)
        plan = build_chain(limits=limits, stages=[Step("d", inline=False)], static_attributes={"a": 1}).deferred_plan
        assert plan == EncodePlan(limits=limits, context_vars=False)

    async def test_deferred_stages_may_be_async(self) -> None:
        async def slow(record: Record) -> Record | None:
            await asyncio.sleep(0)
            return None if record.body == "drop" else record.replace(body=f"{record.body}!")

        chain = build_chain(stages=[Step("slow", inline=False, act=slow), Step("after", inline=False)])
        bodies = ["a", "drop", "b"]
        done = await chain.run_deferred([Record(body=body) for body in bodies])
        assert [record and record.body for record in done] == ["a!", None, "b!"]
        assert chain.filtered == {"slow": 1}

    async def test_a_long_run_lets_the_loop_have_its_turn(self) -> None:
        chain = build_chain(stages=[Step("d", inline=False)])
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(tick())
        await chain.run_deferred([Record()] * 2000)
        task.cancel()
        assert ticks >= 5


class TestContainment:
    @pytest.mark.parametrize("is_inline", [True, False])
    @pytest.mark.parametrize("phase", ["filter", "enrich", "process"])
    async def test_a_failing_stage_keeps_the_record(self, phase: Phase, is_inline: bool) -> None:
        chain = build_chain(stages=[Failing("bad", phase, inline=is_inline), Step("next", inline=is_inline)])
        record = Record(body="kept", attributes={"a": 1})
        assert await whole(chain, record) == record.with_attributes({"order": "next "})
        assert chain.errors == {"bad": 1}

    @pytest.mark.parametrize("is_inline", [True, False])
    async def test_a_failing_redactor_keeps_ids_time_and_severity_only(self, is_inline: bool) -> None:
        record = Record(
            timestamp=1, observed_timestamp=2, severity_number=17, severity_text="ERROR", trace_id=3, span_id=4,
            trace_flags=1, scope=Scope("s"), body="password hunter2", attributes={"a": "hunter2"},
        )  # fmt: skip
        chain = build_chain(stages=[Failing("bad", "redact", inline=is_inline)])
        assert await whole(chain, record) == record.replace(body="[redaction failed]", attributes={})

    @pytest.mark.parametrize("is_inline", [True, False])
    @pytest.mark.parametrize("returned", [True, "text", {"body": 1}, [Record()]])
    async def test_a_stage_that_returns_no_record_has_failed(self, returned: object, is_inline: bool) -> None:
        chain = build_chain(stages=[Step("odd", inline=is_inline, act=lambda _: returned)])
        record = Record(body="kept")
        assert await whole(chain, record) is record
        assert chain.errors == {"odd": 1}

    @pytest.mark.filterwarnings("error")
    def test_an_inline_stage_that_is_async_has_failed_without_a_warning(self) -> None:
        async def act(record: Record) -> Record:
            return record

        chain = build_chain(stages=[Step("odd", act=act)])
        record = Record(body="kept")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert inline(chain, record) is record
            gc.collect()
        assert caught == []
        assert chain.errors == {"odd": 1}

    async def test_an_awaited_failure_is_contained_too(self) -> None:
        async def fail(record: Record) -> Record:
            raise ValueError("later")

        chain = build_chain(stages=[Step("bad", "redact", inline=False, act=fail)])
        done = await whole(chain, Record(body="secret"))
        assert done == Record(body="[redaction failed]")

    def test_errors_are_counted_by_stage_and_the_first_is_reported(self) -> None:
        reports: list[tuple[str, str]] = []
        stages = [Failing("a", "filter"), Failing("b", "enrich")]
        chain = build_chain(stages=stages, report=lambda name, error: reports.append((name, str(error))))
        for _ in range(3):
            inline(chain, Record())
        assert chain.errors == {"a": 3, "b": 3}
        assert reports == [("a", "a failed"), ("b", "b failed")]

    def test_a_report_that_fails_is_counted_and_loses_nothing(self) -> None:
        def report(name: str, error: Exception) -> None:
            raise OSError("stderr is closed")

        chain = build_chain(stages=[Failing("a")], report=report)
        assert inline(chain, Record(body="kept")) == Record(body="kept")
        assert chain.errors == {"a": 1, "report": 1}

    @pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_what_is_no_exception_passes_through_an_inline_stage(self, kind: type[BaseException]) -> None:
        """It may be a real exit, out of a signal handler in the application's own thread."""

        def leave(record: Record) -> None:
            raise kind

        with pytest.raises(kind):
            inline(build_chain(stages=[Step("exit", act=leave)]), Record())

    @pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
    async def test_and_is_contained_in_a_deferred_one(self, kind: type[BaseException]) -> None:
        """On our thread it would end the delivery of everything."""

        def leave(record: Record) -> None:
            raise kind

        chain = build_chain(stages=[Step("exit", inline=False, act=leave)])
        assert await chain.run_deferred([Record(body="kept")]) == [Record(body="kept")]
        assert chain.errors == {"exit": 1}


class TestFiltersEnabled:
    def test_every_filter_that_can_tell_must_admit(self) -> None:
        stages = [LevelFilter("INFO", {"shop": "ERROR"}), SamplingFilter(0.0), Step("f", "filter")]
        chain = build_chain(stages=stages)
        trace = TraceContext(1, 1, 1)
        assert [
            chain.filters_enabled(DEBUG),
            chain.filters_enabled(INFO, trace=trace),
            chain.filters_enabled(ERROR, "shop.cart"),
            chain.filters_enabled(ERROR - 1, "shop.cart"),
        ] == [False, False, True, False]

    def test_without_filters_all_is_enabled(self) -> None:
        assert build_chain().filters_enabled(DEBUG)

    def test_deferred_filters_are_not_asked(self) -> None:
        chain = build_chain(stages=[Step("d", "filter", inline=False), LevelFilter("FATAL")])
        assert chain.filters_enabled(DEBUG)

    def test_a_filter_that_fails_admits(self) -> None:
        class Broken(Step):
            def admits(self, severity_number: int, scope: str, trace: TraceContext) -> bool:
                raise RuntimeError

        chain = build_chain(stages=[Broken("b", "filter")])
        assert chain.filters_enabled(DEBUG)
        assert chain.errors == {"b": 1}


class TestContract:
    @pytest.mark.parametrize(
        "stage",
        [
            object(),
            Step,
            Step(""),
            Step("x", "sink"),  # type: ignore[arg-type]
            Step("x", inline=None),  # type: ignore[arg-type]
        ],
    )
    def test_refuses_what_is_no_stage(self, stage: object) -> None:
        with pytest.raises(ConfigError, match="stages"):
            build_chain(stages=[stage])  # type: ignore[list-item]
