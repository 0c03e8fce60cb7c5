"""An installed distribution whose plugins nobody has named is never imported, whatever is asked of us."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EVIL = """
import os, sys
with open(os.environ["TEST_MARK"], "a") as mark:
    mark.write("imported\\n")
if os.environ.get("TEST_BROKEN"):
    raise RuntimeError("a plugin that does not load")

class Source:
    name = "evil"
    def install(self, provider):
        return self
    def uninstall(self):
        pass
    def to_record(self, native):
        return None

def stage(record):
    return record
stage.name, stage.phase, stage.inline = "evil", "process", True
"""
POINTS = """
[fapilog_otel.exporters]
evil = evil_plugin:Source
otlp_htttp = evil_plugin:Source
[fapilog_otel.stages]
evil = evil_plugin:stage
[fapilog_otel.sources]
evil = evil_plugin:Source
"""
ORDINARY = """
import logging
import fapilog_otel as fo
from fapilog_otel.receiver import OtlpReceiver
with OtlpReceiver() as receiver:
    with fo.configure(endpoint=receiver.http_endpoint) as handle:
        logging.getLogger("shop").warning("order")
        fo.get_logger("shop").warning("order")
        repr(handle.settings), handle.settings.describe()
    assert len(receiver.logs) == 2
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with an installed distribution, its metadata as an installer writes them."""
    folder = tmp_path / "site"
    info = folder / "evil_otel-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "evil_plugin.py").write_text(EVIL)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil-otel\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    return folder


def run(site: Path, *arguments: str, **environ: str) -> tuple[subprocess.CompletedProcess[str], bool]:
    """Run the interpreter with the distribution on its path; give how it ended, and whether the plugin was imported."""
    mark = site / "mark"
    mark.unlink(missing_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "FAPILOG_OTEL_"))}
    path = os.pathsep.join(map(str, (site, ROOT, ROOT / "exporters")))
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**kept, "PYTHONPATH": path, "TEST_MARK": str(mark), **environ},
        cwd=site,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done, mark.exists()


class TestNotNamed:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("-c", ORDINARY),
            ("-m", "fapilog_otel.cli", "plugins", "list"),
            ("-m", "fapilog_otel.cli", "config", "show"),
            ("-m", "fapilog_otel.cli", "config", "check"),
        ],
    )
    def test_it_is_not_imported_by_ordinary_use(self, site: Path, arguments: tuple[str, ...]) -> None:
        done, imported = run(site, *arguments)
        assert done.returncode == 0, done.stderr
        assert not imported

    @pytest.mark.parametrize(
        "options",
        [
            "sources=['evil']",
            "stages=['evil']",
            "exporters={'x': {'type': 'evil'}}",
            "plugins=['evil-otl'], sources=['evil']",
        ],
    )
    def test_asking_for_it_is_an_error_before_it_is_imported(self, site: Path, options: str) -> None:
        done, imported = run(site, "-c", f"import fapilog_otel as fo; fo.configure({options})")
        assert done.returncode == 1
        assert "PluginError" in done.stderr
        assert not imported

    def test_a_misspelt_name_does_not_lead_to_a_distribution_that_waits_for_it(self, site: Path) -> None:
        done, imported = run(site, "-c", "import fapilog_otel as fo; fo.configure()", OTEL_LOGS_EXPORTER="otlp_htttp")
        assert "PluginError" in done.stderr
        assert not imported


class TestNamed:
    @pytest.mark.parametrize("name", ["evil", "evil-otel"])
    def test_it_is_imported(self, site: Path, name: str) -> None:
        code = (
            f"import fapilog_otel as fo; fo.configure(plugins=[{name!r}], sources=['evil'], exporters={{}}).shutdown()"
        )
        done, imported = run(site, "-c", code)
        assert done.returncode == 0, done.stderr
        assert imported

    @pytest.mark.parametrize("option", ["sources=['evil']", "stages=['evil']", "exporters={'x': {'type': 'evil'}}"])
    def test_one_that_does_not_load_is_a_loud_error(self, site: Path, option: str) -> None:
        code = textwrap.dedent(
            f"""
            import fapilog_otel as fo
            from fapilog_otel.errors import ConfigError
            try:
                fo.configure(plugins=["evil"], {option})
            except ConfigError as error:
                print(type(error).__name__, error)
                raise SystemExit(3)
            """
        )
        done, imported = run(site, "-c", code, TEST_BROKEN="1")
        assert (done.returncode, imported) == (3, True), done.stderr
        assert "PluginError" in done.stdout
        assert "evil" in done.stdout
        assert "RuntimeError" in done.stdout
