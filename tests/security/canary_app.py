"""An application with a secret in every place that can hold one; it writes down all that it can see of our objects."""

from __future__ import annotations

import json
import logging
import os
import pickle
import sys
import traceback
from collections.abc import Callable
from typing import Any

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError
from fapilog_otel_exporters.otlp_grpc._exporter import OtlpGrpcExporter
from fapilog_otel_exporters.otlp_http._exporter import OtlpHttpExporter

CANARY: dict[str, str] = json.loads(os.environ["TEST_CANARIES"])
PLACE = os.environ["TEST_PLACE"]


def shown(what: object) -> None:
    """Write everything that an object shows of itself to stdout."""
    for show in (repr, str, format):
        print(show(what))  # type: ignore[operator]
    for name in ("model_dump_json", "describe"):
        if callable(method := getattr(what, name, None)):
            print(method())


def options() -> dict[str, Any]:
    """The headers from the place under test, and the rest of the secrets that an argument can hold."""
    chosen: dict[str, Any] = {
        "argument": {"headers": {"authorization": f"Bearer {CANARY['header']}", "x-vendor": CANARY["vendor"]}},
        "callable": {"headers": lambda: {"authorization": f"Bearer {CANARY['header']}", "x-vendor": CANARY["vendor"]}},
        "environment": {},
        "file": {"headers_file": os.environ.get("TEST_HEADERS_FILE")},
        "userinfo": {},
    }[PLACE]
    resource = {"db.password": CANARY["resource"], "note": f"password={CANARY['resource text']}"}
    spool = os.environ.get("TEST_SPOOL")
    return {**chosen, "resource": resource, "plugins": [], **({"spool": spool} if spool else {})}


class Account:
    """What an application logs without looking."""

    def __repr__(self) -> str:
        return f"Account(name='bob', password='{CANARY['object']}')"


def log() -> None:
    own, std = fo.get_logger("shop"), logging.getLogger("shop.std")
    own.warning(f"connecting with password={CANARY['body']}", api_key=CANARY["key"], user={"token": CANARY["nested"]})
    own.warning(
        {"password": CANARY["mapping body"]}, url=f"https://u:{CANARY['url']}@h/", raw=f"pwd={CANARY['bytes']}".encode()
    )
    own.warning("login %s", Account(), account=Account(), items=[f"secret: {CANARY['colon']}"])
    own.bind(authorization=CANARY["bound"]).warning("bound", x={f"token={CANARY['inner key']}": 1})
    std.warning("password=%s", CANARY["stdlib argument"], extra={"session_id": CANARY["extra"], "o": Account()})
    try:
        password = CANARY["frame"]  # a local variable of the frame that raises
        raise ValueError(f"cannot log in with password={CANARY['exception']}")
    except ValueError:
        own.exception("failed")
        std.exception("failed", stack_info=True)
        assert password
    with fo.bound_context(cookie=CANARY["context"]):
        own.warning("in context")


def errors() -> None:
    """Configuration errors and delivery errors, with their tracebacks and pickles."""
    tries: list[Callable[[], object]] = [
        lambda: fo.Settings(headers=f"authorization={CANARY['bad header']}\n"),
        lambda: fo.Settings(headers={"authorization": f"{CANARY['bad header']}\r\nx: y"}),
        lambda: fo.Settings(endpoint=f"ftp://user:{CANARY['bad url']}@h/?k={CANARY['bad url']}"),
        lambda: fo.Settings(endpoint=f"https://user:{CANARY['bad url']}@h:port/"),
        lambda: fo.Settings(endpoint=f"https://user:{CANARY['bad url']}?x@h/"),
        lambda: fo.Settings(endpoint=f"https://user:{CANARY['bad url']}#x@h/"),
        lambda: fo.Settings(endpoint=f"https://user:a/{CANARY['bad url']}@h/"),
        lambda: fo.Settings(client_key=f"-----BEGIN PRIVATE KEY-----\n{CANARY['bad key']}"),
        lambda: fo.configure(
            endpoint="https://h",
            client_certificate=b"-----BEGIN CERTIFICATE-----\n",
            client_key=f"-----BEGIN PRIVATE KEY-----\n{CANARY['bad key']}".encode(),
        ),
        lambda: fo.Settings(headers=5, resource={"password": CANARY["resource"]}, nonsense=CANARY["unknown"]),
        lambda: fo.Settings(exporters={"x": {"type": "otlp_http", "headers": {"a": f"{CANARY['bad header']}\n"}}}),
        lambda: OtlpHttpExporter(f"http://u:{CANARY['bad url']}@"),
        lambda: OtlpGrpcExporter(f"http://u:{CANARY['bad url']}@:x"),
    ]
    for number, attempt in enumerate(tries):
        try:
            attempt()
        except ConfigError as error:
            shown(error)
            print(error.args, vars(error), pickle.dumps(error))
            traceback.print_exc()
            traceback.print_exc(file=sys.stdout)
        else:
            print("accepted", number)


def main() -> None:
    logging.getLogger().addHandler(logging.NullHandler())  # logging's own last resort writes to stderr as it likes
    handle = fo.configure(**options())
    provider = handle.provider
    for what in (
        handle,
        handle.settings,
        provider,
        provider.resource.__class__,
        handle.stats(),
        handle.settings.headers,
    ):
        shown(what)
    for item in handle.settings.destinations().values():
        shown(handle.settings.describe() if isinstance(item, dict) else item)
    assert provider.engine is not None
    for destination in provider.engine.spec.destinations:
        for what in (destination, destination.exporter, destination.exporter.traits, destination.settings):  # type: ignore[attr-defined]
            shown(what)
    shown(provider.engine.spec)
    log()
    handle.flush(3)
    errors()
    handle.shutdown(2)
    shown(handle.stats())
    print("done")


if __name__ == "__main__":
    main()
