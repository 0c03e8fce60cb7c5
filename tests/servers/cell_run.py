"""One cell of the matrix: start the server, send requests, stop it, and judge what the Collector has."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.cells import APPS
from tests.servers.load import Request, requests, send, send_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fapilog_otel.receiver import ReceivedLog
    from tests.receivers import Collector
    from tests.servers.cells import Server, Way

ROOT = Path(__file__).parents[2]
_START = 120.0
_STOP = 20.0
_ARRIVAL = 10.0
_PATH = re.compile(r"/(?:orders|stock)/(\d+)|'?shop\.order\[.*succeeded in .*: (\d+)")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a cell.

    Args:
        faults: Sentences; none: all is well.
        seconds: What it took.
    """

    faults: tuple[str, ...]
    seconds: float


def run_cell(server: Server, way: Way, collector: Collector, count: int) -> Verdict:
    """Run one cell.

    Args:
        server: The server.
        way: How the bridge is set up in it.
        collector: Where the logs go.
        count: Requests.
    """
    began = time.monotonic()
    made = requests(count)
    name = f"shop-{uuid.uuid4()}"
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        environ = _environ(server, way, collector, name, port, folder)
        output = Path(folder) / "output"
        process = _start(server, way, port, environ, output)
        try:
            if server.name == "celery":
                send_tasks(made, environ)
                _await_output(process, output, count)
            else:
                _await_port(process, port, output)
                send(port, made)
            faults = _stop(process, output)
        finally:
            _kill(process)
        records = _arrived(collector, name, 2 * count)
        if server.name == "celery":
            note_spans(made, records)
        faults += list(judge(made, records, server.access, traced=way.traced))
        if faults:
            faults.append("\n".join(_unusual(output.read_text())))
    return Verdict(tuple(faults), time.monotonic() - began)


def note_spans(made: list[Request], records: list[ReceivedLog]) -> None:
    """Note the span that each task ran in, which nobody answers with: the task has written it down itself."""
    written = {
        record.attributes["number"]: record.attributes["span"] for record in records if "span" in record.attributes
    }
    for request in made:
        request.span_id = str(written.get(request.number, ""))


def judge(made: list[Request], records: list[ReceivedLog], access: str, *, traced: bool) -> Iterator[str]:
    """Say what is wrong with the records of some requests.

    Args:
        made: The requests.
        records: All records of the service.
        access: Logger of the access records.
        traced: Whether requests have spans, which the records must name; else they name the caller's.
    """
    by_number = {request.number: request for request in made}
    written = {"shop": Counter[int](), access: Counter[int]()}
    strays = Counter[str]()
    for record in records:
        scope = record.scope.name
        if scope == "shop":
            number = int(str(record.attributes["number"]))
        elif scope == access and (found := _PATH.search(str(record.body))):
            number = int(found.group(1) or found.group(2))
        else:
            continue
        written[scope][number] += 1
        request = by_number[number]
        expected = (request.span_id if traced else request.parent_id) or None
        if record.trace_id != request.trace_id:
            strays[f"{scope}: in another trace or none"] += 1
        elif expected is None:
            strays[f"{scope}: its request had no span"] += 1
        elif record.span_id != expected:
            strays[f"{scope}: in another span"] += 1
    for name, numbers in written.items():
        missing = len(by_number.keys() - numbers.keys())
        repeated = sum(count - 1 for count in numbers.values())
        if missing or repeated:
            yield f"{name}: {missing} missing, {repeated} too many of {len(made)}"
    for text, count in strays.items():
        yield f"{text}: {count}"


def _unusual(output: str) -> list[str]:
    """The last lines of a server's output that are not about a request."""
    return [line for line in output.splitlines() if not _PATH.search(line)][-30:]


def _environ(server: Server, way: Way, collector: Collector, name: str, port: int, folder: str) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FAPILOG_OTEL_"))}
    if "FAPILOG_OTEL_NATIVE" in os.environ:
        inherited["FAPILOG_OTEL_NATIVE"] = os.environ["FAPILOG_OTEL_NATIVE"]
    for part in ("queue", "control"):
        (Path(folder) / part).mkdir()
    return {
        **inherited,
        "PYTHONPATH": os.pathsep.join(map(str, (APPS, ROOT, ROOT / "exporters"))),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))),
        "PYTHONUNBUFFERED": "1",
        "OTEL_SERVICE_NAME": name,
        "FAPILOG_OTEL_ENDPOINT": collector.http_endpoint,
        "SHOP_PORT": str(port),
        "SHOP_BROKER": folder,
        **way.environ,
        **server.environ,
    }


def _start(server: Server, way: Way, port: int, environ: dict[str, str], output: Path) -> subprocess.Popen[bytes]:
    command = [*way.before, *(part.replace("{port}", str(port)) for part in server.command)]
    with output.open("wb") as file:
        return subprocess.Popen(
            command, cwd=APPS, env=environ, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )


def _await_port(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + _START
    while True:
        assert process.poll() is None, f"the server ended with {process.returncode}\n{output.read_text()}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.05)
        else:
            return


def _await_output(process: subprocess.Popen[bytes], output: Path, count: int) -> None:
    deadline = time.monotonic() + _START + count * 0.1
    while output.read_text().count("succeeded in") < count:
        assert process.poll() is None, f"the worker ended with {process.returncode}\n{output.read_text()}"
        assert time.monotonic() < deadline, output.read_text()[-3000:]
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes], output: Path) -> list[str]:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP)
    except subprocess.TimeoutExpired:
        return [f"it was still there {_STOP:g} s after SIGTERM"]
    return []


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def _arrived(collector: Collector, name: str, count: int) -> list[ReceivedLog]:
    """The records of a service: all that came by the time that as many are there and no more come."""
    deadline = time.monotonic() + _ARRIVAL
    records: list[ReceivedLog] = []
    while time.monotonic() < deadline:
        before, records = len(records), collector.records(name)
        if len(records) >= count and len(records) == before:
            break
        time.sleep(0.2)
    return records
