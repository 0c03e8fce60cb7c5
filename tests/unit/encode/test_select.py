from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SHOW = """
import json
from fapilog_otel.encode import select
names = {name: getattr(select, name).__module__ for name in ("Chunk", "EmitCore", "LoggerBase", "Port")}
print(json.dumps([select.NATIVE, select.NATIVE_MISSING, sorted(set(names.values()))]))
"""
BROKEN = "import sys; sys.modules['fapilog_otel.encode._native'] = None\n"


def chosen(choice: str | None, before: str = "") -> tuple[bool, str, list[str]]:
    """Give what a fresh process chooses: native or not, why not, and where the classes come from."""
    environment = {name: value for name, value in os.environ.items() if name != "FAPILOG_OTEL_NATIVE"}
    if choice is not None:
        environment["FAPILOG_OTEL_NATIVE"] = choice
    done = subprocess.run(
        [sys.executable, "-c", before + SHOW], capture_output=True, text=True, env=environment, timeout=60, check=True
    )
    native, missing, modules = json.loads(done.stdout)
    return native, missing, modules


class TestSelect:
    @pytest.mark.parametrize("choice", [None, "1", ""])
    def test_takes_the_native_encoder_where_it_was_built(self, choice: str | None) -> None:
        assert chosen(choice) == (True, "", ["fapilog_otel.encode._native"])

    def test_takes_the_python_one_when_told(self) -> None:
        assert chosen("0") == (
            False, "", ["fapilog_otel.encode.emit", "fapilog_otel.encode.log_methods", "fapilog_otel.model.chunk"],
        )  # fmt: skip

    def test_takes_the_python_one_and_says_why_where_nothing_was_built(self) -> None:
        native, missing, modules = chosen(None, BROKEN)
        assert not native
        assert "_native" in missing
        assert "fapilog_otel.encode.emit" in modules
