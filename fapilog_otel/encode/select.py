"""Chooses the encoder once a process: native where it was built, Python otherwise or when ``FAPILOG_OTEL_NATIVE=0``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fapilog_otel.encode import emit as _emit
from fapilog_otel.encode import log_methods as _log_methods
from fapilog_otel.model import chunk as _chunk

__all__ = ["NATIVE", "NATIVE_MISSING", "Chunk", "EmitCore", "LoggerBase", "Port", "own_logger"]

NATIVE = False
NATIVE_MISSING = ""

if TYPE_CHECKING:
    from fapilog_otel.encode.emit import EmitCore
    from fapilog_otel.encode.log_methods import LoggerBase, Port
    from fapilog_otel.model.chunk import Chunk
else:
    EmitCore, LoggerBase, Port, Chunk = _emit.EmitCore, _log_methods.LoggerBase, _log_methods.Port, _chunk.Chunk
    if os.environ.get("FAPILOG_OTEL_NATIVE", "1") != "0":
        try:
            from fapilog_otel.encode._native import Chunk, EmitCore, LoggerBase, Port
        except ImportError as error:
            absent = isinstance(error, ModuleNotFoundError)
            NATIVE_MISSING = f"it was not built when the package was installed: {error}" if absent else str(error)
        else:
            NATIVE = True


def own_logger(logger: object) -> object:
    """Give a logger that is of our own making, and None for others, whose functions are called as the API says."""
    kind = type(logger)
    ours = issubclass(kind, LoggerBase) and kind.write is LoggerBase.write and kind.emit is LoggerBase.emit
    return logger if ours else None
