"""A secret of its own in every place that can hold one, and everything that comes out of the process searched for them.

::

    application ─► stdout (repr, str, dumps, pickles) · stderr (diagnostics, tracebacks) · request bodies · spool
    fapilog-otel config show · config check · doctor ─► stdout, stderr
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import secrets
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from tests.security.pki import Authority

ROOT = Path(__file__).resolve().parents[2]
SPOOLED = (False, True)
"""Whether the application spools: with True a spool directory is searched as well."""

KINDS = (
    "header", "vendor", "resource", "resource text", "resource variable", "body", "key", "nested", "mapping body",
    "url", "bytes", "object", "colon", "bound", "inner key", "stdlib argument", "extra", "frame",
    "exception", "context", "bad header", "bad url", "bad key", "unknown", "endpoint password", "endpoint query",
)  # fmt: skip
SHOWING = (["config", "show"], ["config", "show", "--json"], ["config", "check"])
DOCTOR = (["doctor"],)
# The commands see what is in the environment alone.
COMMANDS: dict[tuple[str, str], tuple[list[str], ...]] = {
    ("environment", "taken"): SHOWING,
    ("environment", "echoed"): DOCTOR,
    ("userinfo", "taken"): SHOWING,
    ("userinfo", "echoed"): DOCTOR,
}
CASES = (*COMMANDS, ("argument", "taken"), ("callable", "echoed"), ("file", "taken"))


@pytest.fixture
def canaries() -> dict[str, str]:
    """A secret for each place, with a digit, so that it is no word."""
    return {kind: f"canary7{secrets.token_hex(10)}" for kind in KINDS}


def forms(secret: str) -> Iterator[bytes]:
    """How a secret may look in an output: as it is, in hexadecimal, in base64 as part of Basic."""
    yield secret.encode()
    yield secret.encode().hex().encode()
    for before in (b"", b":", b"u:", b"user:"):
        yield base64.b64encode(before + secret.encode()).rstrip(b"=")[4:-4]


def hits(canaries: Mapping[str, str], outputs: Mapping[str, bytes]) -> list[str]:
    """Give what was found where."""
    return [
        f"{kind} in {name}: …{output[max(output.find(form) - 120, 0) : output.find(form) + 60]!r}"
        for name, output in outputs.items()
        for kind, secret in canaries.items()
        for form in {*forms(secret), urllib.parse.quote(secret).encode()}
        if form in output
    ]


def folder_contents(folder: Path) -> dict[str, bytes]:
    """Give every file below a folder, for the search of a spool."""
    return {str(path): path.name.encode() + path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(arguments: list[str], environ: Mapping[str, str]) -> dict[str, bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "FAPILOG_OTEL_"))}
    if "FAPILOG_OTEL_NATIVE" in os.environ:
        kept["FAPILOG_OTEL_NATIVE"] = os.environ["FAPILOG_OTEL_NATIVE"]
    path = os.pathsep.join(map(str, (ROOT, ROOT / "exporters")))
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**kept, "PYTHONPATH": path, **environ},
        cwd=ROOT / "tests",
        capture_output=True,
        timeout=60,
        check=False,
    )
    name = " ".join(arguments[1:])
    return {f"{name} stdout": done.stdout, f"{name} stderr": done.stderr}


def environ_of(place: str, receiver: OtlpReceiver, canaries: Mapping[str, str], folder: Path) -> dict[str, str]:
    endpoint = receiver.http_endpoint
    if place == "userinfo":
        endpoint = endpoint.replace("://", f"://user:{canaries['endpoint password']}@")
    file = folder / "headers"
    file.write_text(f"authorization: Bearer {canaries['header']}\nx-vendor={canaries['vendor']}\n")
    environ = {
        "TEST_CANARIES": json.dumps(canaries),
        "TEST_PLACE": place,
        "TEST_HEADERS_FILE": str(file),
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{endpoint}/v1/logs?key={canaries['endpoint query']}",
        "OTEL_RESOURCE_ATTRIBUTES": f"api_key={canaries['resource variable']},note=x",
        "FAPILOG_OTEL_SHUTDOWN_TIMEOUT": "3",
    }
    if place == "environment":
        environ["OTEL_EXPORTER_OTLP_HEADERS"] = (
            f"authorization=Bearer%20{canaries['header']},x-vendor={canaries['vendor']}"
        )
    if place == "file":
        environ["FAPILOG_OTEL_HEADERS_FILE"] = str(file)
    return environ


@pytest.mark.parametrize("spooled", SPOOLED)
@pytest.mark.parametrize(("place", "answer"), CASES)
def test_no_secret_comes_out_of_the_process(
    canaries: dict[str, str], tmp_path: Path, place: str, answer: str, spooled: bool
) -> None:
    sent = ("endpoint password",) if place == "userinfo" else ("header", "vendor")
    said = "no: " + ", ".join(f"Bearer {canaries[kind]}" for kind in sent)
    script = Script(then=Reply(status=401, accept=False, body=said.encode())) if answer == "echoed" else None
    spool = tmp_path / "spool"
    with OtlpReceiver(keep_bodies=True, script=script) as receiver:
        environ = environ_of(place, receiver, canaries, tmp_path)
        if spooled:
            environ["TEST_SPOOL"] = str(spool)
        outputs = run(["-m", "tests.security.canary_app"], environ)
        for command in COMMANDS.get((place, answer), ()):
            outputs |= run(["-m", "fapilog_otel.cli", *command], environ)
        bodies = [request.body for request in receiver.requests if request.body]
        heads = [request.headers for request in receiver.requests]
    assert b"done" in outputs["tests.security.canary_app stdout"], outputs
    for number, body in enumerate(bodies):
        outputs[f"body {number}"] = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    if spooled:
        outputs |= folder_contents(spool)
    found = hits(canaries, outputs)
    assert not found, "\n".join(found)
    # The search can find something: the credentials are where they belong, and there are records to search.
    wanted = canaries["endpoint password" if place == "userinfo" else "header"]
    assert any(form in str(head).encode() for head in heads for form in forms(wanted))
    if answer == "taken":
        assert sum(b"***" in body for body in bodies) >= 1


def test_no_private_key_comes_out(canaries: dict[str, str], tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    chain, key = authority.issue("client")
    lines = [line for line in key.read_text().splitlines() if "-----" not in line]
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://127.0.0.1:1",
        "FAPILOG_OTEL_CLIENT_KEY": key.read_text(),
        "FAPILOG_OTEL_CLIENT_CERTIFICATE": chain.read_text(),
    }
    outputs: dict[str, bytes] = {}
    for command in (*SHOWING, *DOCTOR):
        outputs |= run(["-m", "fapilog_otel.cli", *command], environ)
    assert any(outputs.values())
    found = [name for name, output in outputs.items() if any(line.encode() in output for line in lines)]
    assert found == []
