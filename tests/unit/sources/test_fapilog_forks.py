"""Loggers of fapilog's in worker processes: what a child logs through the one that it inherits arrives too."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fapilog_otel.receiver import OtlpReceiver

WAYS = (
    "sink = FapilogOtelSink(endpoint=ENDPOINT, schedule_delay=60)",
    "sink = Quiet(); fo.configure(endpoint=ENDPOINT, schedule_delay=60); fo.install('fapilog')",
)
APPLICATION = """
    import multiprocessing, os
    import fapilog
    import fapilog_otel as fo
    from fapilog_otel.sources.fapilog import FapilogOtelSink

    ENDPOINT = os.environ["ENDPOINT"]

    class Quiet:
        name = "quiet"
        async def write(self, entry): pass

    {way}
    log = fapilog.get_logger("shop", sinks=[sink])

    def work(number):
        log.info(f"worker {{number}}")

    if __name__ == "__main__":
        log.info("before")
        for number in range(2):
            process = multiprocessing.get_context("{method}").Process(target=work, args=(number,))
            process.start()
            process.join()
        log.info("after")
"""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_process_delivers_through_the_logger_it_inherits(tmp_path: Path, way: str, method: str) -> None:
    script = tmp_path / "app.py"
    script.write_text(textwrap.dedent(APPLICATION.format(way=way, method=method)))
    with OtlpReceiver() as receiver:
        environ = {**os.environ, "ENDPOINT": receiver.http_endpoint}
        ended = subprocess.run([sys.executable, str(script)], env=environ, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
        assert sorted(str(log.body) for log in receiver.logs) == ["after", "before", "worker 0", "worker 1"]
