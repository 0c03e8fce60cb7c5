"""Which interpreter a library runs in: this one if it has the library, or else one made for it and kept.

A peer may pin other versions of the OpenTelemetry packages than ours, and so cannot always live beside us.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks.features import has_setting

if TYPE_CHECKING:
    from benchmarks.compare.variants import Library, Variant

_STEP_SECONDS: Final = 600.0
_EXPORTER: Final = "opentelemetry-exporter-otlp-proto-http"


class UnavailableError(RuntimeError):
    """A variant cannot be measured here; the text is the reason."""


class Needs(NamedTuple):
    """What a peer takes.

    Args:
        module: Tells by its presence whether the peer is installed.
        requirements: What to install where it is not.
    """

    module: str
    requirements: tuple[str, ...]


PEERS: Final[dict[Library, Needs]] = {
    "structlog": Needs(
        "opentelemetry.instrumentation.structlog", ("structlog", "opentelemetry-instrumentation-structlog", _EXPORTER)
    ),
    "loguru": Needs("loguru", ("loguru>=0.7", _EXPORTER)),
    "logfire": Needs("logfire", ("logfire", _EXPORTER)),
    "fapilog": Needs("fapilog", ("fapilog>=0.18,<0.19", "opentelemetry-sdk")),
}


def interpreter(variant: Variant) -> str:
    """Give the path of the interpreter that a variant's process runs in, making its environment if need be.

    Raises:
        UnavailableError: It cannot be measured here.
    """
    if variant.fast is not None and not has_setting("fast_stdlib") and variant.fast:
        raise UnavailableError("this version has no setting `fast_stdlib`")
    needs = PEERS.get(variant.library)
    if needs is None or _is_installed(needs.module):
        return sys.executable
    python, reason = _made(needs)
    if reason:
        raise UnavailableError(reason)
    return python


def environment(**more: str) -> dict[str, str]:
    """Give the environment variables of a measured process: without what would configure anybody."""
    unwanted = ("OTEL_", "FAPILOG_", "LOGFIRE_", "LOGURU_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, **more}


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False


@cache
def _made(needs: Needs) -> tuple[str, str]:
    """Give the interpreter of a kept environment, or why there is none; a failed attempt is not repeated."""
    digest = hashlib.sha256(f"{needs.requirements} {sys.version} {sys.prefix}".encode()).hexdigest()[:12]
    folder = _cache() / f"{needs.module.rpartition('.')[2]}-{digest}"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if complete.exists():
        return str(python), ""
    print(f"making an environment for {', '.join(needs.requirements)}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *needs.requirements],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_STEP_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return "", f"cannot be installed: {error}"
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            return "", f"cannot be installed: {''.join(last)}"
    complete.touch()
    return str(python), ""


def _cache() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "fapilog-otel" / "benchmarks"
