from __future__ import annotations

import contextvars
import threading
import time

import pytest

from fapilog_otel.provider.foreign import ForeignCalls

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")


def soon() -> float:
    return time.monotonic() + 5


class TestForeignCalls:
    def test_all_are_made_and_true_only_if_none_says_false(self) -> None:
        assert ForeignCalls([]).wait(soon()) is True
        assert ForeignCalls([lambda: True, lambda: True]).wait(soon()) is True
        assert ForeignCalls([lambda: True, lambda: False]).wait(soon()) is False

    def test_one_that_hangs_holds_up_no_other_and_no_longer_than_the_deadline(self) -> None:
        release, made = threading.Event(), threading.Event()
        calls = ForeignCalls([lambda: release.wait(20), lambda: made.set() or True])
        started = time.monotonic()
        assert calls.wait(started + 0.2) is False
        assert time.monotonic() - started < 1.0
        assert made.is_set()
        release.set()

    def test_they_run_in_the_callers_context(self) -> None:
        seen: list[str] = []
        token = VARIABLE.set("caller")
        try:
            assert ForeignCalls([lambda: seen.append(VARIABLE.get()) or True]).wait(soon())
        finally:
            VARIABLE.reset(token)
        assert seen == ["caller"]

    def test_where_no_thread_can_be_had_the_waiter_makes_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(self: threading.Thread) -> None:
            raise RuntimeError("can't create new thread at interpreter shutdown")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        made: list[int] = []
        calls = ForeignCalls([lambda: made.append(threading.get_ident()) or True])
        assert made == []
        assert calls.wait(soon()) is True
        assert made == [threading.get_ident()]
