"""Run by Python before the application, in every process that inherits this folder on PYTHONPATH.

It starts the bridge and then hands over to the ``sitecustomize`` that this one hides. Nothing here may keep the
application from starting.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from os.path import abspath, dirname

_HERE = dirname(abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would be loaded into every process


def _run_hidden() -> None:
    """Run the sitecustomize that would have been found without us."""
    rest = [folder for folder in sys.path if abspath(folder or ".") != _HERE]  # noqa: PTH100
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is None or spec.loader is None:
        return
    hidden = module_from_spec(spec)
    sys.modules["sitecustomize"] = hidden
    spec.loader.exec_module(hidden)


def _start() -> None:
    try:
        from fapilog_otel.auto.start import is_helper, start
    except Exception as error:  # noqa: BLE001 - another environment's Python, or a broken installation
        text = " ".join(f"{type(error).__name__}: {error}".split())
        sys.stderr.write(f"fapilog_otel: not started, the application runs without: {text}\n")
        return
    if not is_helper(sys.orig_argv):
        start()


try:
    _run_hidden()
finally:
    _start()
