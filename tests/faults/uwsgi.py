"""Runs uWSGI with the web application, once for each set of options and protocol, and prints what was delivered.

    pip install uwsgi && python -m tests.faults.uwsgi

uWSGI is built from source, for a minute or two: a run by hand, recorded in docs/reliability-figures/process.md.
"""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from fapilog_otel.receiver import OtlpReceiver
from tests.integration.child import ROOT
from tests.integration.families import numbered, said_by_each

APP = "tests.integration.apps.served:wsgi"
REQUESTS = 20
IDLE = 3.0  # seconds in which workers without requests may deliver
OPTIONS: tuple[tuple[str, ...], ...] = ((), ("--py-call-uwsgi-fork-hooks",), ("--lazy-apps",))


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def ask(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10.0)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().startswith(b"pid ")
    except OSError:
        return False
    finally:
        connection.close()


def start(receiver: OtlpReceiver, protocol: str, port: int, options: tuple[str, ...]) -> subprocess.Popen[str]:
    usual = ("--master", "--processes", "2", "--die-on-term", "--need-app", "--home", sys.prefix)
    program = Path(sys.executable).parent / "uwsgi"
    return subprocess.Popen(
        [program, "--http-socket", f"127.0.0.1:{port}", *usual, "--module", APP, *options],
        env={
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'exporters'}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(protocol: str, options: tuple[str, ...]) -> str:
    """Give one row: of the records written, those delivered while idle and in the end, and what was said."""
    port = free_port()
    with OtlpReceiver(grpc_port=0) as receiver:
        process = start(receiver, protocol, port, options)
        answered, deadline = 0, time.monotonic() + 40.0
        while answered < REQUESTS and time.monotonic() < deadline:
            answered += ask(port)
        time.sleep(IDLE)
        idle = len(receiver.logs)
        stopping = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=40.0)
        seconds = time.monotonic() - stopping
        logs = receiver.logs
    said = said_by_each(out.splitlines())
    once = sum(times == 1 for found in numbered(logs).values() for times in found.values())
    lines = [line for line in out.splitlines() if line.startswith("fapilog_otel")]
    name = " ".join(options) or "(none)"
    found = (name, protocol, sum(said.values()), idle, once, len(logs) - once, process.returncode, f"{seconds:.1f}")
    row = f"| {' | '.join(map(str, found))} |"
    return "\n".join([row, *(f"    {line[:200]}" for line in lines)])


def main() -> None:
    print("| options | protocol | written | delivered while idle | in the end | twice | code | s to end |")
    for options in OPTIONS:
        for more in ((), ("--enable-threads",)):
            for protocol in ("http/protobuf", "grpc"):
                print(run(protocol, (*options, *more)), flush=True)


if __name__ == "__main__":
    main()
