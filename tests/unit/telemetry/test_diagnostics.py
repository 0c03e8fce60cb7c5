from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from fapilog_otel.telemetry import diagnostics as diagnostics_module
from fapilog_otel.telemetry.diagnostics import Diagnostics, clean_server_text, get_diagnostics
from fapilog_otel.telemetry.origin import is_internal


class Told:
    """Diagnostics whose clock is set by hand and whose lines can be read."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.stream = io.StringIO()
        self.diagnostics = Diagnostics(lambda: self.stream, lambda: self.now)
        self.report = self.diagnostics.report

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def told() -> Told:
    return Told()


class TestLines:
    def test_a_report_is_one_line_with_level_event_and_fields(self, told: Told) -> None:
        told.report("shop.unreachable", "cannot reach shop", cause="connection refused", attempts=3, fatal=False)
        assert told.lines == [
            'fapilog_otel warning cannot reach shop cause="connection refused" attempts=3 fatal=false'
        ]

    def test_the_level_can_be_chosen(self, told: Told) -> None:
        for level in ("debug", "info", "warning", "error", "critical"):
            told.report(level, "it happened", level=level)
        assert told.lines == [
            f"fapilog_otel {level} it happened" for level in ("debug", "info", "warning", "error", "critical")
        ]

    def test_nothing_in_a_report_can_begin_a_line_or_control_the_terminal(self, told: Told) -> None:
        told.report("k", "one\nfapilog_otel error two", text="\x1b[31mred\r\nthree\u2028four\u202efive")
        assert len(told.stream.getvalue().split("\n")) == 2
        assert "\x1b" not in told.lines[0]
        assert "\u202e" not in told.lines[0]

    def test_objects_are_told_by_type_alone_since_their_text_may_hold_secrets(self, told: Told) -> None:
        class Secret:
            def __str__(self) -> str:
                raise AssertionError("asked for its text")

            __repr__ = __str__

        told.report("k", "it happened", value=Secret(), listed=["canary"], nothing=None)
        assert told.lines == ["fapilog_otel warning it happened value=Secret listed=list nothing="]

    def test_long_text_is_cut(self, told: Told) -> None:
        told.report("k", "it happened", text="x" * 10_000)
        assert len(told.lines[0]) < 600


class TestCollected:
    def test_reports_are_listed_and_not_written_until_the_block_ends(self, told: Told) -> None:
        with told.diagnostics.collected() as said:
            told.report("shop.exposed", "credentials are\nsent", endpoint="http://h")
            told.report("shop.other", "no facts")
        assert said == ["credentials are sent (endpoint=http://h)", "no facts"]
        assert told.lines == []
        told.report("shop.other", "written")
        assert len(told.lines) == 1


class TestRateLimit:
    def test_the_first_of_a_kind_is_told_at_once_and_the_rest_of_its_minute_counted(self, told: Told) -> None:
        for _ in range(100):
            told.report("dropped", "a record was dropped")
        told.now += 59.9
        told.report("dropped", "a record was dropped")
        assert told.lines == ["fapilog_otel warning a record was dropped"]

    def test_the_next_report_after_the_minute_tells_the_count(self, told: Told) -> None:
        for number in range(5):
            told.report("dropped", "a record was dropped", number=number)
        told.now += 60
        told.report("dropped", "a record was dropped", number=5)
        assert told.lines[1:] == ["fapilog_otel warning a record was dropped number=5 repeated=5"]
        told.report("dropped", "a record was dropped", number=6)
        assert len(told.lines) == 2

    def test_a_total_is_told_as_it_stands_when_the_minute_is_over(self, told: Told) -> None:
        for number in range(1, 6):
            told.diagnostics.report_total("lost", f"{number} records were lost", reason="queue_full")
        told.now += 61
        told.diagnostics.write()
        assert told.lines == [
            "fapilog_otel warning 1 records were lost reason=queue_full",
            "fapilog_otel warning 5 records were lost reason=queue_full",
        ]

    def test_kinds_do_not_limit_each_other(self, told: Told) -> None:
        told.report("a", "first")
        told.report("b", "second")
        assert told.lines == ["fapilog_otel warning first", "fapilog_otel warning second"]

    def test_a_line_of_another_kind_brings_out_a_count_whose_minute_is_over(self, told: Told) -> None:
        told.report("a", "first")
        told.report("a", "first")
        told.now += 61
        told.report("b", "second")
        assert sorted(told.lines[1:]) == ["fapilog_otel warning first repeated=1", "fapilog_otel warning second"]

    def test_flush_tells_what_is_pending_once(self, told: Told) -> None:
        for _ in range(4):
            told.report("a", "first")
        told.diagnostics.flush()
        told.diagnostics.flush()
        assert told.lines == ["fapilog_otel warning first", "fapilog_otel warning first repeated=3"]

    def test_write_leaves_counts_alone_whose_minute_is_not_over(self, told: Told) -> None:
        for _ in range(2):
            told.report("a", "first")
        told.diagnostics.write()
        assert len(told.lines) == 1
        told.now += 60
        told.diagnostics.write()
        assert len(told.lines) == 2

    def test_an_hour_of_reports_is_a_line_a_minute(self, told: Told) -> None:
        for _ in range(3600):
            told.report("a", "first")
            told.now += 1
        told.diagnostics.flush()
        assert len(told.lines) == 61
        assert sum(int(line.rpartition("repeated=")[2]) for line in told.lines[1:]) == 3599

    def test_kinds_without_number_share_one_line_a_minute(self, told: Told) -> None:
        for number in range(10_000):
            told.report(f"kind {number}", "it happened")
        assert len(told.lines) == 257
        assert len(told.diagnostics._kinds) == 257


class TestNote:
    def test_writes_nothing_until_someone_else_does(self, told: Told) -> None:
        told.diagnostics.note("dropped", "a record was dropped")
        assert told.lines == []
        told.diagnostics.write()
        assert told.lines == ["fapilog_otel warning a record was dropped"]

    def test_a_report_of_another_kind_takes_it_along(self, told: Told) -> None:
        told.diagnostics.note("dropped", "a record was dropped")
        told.report("other", "something else")
        assert len(told.lines) == 2


class TestNeverRaises:
    class Broken(io.StringIO):
        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

        def write(self, text: str) -> int:
            raise self.error

    @pytest.mark.parametrize(
        "error", [BrokenPipeError(), ValueError("closed file"), OSError(5, "EIO"), RuntimeError("reentrant call")]
    )
    def test_a_broken_stderr_costs_the_line_and_nothing_else(self, error: Exception) -> None:
        diagnostics = Diagnostics(lambda: self.Broken(error))
        diagnostics.report("a", "first")
        diagnostics.report("b", "second")
        assert diagnostics.unwritten == 2

    def test_without_a_stderr_nothing_is_written(self) -> None:
        diagnostics = Diagnostics(lambda: None)
        diagnostics.report("a", "first")
        diagnostics.flush()
        assert diagnostics.unwritten == 0

    @pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
    def test_text_that_stderr_cannot_encode_is_escaped(self, encoding: str) -> None:
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
        diagnostics = Diagnostics(lambda: stream)
        diagnostics.report("a", "lone \ud800 and 鱼")
        assert diagnostics.unwritten == 0
        assert raw.getvalue().startswith(b"fapilog_otel warning lone \\ud800 and ")

    def test_an_unknown_level_costs_the_line_alone(self, told: Told) -> None:
        told.report("a", "first", level="shouting")
        assert told.diagnostics.unwritten == 1


class TestIndependence:
    def test_the_users_structlog_configuration_is_neither_used_nor_changed(self, told: Told) -> None:
        seen: list[object] = []

        def spy(_: object, __: str, event: dict[str, object]) -> dict[str, object]:
            seen.append(event)
            raise structlog.DropEvent

        structlog.configure(processors=[spy], cache_logger_on_first_use=True)
        try:
            told.report("a", "first")
            assert told.lines == ["fapilog_otel warning first"]
            assert seen == []
            assert structlog.get_config()["processors"] == [spy]
        finally:
            structlog.reset_defaults()

    def test_a_stderr_that_leads_back_into_logging_is_seen_as_internal(self) -> None:
        seen: list[bool] = []

        class IntoLogging(io.StringIO):
            def write(self, text: str) -> int:
                seen.append(is_internal())
                return len(text)

        stream = IntoLogging()
        Diagnostics(lambda: stream).report("a", "first")
        assert seen == [True]
        assert not is_internal()

    def test_a_stderr_that_reports_in_its_turn_ends(self) -> None:
        class Echo(io.StringIO):
            def write(self, text: str) -> int:
                diagnostics.report("echo", "written")
                return super().write(text)

        stream = Echo()
        diagnostics = Diagnostics(lambda: stream)
        diagnostics.report("a", "first")
        assert sorted(stream.getvalue().splitlines()) == ["fapilog_otel warning first", "fapilog_otel warning written"]

    def test_structlog_is_imported_when_there_is_something_to_say_and_not_before(self) -> None:
        program = (
            "import sys\n"
            "from fapilog_otel.telemetry.diagnostics import get_diagnostics\n"
            "print('structlog' in sys.modules)\n"
            "get_diagnostics().report('a', 'first')\n"
            "print('structlog' in sys.modules)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.split() == ["False", "True"]
        assert done.stderr == "fapilog_otel warning first\n"

    def test_the_process_shares_one_instance_that_follows_stderr(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert get_diagnostics() is get_diagnostics()
        get_diagnostics().report(f"test {os.getpid()} {id(capsys)}", "first")
        assert capsys.readouterr().err == "fapilog_otel warning first\n"


class TestForks:
    """A child forked in the middle of another thread's import would wait for that thread for ever."""

    def test_a_line_waits_until_the_fork_is_over(self, told: Told) -> None:
        told.diagnostics.before_fork()
        told.report("a", "during the fork")
        assert told.lines == []
        told.diagnostics.after_fork_in_parent()
        told.diagnostics.write()
        assert told.lines == ["fapilog_otel warning during the fork"]

    def test_two_engines_that_announce_the_same_fork_wait_once(self, told: Told) -> None:
        for _ in range(2):
            told.diagnostics.before_fork()
        told.diagnostics.after_fork_in_parent()
        told.report("a", "half over")
        assert told.lines == []
        told.diagnostics.after_fork_in_parent()
        told.report("b", "over")
        assert len(told.lines) == 2

    def test_the_child_writes_whatever_the_parent_was_at(self, told: Told) -> None:
        for _ in range(2):
            told.diagnostics.before_fork()
        for _ in range(2):
            told.diagnostics.after_fork_in_child()
        told.report("a", "in the child")
        assert told.lines == ["fapilog_otel warning in the child"]

    def test_a_fork_waits_for_an_import(self, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
        begun, go_on = threading.Event(), threading.Event()
        make = diagnostics_module._structlog_logger

        def slow(output: Any) -> Any:
            begun.set()
            assert go_on.wait(10)
            return make(output)

        monkeypatch.setattr(diagnostics_module, "_structlog_logger", slow)
        reporting = threading.Thread(target=told.report, args=("a", "first"))
        reporting.start()
        assert begun.wait(10)
        forking = threading.Thread(target=told.diagnostics.before_fork)
        forking.start()
        forking.join(0.05)
        assert forking.is_alive()
        go_on.set()
        forking.join(10)
        reporting.join(10)
        assert not forking.is_alive()
        told.diagnostics.after_fork_in_parent()
        assert told.lines == ["fapilog_otel warning first"]

    def test_an_import_that_fails_costs_the_lines_and_no_more(
        self, told: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(output: Any) -> Any:
            raise ImportError("no structlog")

        monkeypatch.setattr(diagnostics_module, "_structlog_logger", broken)
        told.report("a", "first")
        assert (told.lines, told.diagnostics.unwritten) == ([], 1)


class TestThreads:
    def test_many_threads_write_one_line_and_count_the_rest(self, told: Told) -> None:
        told.diagnostics._prepare()
        _run_together(8, lambda: [told.report("a", "first") for _ in range(2000)])
        told.diagnostics.flush()
        assert len(told.lines) == 2
        assert told.lines[1] == "fapilog_otel warning first repeated=15999"

    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no interval timers here")
    def test_a_signal_handler_that_reports_never_deadlocks(self, told: Told) -> None:
        interrupted = 0

        def handler(*_: object) -> None:
            nonlocal interrupted
            interrupted += 1
            told.report("a", "first")

        before = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        try:
            while interrupted < 50:
                told.report("a", "first")
                told.now += 61
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert told.lines


class TestCleanServerText:
    def test_plain_text_stays_as_it_is(self) -> None:
        assert clean_server_text("unknown tenant 'a/b' (é 鱼)") == "unknown tenant 'a/b' (é 鱼)"

    def test_control_characters_go_and_line_breaks_become_spaces(self) -> None:
        assert clean_server_text("a\x00b\x1b[2Jc\x7fd\x9be\u202ef\u200bg\ufeff") == "ab[2Jcdefg"
        assert clean_server_text("a\r\nb\tc\u2028d\x85e") == "a  b c d e"

    def test_long_text_is_cut_at_512_characters(self) -> None:
        assert clean_server_text("x" * 512) == "x" * 512
        cut = clean_server_text("x" * 513)
        assert len(cut) == 512
        assert cut.endswith("…")

    def test_secrets_are_masked_whole_and_word_by_word(self) -> None:
        text = clean_server_text("got 'Bearer canary-1234', then canary-1234", ["Bearer canary-1234"])
        assert text == "got '***', then ***"

    @pytest.mark.parametrize("hidden", ["can\x00ary-1234", "canary\u200b-1234", "c\x1banary-1234"])
    def test_a_secret_with_control_characters_strewn_in_is_masked(self, hidden: str) -> None:
        assert clean_server_text(f"got {hidden}", ["canary-1234"]) == "got ***"

    @pytest.mark.parametrize("before", range(495, 515))
    def test_a_secret_across_the_cut_does_not_show_in_part(self, before: int) -> None:
        assert "can" not in clean_server_text("x" * before + "canary-1234" + "y" * 600, ["canary-1234"])

    @pytest.mark.parametrize("shift", range(12))
    def test_an_echo_repeated_without_end_does_not_show_in_part(self, shift: int) -> None:
        secret = "canary-" + "1" * 5000
        assert "canary" not in clean_server_text("x" * shift + secret * 100, [secret])

    def test_a_longer_secret_is_masked_before_one_inside_it(self) -> None:
        assert clean_server_text("token canary-1234-longer", ["canary-1234", "canary-1234-longer"]) == "token ***"

    def test_tiny_words_of_a_secret_do_not_riddle_the_text(self) -> None:
        assert clean_server_text("a bad day", ["a b", ""]) == "a bad day"


def _run_together(number: int, work: Callable[[], object]) -> None:
    barrier = threading.Barrier(number)

    def run() -> None:
        barrier.wait(10)
        work()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
