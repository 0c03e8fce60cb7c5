"""Ranges of chunks become one ExportLogsServiceRequest, grouped by resource and scope, without copying records.

ExportLogsServiceRequest { ResourceLogs { resource, ScopeLogs { scope, <slice of a chunk> ... }, ... } ... }
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel.encode._wire import resource_fields, schema_url_field, scope_fields, varint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from fapilog_otel.model.chunk import ChunkLike
    from fapilog_otel.model.scope import Resource, Scope

    Slices: TypeAlias = "list[memoryview | bytes]"

# Many tiny slices cost more in the transport than one copy of them.
_COPY_BELOW = 4096


def assemble_request(segments: Iterable[tuple[ChunkLike, int, int]]) -> tuple[bytes | memoryview, ...]:
    """Give the request body as buffers in order; long runs of one scope are views of their chunk.

    Args:
        segments: (chunk, lo, hi) ranges of records, at least one record in all.
    """
    out: list[bytes | memoryview] = []
    for resource, scopes in _group(segments).items():
        resource_part = resource_fields(resource)
        tail = schema_url_field(resource.schema_url)
        scope_parts: list[bytes | memoryview] = []
        size = len(resource_part) + len(tail)
        for scope, slices in scopes.items():
            size += _scope_logs(scope, slices, scope_parts)
        out.append(b"\x0a" + varint(size) + resource_part)
        out.extend(scope_parts)
        if tail:
            out.append(tail)
    return tuple(_merge_small(out))


def _group(segments: Iterable[tuple[ChunkLike, int, int]]) -> dict[Resource, dict[Scope, Slices]]:
    groups: dict[Resource, dict[Scope, Slices]] = {}
    for chunk, lo, hi in segments:
        view = chunk.view()
        for scope, start, end in chunk.runs(lo, hi):
            groups.setdefault(scope.resource, {}).setdefault(scope, []).append(view[start:end])
    return groups


def _scope_logs(scope: Scope, slices: Slices, out: list[bytes | memoryview]) -> int:
    head = scope_fields(scope)
    tail = schema_url_field(scope.schema_url)
    size = len(head) + len(tail) + sum(map(len, slices))
    prefix = b"\x12" + varint(size)
    out.append(prefix + head)
    out.extend(slices)
    if tail:
        out.append(tail)
    return len(prefix) + size


def _merge_small(buffers: list[bytes | memoryview]) -> Iterable[bytes | memoryview]:
    pending: list[bytes | memoryview] = []
    for buffer in buffers:
        if len(buffer) < _COPY_BELOW:
            pending.append(buffer)
            continue
        if pending:
            yield b"".join(pending)
            pending = []
        yield buffer
    if pending:
        yield b"".join(pending)
