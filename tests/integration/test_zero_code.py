"""Whole processes started without a line of code: by ``fapilog-otel run`` and by ``opentelemetry-instrument``."""

from __future__ import annotations

import os
import signal
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
RUN = (str(BIN / "fapilog-otel"), "run", "--")
INSTRUMENT = (str(BIN / "opentelemetry-instrument"),)
OURS = {"OTEL_PYTHON_DISTRO": "fapilog_otel", "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
STOCK = {
    "OTEL_PYTHON_DISTRO": "distro",
    "OTEL_PYTHON_CONFIGURATOR": "configurator",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
}
LOG_HELLO = "import logging; logging.getLogger('shop').warning('hello')"

# A process starts in 20 s even where four run beside it.
DEADLINE = 60.0


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as started:
        yield started


def environ(receiver: OtlpReceiver, **more: str) -> dict[str, str]:
    plain = {
        name: value
        for name, value in os.environ.items()
        if name == "FAPILOG_OTEL_NATIVE" or not name.startswith(("OTEL_", "FAPILOG_OTEL_"))
    }
    return {
        **plain,
        "PATH": os.pathsep.join((str(BIN), os.environ.get("PATH", ""))),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "exporters"))),
        "PYTHONUNBUFFERED": "1",
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        **more,
    }


def finished(
    *command: str, env: dict[str, str], cwd: Path | None = None, code: int = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == code, done.stderr
    return done


def bodies(receiver: OtlpReceiver) -> list[str]:
    return sorted(str(log.body) for log in logs(receiver))


def logs(receiver: OtlpReceiver) -> list[ReceivedLog]:
    """All but OpenTelemetry's own: where two configurators are installed, it says that it took the other."""
    return [log for log in receiver.logs if not log.scope.name.startswith("opentelemetry")]


def wait_for_log(receiver: OtlpReceiver, body: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while body not in bodies(receiver):
        assert time.monotonic() < deadline, bodies(receiver)
        time.sleep(0.05)


class TestRun:
    def test_what_is_logged_and_what_is_not_arrives_and_the_exit_code_is_kept(self, receiver: OtlpReceiver) -> None:
        code = f"{LOG_HELLO}; import warnings; warnings.warn('old'); 1 / 0"
        done = finished(*RUN, sys.executable, "-c", code, env=environ(receiver), code=1)
        assert bodies(receiver) == ["hello", "old", "uncaught exception"]
        assert "ZeroDivisionError" in done.stderr
        assert {log.resource["service.name"] for log in receiver.logs} == {"shop"}

    def test_a_module_runs_in_this_python(self, receiver: OtlpReceiver, tmp_path: Path) -> None:
        (tmp_path / "shop.py").write_text(f"{LOG_HELLO}; raise SystemExit(7)")
        finished(*RUN, "-m", "shop", env=environ(receiver), cwd=tmp_path, code=7)
        assert bodies(receiver) == ["hello"]

    def test_no_process_is_left_between(self, receiver: OtlpReceiver) -> None:
        code = "import os; print(os.getppid())"
        assert finished(*RUN, sys.executable, "-c", code, env=environ(receiver)).stdout == f"{os.getpid()}\n"

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to be sent")
    def test_sigterm_ends_it_as_ever_and_nothing_is_lost(self, receiver: OtlpReceiver) -> None:
        code = f"{LOG_HELLO}; print('ready'); import time; time.sleep(100)"
        process = subprocess.Popen(
            [*RUN, sys.executable, "-c", code], env=environ(receiver), stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == -signal.SIGTERM
        assert bodies(receiver) == ["hello"]

    def test_spawned_and_forked_children_deliver_too(self, receiver: OtlpReceiver, tmp_path: Path) -> None:
        app = tmp_path / "app.py"
        app.write_text(
            "import logging, multiprocessing, os, subprocess, sys\n"
            "log = logging.getLogger('shop')\n"
            "def work(): log.warning('spawned')\n"
            "if __name__ == '__main__':\n"
            "    child = multiprocessing.get_context('spawn').Process(target=work)\n"
            "    child.start(); child.join()\n"
            "    subprocess.run([sys.executable, '-c', \"import logging; logging.getLogger('shop').warning('run')\"])\n"
            "    pid = os.fork()\n"
            "    if pid == 0:\n"
            "        log.warning('forked'); sys.exit()\n"
            "    os.waitpid(pid, 0)\n"
        )
        finished(*RUN, sys.executable, str(app), env=environ(receiver))
        assert bodies(receiver) == ["forked", "run", "spawned"]
        assert len({log.resource["process.pid"] for log in receiver.logs}) == 3

    def test_a_bad_configuration_is_one_line_and_the_application_runs(self, receiver: OtlpReceiver) -> None:
        env = environ(receiver, FAPILOG_OTEL_PROTOCOL="pigeon")
        done = finished(*RUN, sys.executable, "-c", "print('alive')", env=env)
        assert done.stdout == "alive\n"
        assert len(done.stderr.splitlines()) == 1
        assert "FAPILOG_OTEL_PROTOCOL" in done.stderr

    def test_the_sitecustomize_that_was_there_still_runs(self, receiver: OtlpReceiver, tmp_path: Path) -> None:
        (tmp_path / "sitecustomize.py").write_text("import sys; sys.theirs = 1")
        env = environ(receiver)
        env["PYTHONPATH"] = os.pathsep.join((str(tmp_path), env["PYTHONPATH"]))
        done = finished(*RUN, sys.executable, "-c", f"{LOG_HELLO}; import sys; print(sys.theirs)", env=env)
        assert done.stdout == "1\n"
        assert bodies(receiver) == ["hello"]

    def test_configure_in_the_code_replaces_it_with_one_warning(self, receiver: OtlpReceiver) -> None:
        code = f"{LOG_HELLO}; import fapilog_otel; fapilog_otel.configure(service_name='coded'); {LOG_HELLO}"
        done = finished(*RUN, sys.executable, "-c", code, env=environ(receiver))
        assert [log.resource["service.name"] for log in receiver.logs] == ["shop", "coded"]
        assert done.stderr.count("configure() replaces") == 1

    def test_uvicorn_with_reload(self, receiver: OtlpReceiver, tmp_path: Path, closed_port: int) -> None:
        (tmp_path / "shop.py").write_text(
            "import logging\n"
            "async def app(scope, receive, send):\n"
            "    if scope['type'] != 'http': raise RuntimeError\n"
            "    logging.getLogger('shop').warning('hello')\n"
            "    await send({'type': 'http.response.start', 'status': 204, 'headers': []})\n"
            "    await send({'type': 'http.response.body', 'body': b''})\n"
        )
        port = str(closed_port + 1)
        command = [*RUN, "uvicorn", "--reload", "--port", port, "shop:app"]
        process = subprocess.Popen(command, env=environ(receiver), cwd=tmp_path, start_new_session=True)
        try:
            deadline = time.monotonic() + DEADLINE
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    assert process.poll() is None
                    time.sleep(0.1)
            wait_for_log(receiver, "hello")
            process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        assert bodies(receiver).count("hello") == 1


class TestInstrument:
    SPAN = (
        "import logging; from opentelemetry import trace\n"
        "with trace.get_tracer('t').start_as_current_span('s'): logging.getLogger('shop').warning('hello')\n"
    )

    def test_logs_go_through_our_provider_once_and_in_their_span(self, receiver: OtlpReceiver) -> None:
        done = finished(*INSTRUMENT, sys.executable, "-c", self.SPAN, env=environ(receiver, **OURS))
        (log,) = logs(receiver)
        assert (log.body, len(log.trace_id), log.resource["service.name"]) == ("hello", 32, "shop")
        assert "telemetry.auto.version" in log.resource
        assert "process.runtime.name" in log.resource or log.resource["telemetry.sdk.name"] == "opentelemetry"
        assert "Overriding" not in done.stderr

    def test_the_configurator_alone_is_enough(self, receiver: OtlpReceiver) -> None:
        env = environ(
            receiver, **{**STOCK, "OTEL_PYTHON_CONFIGURATOR": "fapilog_otel"}, OTEL_LOGS_EXPORTER="fapilog_otlp"
        )
        finished(*INSTRUMENT, sys.executable, "-c", self.SPAN, env=env)
        assert bodies(receiver) == ["hello"]
        assert receiver.requests[0].headers["user-agent"].lower().startswith("fapilog")

    def test_the_standard_switch_leaves_logging_alone(self, receiver: OtlpReceiver) -> None:
        env = environ(receiver, **OURS, OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED="false")
        code = f"{LOG_HELLO}; import fapilog_otel; fapilog_otel.get_logger('own').info('own')"
        finished(*INSTRUMENT, sys.executable, "-c", code, env=env)
        assert bodies(receiver) == ["own"]

    def test_not_chosen_it_is_the_stock_configurator(self, receiver: OtlpReceiver) -> None:
        code = "from opentelemetry._logs import get_logger_provider as g; print(type(g()).__module__)"
        env = environ(receiver, OTEL_TRACES_EXPORTER="none", OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none")
        done = finished(*INSTRUMENT, sys.executable, "-c", code, env=env)
        assert done.stdout.startswith("opentelemetry.sdk")

    def test_our_exporter_under_the_stock_configurator(self, receiver: OtlpReceiver) -> None:
        env = environ(receiver, **STOCK, OTEL_LOGS_EXPORTER="fapilog_otlp")
        finished(*INSTRUMENT, sys.executable, "-c", self.SPAN, env=env)
        (log,) = logs(receiver)
        assert (log.body, len(log.trace_id)) == ("hello", 32)

    def test_our_exporter_in_a_configuration_file(self, receiver: OtlpReceiver, tmp_path: Path) -> None:
        file = tmp_path / "otel.yaml"
        file.write_text(
            'file_format: "1.0"\n'
            "logger_provider:\n"
            "  processors:\n"
            "    - batch:\n"
            "        exporter:\n"
            "          fapilog_otlp:\n"
            f"            endpoint: {receiver.http_endpoint}/v1/logs\n"
        )
        env = environ(receiver, **{**STOCK, "OTEL_PYTHON_CONFIGURATOR": "fapilog_otel"}, OTEL_CONFIG_FILE=str(file))
        done = finished(*INSTRUMENT, sys.executable, "-c", self.SPAN, env=env)
        assert bodies(receiver) == ["hello"], done.stderr

    def test_a_bad_configuration_is_told_and_the_application_runs(self, receiver: OtlpReceiver) -> None:
        env = environ(receiver, **OURS, FAPILOG_OTEL_PROTOCOL="pigeon")
        done = finished(*INSTRUMENT, sys.executable, "-c", "print('alive')", env=env)
        assert done.stdout == "alive\n"
        assert done.stderr.count("not started") == 1
