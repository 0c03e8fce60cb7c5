"""The pytest plugin as pytest loads it, in a run of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

LIGHT = """
import sys
import pytest

before = set(sys.modules)
import fapilog_otel.testing.plugin

print(sorted(set(sys.modules) - before))
"""


class TestImport:
    def test_it_brings_nothing_but_itself(self) -> None:
        done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.strip() == "['fapilog_otel', 'fapilog_otel.testing', 'fapilog_otel.testing.plugin']"


class TestFixture:
    def test_each_test_has_its_own(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            import logging

            def log_something():
                logging.getLogger("shop").warning("something")

            def test_first(fapilog_capture):
                log_something()
                assert fapilog_capture.messages == ["something"]

            def test_second(fapilog_capture):
                log_something()
                assert fapilog_capture.messages == ["something"]

            def test_without():
                from fapilog_otel.bootstrap import current_handle

                assert current_handle() is None
            """
        )
        pytester.runpytest_subprocess("-q", "--strict-markers").assert_outcomes(passed=3)

    def test_the_marker_is_registered_and_the_nearest_one_wins(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            import fapilog_otel as fo
            import pytest

            pytestmark = pytest.mark.fapilog_capture(level="ERROR", service_name="shop")

            @pytest.mark.fapilog_capture(level="DEBUG")
            def test_nearest(fapilog_capture):
                fo.get_logger("shop").debug("detail")
                (record,) = fapilog_capture.records
                assert record.scope.resource.attributes["service.name"] == "shop"

            def test_module(fapilog_capture):
                fo.get_logger("shop").info("detail")
                assert fapilog_capture.records == []
            """
        )
        pytester.runpytest_subprocess("-q", "--strict-markers").assert_outcomes(passed=2)
        pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["*fapilog_capture(?*arguments)*configure*"])

    def test_caplog_and_our_capture_live_side_by_side(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            import logging

            def test_both(caplog, fapilog_capture):
                logging.getLogger("shop").warning("something")
                assert caplog.messages == fapilog_capture.messages == ["something"]

            def test_capsys(capsys, fapilog_capture):
                import fapilog_otel as fo

                fo.get_logger("shop").error("something")
                assert fapilog_capture.messages == ["something"]
                assert capsys.readouterr() == ("", "")
            """
        )
        pytester.runpytest_subprocess("-q").assert_outcomes(passed=2)

    def test_a_test_without_it_never_loads_the_bridge(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            import sys

            def test_nothing():
                assert not [name for name in sys.modules if name.startswith("fapilog_otel.") and "testing" not in name]
            """
        )
        pytester.runpytest_subprocess("-q", "-p", "no:randomly").assert_outcomes(passed=1)

    def test_a_failing_test_shows_what_there_was(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            import fapilog_otel as fo

            def test_wrong(fapilog_capture):
                fo.get_logger("shop").info("what there was")
                assert fapilog_capture.messages == ["what there is not"]
            """
        )
        result = pytester.runpytest_subprocess("-q")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*what there was*"])


class TestPublicNames:
    def test_every_name_can_be_had(self) -> None:
        import fapilog_otel.testing as testing

        assert testing.Reply() == testing.SUCCESS
        for name in set(testing.__all__) - {"SUCCESS"}:
            value = getattr(testing, name)
            assert getattr(value, "__name__", name) == name  # an alias of types has no name of its own
        assert set(testing.__all__) <= set(dir(testing))

    def test_others_cannot(self) -> None:
        import fapilog_otel.testing as testing

        with pytest.raises(AttributeError, match="no_such_name"):
            testing.no_such_name  # noqa: B018
