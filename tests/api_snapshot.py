"""The public API as text: `python -m tests.api_snapshot --write` after a change that is meant.

The text must not depend on the Python version or on the encoder, so the command reads the plain Python encoder's
signatures and shows annotations as they stand in the source.
"""

from __future__ import annotations

import argparse
import inspect
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = Path(__file__).with_suffix(".txt")
MODULES = ("fapilog_otel", "fapilog_otel.errors", "fapilog_otel.testing")
_OURS = ("fapilog_otel.", "fapilog_otel_exporters.")
_HIDDEN = frozenset(("settings_customise_sources",))  # a hook that Pydantic calls
_SHOWN_SPECIALS = frozenset(("__call__", "__enter__", "__aenter__", "__len__"))


def render() -> str:
    """Gives the public API of every module, one name or member a line."""
    return "\n".join(line for module in MODULES for line in _module_lines(module)) + "\n"


def render_apart() -> str:
    """Gives the same out of a fresh process with the plain Python encoder, whatever this process has loaded."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.api_snapshot"],
        cwd=ROOT,
        env={**os.environ, "FAPILOG_OTEL_NATIVE": "0"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def _module_lines(name: str) -> Iterator[str]:
    module = import_module(name)
    yield f"{name}:"
    for public in module.__all__:
        value = getattr(module, public)
        if inspect.isclass(value):
            yield from (f"  {line}" for line in _class_lines(public, value))
        elif callable(value):
            yield f"  def {public}{_signature(value)}"
        else:
            yield f"  {public}: {type(value).__name__}"


def _class_lines(name: str, cls: type) -> Iterator[str]:
    bases = ", ".join(base.__name__ for base in cls.__bases__ if base is not object)
    yield f"class {name}({bases})" if bases else f"class {name}"
    yield from (f"  {line}" for line in _members(cls))


def _members(cls: type) -> list[str]:
    fields = getattr(cls, "model_fields", None)
    if fields is None:
        lines = [line for line in [_member(cls, "__init__").removeprefix("def ")] if line]
    else:
        lines = [f"{name} = {_default(field)}" for name, field in fields.items()]
    for name in sorted(set(dir(cls)) - set(fields or ()) - _HIDDEN):
        if not name.startswith("_") or name in _SHOWN_SPECIALS:
            lines += [line for line in [_member(cls, name)] if line]
    return lines


def _default(field: object) -> str:
    factory = getattr(field, "default_factory", None)
    if factory is not None:
        return f"{factory.__name__}()"
    return repr(getattr(field, "default", None))


def _member(cls: type, name: str) -> str:
    value = inspect.getattr_static(cls, name)
    if isinstance(value, property):
        return f"{name} (property)" if _is_ours(value.fget) else ""
    if inspect.ismemberdescriptor(value):
        return f"{name} (field)"
    kind = ""
    if isinstance(value, (classmethod, staticmethod)):
        kind = f"{type(value).__name__} "
        value = value.__func__
    if not isinstance(value, FunctionType) or not _is_ours(value):
        return ""
    word = "async def" if inspect.iscoroutinefunction(value) else "def"
    return f"{kind}{word} {name}{_signature(value)}"


def _is_ours(function: object) -> bool:
    return str(getattr(function, "__module__", "")).startswith(_OURS)


def _signature(function: object) -> str:
    signature = inspect.signature(function)  # type: ignore[arg-type]
    parameters = [_parameter(one) for one in signature.parameters.values()]
    _mark_kinds(parameters, list(signature.parameters.values()))
    given = signature.return_annotation
    returns = "" if given is inspect.Signature.empty else f" -> {given}"
    return f"({', '.join(parameters)}){returns}"


def _parameter(one: inspect.Parameter) -> str:
    star = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(one.kind, "")
    text = star + one.name
    if one.annotation is not inspect.Parameter.empty:
        text += f": {one.annotation}"
    if one.default is not inspect.Parameter.empty:
        text += f" = {_constant(one.default)}"
    return text


def _constant(value: object) -> str:
    simple = isinstance(value, (bool, int, float, str, bytes, tuple, type(None)))
    return repr(value) if simple or repr(value) == "<factory>" else f"<{type(value).__name__}>"


def _mark_kinds(texts: list[str], parameters: list[inspect.Parameter]) -> None:
    kinds = [one.kind for one in parameters]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        texts.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    positional = kinds.count(inspect.Parameter.POSITIONAL_ONLY)
    if positional:
        texts.insert(positional, "/")


def main() -> None:
    """Prints the API, or writes it where the test compares it."""
    parser = argparse.ArgumentParser(prog="python -m tests.api_snapshot", description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the committed snapshot")
    if parser.parse_args().write:
        SNAPSHOT.write_text(render_apart())
    else:
        sys.stdout.write(render())


if __name__ == "__main__":
    main()
