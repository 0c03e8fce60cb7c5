"""Options that several commands share, and the settings that they make together with the environment."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from fapilog_otel.settings import Settings, load_settings

Endpoint: TypeAlias = Annotated[
    str | None, typer.Option("--endpoint", help="Base URL of the receiver, instead of the configured one.")
]
ProtocolOption: TypeAlias = Annotated[str | None, typer.Option("--protocol", help="http/protobuf, http/json or grpc.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Timeout: TypeAlias = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for delivery.")]


def given(endpoint: str | None, protocol: str | None) -> dict[str, object]:
    """Give the arguments that the user wrote on the command line."""
    return {name: value for name, value in (("endpoint", endpoint), ("protocol", protocol)) if value is not None}


def settings_from(endpoint: str | None, protocol: str | None) -> Settings:
    """Give the settings of this process's environment under the options.

    Raises:
        ConfigError: They cannot be used.
    """
    return load_settings(given(endpoint, protocol))
