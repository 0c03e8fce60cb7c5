from __future__ import annotations

from importlib.metadata import version

from fapilog_otel.model.version import __version__


class TestVersion:
    def test_is_that_of_the_distribution(self) -> None:
        assert __version__ == version("fapilog-otel")
