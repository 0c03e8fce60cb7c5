"""Real distributions on the path: metadata and entry points as an installer writes them, code in a module beside."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Distribution = Callable[..., None]


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distribution:
    """Install a distribution: name, entry points by group and name, and the source of its one module."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = set(sys.modules)

    def install(
        name: str, module: str, source: str, points: Mapping[str, Mapping[str, str]], version: str = "1.2"
    ) -> None:
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        sections = (
            f"[{group}]\n" + "\n".join(f"{key} = {value}" for key, value in entries.items())
            for group, entries in points.items()
        )
        (info / "entry_points.txt").write_text("\n".join(sections) + "\n")
        (site / f"{module}.py").write_text(source)

    yield install
    for module in set(sys.modules) - before:
        origin = getattr(sys.modules[module], "__file__", None) or ""
        if origin.startswith(str(site)):
            del sys.modules[module]
