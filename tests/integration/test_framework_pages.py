"""The pages about frameworks: their code is the examples', and each of their commands does what they say."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from fapilog_otel.receiver import OtlpReceiver, ReceivedLog

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = ("fastapi", "flask", "django")
DEADLINE = 60.0


def blocks(page: str, kind: str) -> list[str]:
    text = (ROOT / "docs" / "frameworks" / f"{page}.md").read_text()
    return [code for found, code in BLOCK.findall(text) if found == kind]


def commands() -> list[tuple[str, str]]:
    return [(page, line) for page in PAGES for code in blocks(page, "sh") for line in code.splitlines()]


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as started:
        yield started


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environ(endpoint: str) -> dict[str, str]:
    plain = {
        name: value
        for name, value in os.environ.items()
        if name == "FAPILOG_OTEL_NATIVE" or not name.startswith(("OTEL_", "FAPILOG_OTEL_"))
    }
    return {
        **plain,
        "PATH": os.pathsep.join((str(BIN), os.environ.get("PATH", ""))),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "exporters", "."))),
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    }


def get(url: str, traceparent: str, process: subprocess.Popen[bytes]) -> None:
    """Make one request, as soon as the server is there."""
    deadline = time.monotonic() + DEADLINE
    port = int(url.split(":")[2].split("/")[0])
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert process.poll() is None, process.returncode
            assert time.monotonic() < deadline
            time.sleep(0.1)
    request = urllib.request.Request(url, headers={"traceparent": traceparent})
    assert urllib.request.urlopen(request, timeout=20).status == 200


def arrived(receiver: OtlpReceiver, path: str) -> tuple[list[ReceivedLog], list[ReceivedLog]]:
    """What the application logged, and the access records of a path; as soon as there is one of each."""
    deadline = time.monotonic() + DEADLINE
    while True:
        logs = list(receiver.logs)
        own = [log for log in logs if log.body == "order 7 looked up"]
        access = [log for log in logs if log.scope.name != "shop" and path in str(log.body)]
        if own and access:
            return own, access
        assert time.monotonic() < deadline, [log.body for log in logs]
        time.sleep(0.05)


class TestPages:
    @pytest.mark.parametrize("page", [*PAGES, "celery"])
    def test_show_the_examples(self, page: str) -> None:
        assert blocks(page, "python")[0] == (ROOT / "examples" / f"{page}_shop" / "shop.py").read_text()

    def test_hold_python_that_runs(self) -> None:
        for page in PAGES:
            for code in blocks(page, "python")[1:]:
                subprocess.run([sys.executable, "-c", code], check=True, timeout=DEADLINE)

    @pytest.mark.parametrize(("page", "command"), commands())
    def test_commands_deliver_the_log_and_the_access_log_in_the_callers_trace(
        self, page: str, command: str, receiver: OtlpReceiver, tmp_path: Path
    ) -> None:
        code = blocks(page, "python")[0]
        if command.startswith("fapilog-otel run"):
            code = "\n".join(line for line in code.splitlines() if "fapilog_otel" not in line)
            code = code.replace("log = logging.getLogger", "logging.root.setLevel('INFO')\nlog = logging.getLogger")
        (tmp_path / "shop.py").write_text(code)
        port = free_port()
        process = subprocess.Popen(
            shlex.split(command.replace("8000", str(port))),
            cwd=tmp_path,
            env=environ(receiver.http_endpoint),
            start_new_session=True,
        )
        trace = secrets.token_hex(16)
        try:
            get(f"http://127.0.0.1:{port}/orders/7", f"00-{trace}-{secrets.token_hex(8)}-01", process)
            own, access = arrived(receiver, "/orders/7")
            process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        own, access = arrived(receiver, "/orders/7")
        assert [log.trace_id for log in own] == [trace]
        assert [log.trace_id for log in access] == [trace]
        assert {log.resource["service.name"] for log in receiver.logs} == {"shop"}

    def test_a_celery_worker_delivers_what_a_task_logs(self, receiver: OtlpReceiver, tmp_path: Path) -> None:
        (tmp_path / "shop.py").write_text(blocks("celery", "python")[0])
        setup, command = (line.partition("#")[0] for line in blocks("celery", "sh")[0].splitlines())
        subprocess.run(shlex.split(setup), cwd=tmp_path, check=True)
        env = environ(receiver.http_endpoint)
        send = "import sys; from shop import pay; pay.apply_async((7,), headers={'traceparent': sys.argv[1]})"
        trace = secrets.token_hex(16)
        traceparent = f"00-{trace}-{secrets.token_hex(8)}-01"
        process = subprocess.Popen(shlex.split(command), cwd=tmp_path, env=env, start_new_session=True)
        try:
            quiet = {**env, "OTEL_LOGS_EXPORTER": "none"}
            subprocess.run(
                [sys.executable, "-c", send, traceparent], cwd=tmp_path, env=quiet, check=True, timeout=DEADLINE
            )
            deadline = time.monotonic() + DEADLINE
            while not (paid := [log for log in receiver.logs if log.body == "order 7 paid"]):
                assert process.poll() is None, process.returncode
                assert time.monotonic() < deadline, [log.body for log in receiver.logs]
                time.sleep(0.05)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert [(log.trace_id, log.attributes["celery.task_name"]) for log in paid] == [(trace, "shop.pay")]
        assert "celery.task_id" in paid[0].attributes
