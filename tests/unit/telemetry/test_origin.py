from __future__ import annotations

import asyncio
import contextvars
import gc
import threading

import pytest

from fapilog_otel.telemetry.origin import EXPORTING, OUR_THREADS, exporting, is_internal, our_thread


def in_thread(work: object) -> None:
    thread = threading.Thread(target=work)  # type: ignore[arg-type]
    thread.start()
    thread.join()


class TestIsInternal:
    def test_is_not_by_default(self) -> None:
        assert not is_internal()

    def test_is_inside_of_exporting(self) -> None:
        with exporting():
            assert is_internal()
            with exporting():
                assert is_internal()
            assert is_internal()
        assert not is_internal()

    def test_is_on_our_threads(self) -> None:
        seen: list[bool] = []

        def work() -> None:
            seen.append(is_internal())
            with our_thread():
                seen.append(is_internal())
            seen.append(is_internal())

        in_thread(work)
        assert seen == [False, True, False]
        assert not is_internal()

    @pytest.mark.parametrize("block", [exporting, our_thread])
    def test_ends_with_its_block_even_after_an_error(self, block: object) -> None:
        with pytest.raises(ValueError, match="x"), block():  # type: ignore[operator]
            raise ValueError("x")
        assert not is_internal()
        assert threading.get_ident() not in OUR_THREADS

    def test_is_not_on_another_thread_while_one_exports(self) -> None:
        seen: list[bool] = []
        with exporting():
            in_thread(lambda: seen.append(is_internal()))
        assert seen == [False]

    def test_follows_into_copied_contexts(self) -> None:
        with exporting():
            copied = contextvars.copy_context()
        assert copied.run(is_internal)
        assert not is_internal()

    async def test_is_each_tasks_own(self) -> None:
        async def work(inside: bool) -> bool:
            if not inside:
                await asyncio.sleep(0)
                return is_internal()
            with exporting():
                await asyncio.sleep(0)
                return is_internal()

        assert await asyncio.gather(work(True), work(False), work(True)) == [True, False, True]

    def test_a_task_on_our_thread_may_leave_the_context(self) -> None:
        """An application's own context, run on our thread, is still ours: the thread says so."""
        seen: list[bool] = []
        outside = contextvars.copy_context()

        def work() -> None:
            with our_thread():
                seen.append(outside.run(EXPORTING.get))
                seen.append(outside.run(is_internal))

        in_thread(work)
        assert seen == [False, True]

    def test_an_ident_given_to_a_new_thread_is_not_ours(self) -> None:
        seen: list[bool] = []

        def ours() -> None:
            with our_thread():
                pass

        for _ in range(20):
            in_thread(ours)
            in_thread(lambda: seen.append(is_internal()))
        assert seen == [False] * 20


class Finalised:
    """Garbage that only a collection finds."""

    def __init__(self, seen: list[bool]) -> None:
        self.me = self
        self.seen = seen

    def __del__(self) -> None:
        self.seen.append(is_internal())


class TestGarbage:
    """Whatever thread happens to collect it, what an application's finaliser logs is the application's."""

    @pytest.mark.parametrize("block", [exporting, our_thread])
    def test_of_the_application_is_not_internal_wherever_it_is_collected(self, block: object) -> None:
        seen: list[bool] = []
        inside: list[bool] = []

        def work() -> None:
            with block():  # type: ignore[operator]
                Finalised(seen)
                gc.collect()
                inside.append(is_internal())

        gc.collect()
        in_thread(work)
        assert (seen, inside) == ([False], [True])

    def test_collected_elsewhere_changes_nothing(self) -> None:
        with our_thread():
            in_thread(gc.collect)
            assert is_internal()
        gc.collect()
        assert not is_internal()
