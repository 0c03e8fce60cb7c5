"""The settings models of the exporters that need no network; loaded only when one is created from configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

# Annotated once: "stdout" and "stderr" are streams, everything else is a path.
StreamName = Annotated[str, Field(min_length=1, description="'stdout', 'stderr' or the path of a file to append to")]


class MemorySettings(BaseModel):
    """Settings of the ``memory`` exporter."""

    model_config = ConfigDict(extra="forbid")

    max_records: int = Field(100_000, gt=0, description="a number of records above 0; older ones are let go")


class ConsoleSettings(BaseModel):
    """Settings of the ``console`` exporter."""

    model_config = ConfigDict(extra="forbid")

    stream: StreamName = "stderr"
    color: bool | None = Field(None, description="true or false, or nothing to colour on a terminal only")


class StdoutJsonSettings(BaseModel):
    """Settings of the ``stdout_json`` exporter."""

    model_config = ConfigDict(extra="forbid")

    stream: StreamName = "stdout"


class OtlpFileSettings(BaseModel):
    """Settings of the ``otlp_file`` exporter."""

    model_config = ConfigDict(extra="forbid")

    path: Path = Field(description="the path of a file to append to")
    max_bytes: int | None = Field(
        None, gt=0, description="the size in bytes from which on the file is rotated, or nothing for no rotation"
    )
    backups: int = Field(5, ge=1, description="how many rotated files are kept, at least 1")
    fsync: bool = Field(False, description="true to have every request on the disk before it counts as delivered")


class SdkAdapterSettings(BaseModel):
    """Settings of the ``sdk_adapter`` exporter."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    # Any: an instance or a factory is duck-typed by the adapter, which then need not import the SDK to check it.
    exporter: Any = Field(
        description="a LogRecordExporter, a function that makes one, or the name of an entry point in group"
        " opentelemetry_logs_exporter"
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        repr=False,
        description="a mapping of keyword arguments for the factory or the entry point's class",
        json_schema_extra={"secret": True},
    )

    @field_validator("exporter")
    @classmethod
    def _not_empty(cls, value: object) -> object:
        if value is None or value == "":
            raise ValueError("an exporter is needed")
        return value
