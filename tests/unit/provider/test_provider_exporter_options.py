from __future__ import annotations

from fapilog_otel.provider.exporter_options import read_options

CANARY = "hunter2zz"


class TestExporterOptions:
    def test_its_repr_shows_no_credential(self) -> None:
        given = {"endpoint": f"http://user:{CANARY}@host:4318", "headers": {"authorization": CANARY}}
        options = read_options(given, None, None, None)
        assert CANARY in str(options.destination["endpoint"])
        assert CANARY not in repr(options)
