"""The Python in the README and the guides is run as it stands, and its logs arrive."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fapilog_otel.receiver import OtlpReceiver

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMPLAINT = re.compile(r"Traceback|Warning|Exception ignored|^fapilog_otel ", re.MULTILINE)
DOCUMENTS = (
    "README.md",
    "docs/configuration.md",
    "docs/index.md",
    "docs/observability.md",
    "docs/migration.md",
    "docs/quickstart.md",
    "docs/reference/testing.md",
    "docs/sources/fapilog.md",
    "docs/sources/loguru.md",
    "docs/sources/stdlib.md",
    "docs/sources/structlog.md",
)


def examples() -> dict[str, str]:
    """Every Python block of the documents, by document and number."""
    return {
        f"{document}#{number}": code
        for document in DOCUMENTS
        for number, code in enumerate(BLOCK.findall((ROOT / document).read_text()), 1)
    }


def destination(code: str) -> str:
    """Where an example's logs go: to the receiver that it is given, to its own, to the screen, nowhere."""
    if "info(" not in code:
        return "nowhere"
    if "OtlpReceiver()" in code or "capture_logs()" in code:
        return "its own"
    return "screen" if '"console"' in code else "given"


class TestExamples:
    def test_are_found_in_every_document(self) -> None:
        assert {name.partition("#")[0] for name in examples()} == set(DOCUMENTS)

    @pytest.mark.parametrize("name", examples())
    def test_run_as_they_stand_and_their_logs_arrive(self, name: str) -> None:
        code = examples()[name]
        with OtlpReceiver() as receiver:
            endpoint = receiver.http_endpoint
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", code.replace("http://localhost:4318", endpoint)],
                env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            arrived = len(receiver.logs)
        assert done.returncode == 0, done.stderr
        assert COMPLAINT.search(done.stderr) is None, done.stderr
        assert (arrived > 0) is (destination(code) == "given")
        assert ("shown here" in done.stderr) is (destination(code) == "screen")
