"""``fapilog-otel run``: what the options become, and what is executed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fapilog_otel.cli.run import SITE, command_line, environment


class TestEnvironment:
    def test_options_become_variables_that_win(self) -> None:
        made = environment(
            {"FAPILOG_OTEL_ENDPOINT": "http://a", "KEPT": "1"},
            {"endpoint": "http://b", "protocol": None, "limits__depth": "4"},
        )
        assert made["FAPILOG_OTEL_ENDPOINT"] == "http://b"
        assert made["FAPILOG_OTEL_LIMITS__DEPTH"] == "4"
        assert made["KEPT"] == "1"
        assert "FAPILOG_OTEL_PROTOCOL" not in made

    def test_the_service_has_one_name_for_every_signal(self) -> None:
        made = environment({"OTEL_SERVICE_NAME": "old"}, {"service_name": "shop"})
        assert (made["OTEL_SERVICE_NAME"], made["FAPILOG_OTEL_SERVICE_NAME"]) == ("shop", "shop")

    def test_our_folder_is_the_first_and_there_once(self) -> None:
        before = os.pathsep.join(("a", SITE, "b"))
        assert environment({"PYTHONPATH": before}, {})["PYTHONPATH"] == os.pathsep.join((SITE, "a", "b"))
        assert environment({}, {})["PYTHONPATH"] == SITE

    def test_the_folder_holds_nothing_else(self) -> None:
        assert {path.name for path in Path(SITE).iterdir()} - {"__pycache__"} == {"sitecustomize.py"}

    @pytest.mark.parametrize(
        ("before", "uncaught", "after"), [(None, True, "true"), (None, False, "false"), ("no", True, "no")]
    )
    def test_uncaught_exceptions_are_captured_unless_the_environment_says_no(
        self, before: str | None, uncaught: bool, after: str
    ) -> None:
        inherited = {} if before is None else {"FAPILOG_OTEL_CAPTURE_UNCAUGHT": before}
        assert environment(inherited, {}, uncaught=uncaught)["FAPILOG_OTEL_CAPTURE_UNCAUGHT"] == after


class TestCommandLine:
    def test_a_command_is_left_as_it_is(self) -> None:
        assert command_line(["uvicorn", "shop:app"]) == ["uvicorn", "shop:app"]

    def test_a_module_gets_this_python(self) -> None:
        assert command_line(["-m", "shop", "-v"]) == [sys.executable, "-m", "shop", "-v"]

    def test_a_script_that_is_none_by_itself_too(self, tmp_path: Path) -> None:
        script = tmp_path / "app.py"
        script.write_text("")
        assert command_line([str(script)]) == [sys.executable, str(script)]
        script.chmod(0o755)
        assert command_line([str(script)]) == [str(script)]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fapilog_otel.cli", "run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class TestProcess:
    def test_a_missing_command_is_exit_code_127(self) -> None:
        done = run("--", "no-such-command")
        assert (done.returncode, done.stderr) == (127, "fapilog-otel: there is no command 'no-such-command'\n")

    def test_a_bad_assignment_is_exit_code_2(self) -> None:
        done = run("--set", "level", "--", "true")
        assert done.returncode == 2
        assert "--set takes name=value" in done.stderr

    def test_options_of_the_command_are_the_commands(self) -> None:
        done = run("--service-name", "shop", "--", "sh", "-c", 'echo "$OTEL_SERVICE_NAME" "$1"', "x", "--endpoint")
        assert done.stdout == "shop --endpoint\n"
