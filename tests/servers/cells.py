"""The matrix: servers, and the ways to set the bridge up in them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

APPS: Final = Path(__file__).parent / "apps"
BIN: Final = Path(sys.executable).parent

_INSTRUMENT: Final = {
    "OTEL_PYTHON_DISTRO": "fapilog_otel",
    "OTEL_PYTHON_CONFIGURATOR": "fapilog_otel",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
}
_DJANGO: Final = {"DJANGO_SETTINGS_MODULE": "django_settings"}  # its instrumentation asks for them before all else
_CODE: Final = {"SHOP_CONFIGURE": "1", "SHOP_TRACES": "1"}


@dataclass(frozen=True, slots=True)
class Server:
    """A server and how it is started.

    Args:
        name: What it is called.
        command: Command line; ``{port}`` stands for the port.
        access: Name of the logger of its access records.
        environ: Environment on top of the way's.
    """

    name: str
    command: tuple[str, ...]
    access: str
    environ: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to set the bridge up.

    Args:
        name: What it is called.
        before: Command line before the server's.
        environ: Environment of the server.
        traced: Whether the application's requests have spans of their own.
    """

    name: str
    before: tuple[str, ...]
    environ: dict[str, str]
    traced: bool


def _gunicorn(name: str, *options: str, app: str = "wsgi_shop:app", access: str = "gunicorn.access") -> Server:
    command = (str(BIN / "gunicorn"), "-b", "127.0.0.1:{port}", "--access-logfile", "-", "-w", "2", *options, app)
    return Server(name, command, access)


def _uvicorn(name: str, *options: str, app: str = "asgi_shop:app") -> Server:
    return Server(name, (str(BIN / "uvicorn"), "--port", "{port}", *options, app), "uvicorn.access")


SERVERS: Final = (
    _uvicorn("uvicorn"),
    _uvicorn("uvicorn-4-workers", "--workers", "4", "--timeout-worker-healthcheck", "60"),
    Server(
        "granian",
        (
            str(BIN / "granian"),
            "--interface",
            "asgi",
            "--port",
            "{port}",
            "--access-log",
            "--workers",
            "2",
            "asgi_shop:app",
        ),
        "granian.access",
    ),
    _gunicorn("gunicorn-sync"),
    _gunicorn("gunicorn-sync-preload", "--preload"),
    _gunicorn("gunicorn-gthread", "-k", "gthread", "--threads", "4"),
    _gunicorn("gunicorn-gthread-preload", "-k", "gthread", "--threads", "4", "--preload"),
    _gunicorn("gunicorn-uvicorn", "-k", "uvicorn.workers.UvicornWorker", app="asgi_shop:app", access="uvicorn.access"),
    _gunicorn(
        "gunicorn-uvicorn-preload",
        "-k",
        "uvicorn.workers.UvicornWorker",
        "--preload",
        app="asgi_shop:app",
        access="uvicorn.access",
    ),
    Server("werkzeug", (sys.executable, "wsgi_shop.py"), "werkzeug"),
    Server(
        "django",
        (sys.executable, "django_shop.py", "runserver", "--noreload", "127.0.0.1:{port}"),
        "django.server",
        _DJANGO,
    ),
    Server(
        "django-asgi",
        (str(BIN / "uvicorn"), "--port", "{port}", "django_shop:application"),
        "uvicorn.access",
        {**_DJANGO, "SHOP_ASGI": "1"},
    ),
    Server(
        "celery",
        (
            str(BIN / "celery"),
            "-A",
            "celery_shop",
            "worker",
            "-c",
            "2",
            "-l",
            "INFO",
            "--without-mingle",
            "--without-gossip",
        ),
        "celery.app.trace",
    ),
)

WAYS: Final = (
    Way("configure", (), _CODE, traced=True),
    Way("run", (str(BIN / "fapilog-otel"), "run", "--"), {}, traced=False),
    Way("instrument", (str(BIN / "opentelemetry-instrument"),), _INSTRUMENT, traced=True),
)


def server(name: str) -> Server:
    """The server of a name."""
    return next(one for one in SERVERS if one.name == name)


def way(name: str) -> Way:
    """The way of a name."""
    return next(one for one in WAYS if one.name == name)
