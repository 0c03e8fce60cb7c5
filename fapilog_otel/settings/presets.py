"""Presets: a name for a set of values that rank below the environment and above the defaults."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from fapilog_otel.settings.layers import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

Preset: TypeAlias = Literal["dev", "production", "minimal", "serverless", "hardened"]

_MIB: Final = 1024 * 1024

PRESETS: Final[Mapping[Preset, Mapping[str, object]]] = MappingProxyType(
    {
        # Everything is seen, at once, with the line it came from.
        "dev": {"level": "DEBUG", "schedule_delay": 0.2, "code_attributes": True, "shutdown_timeout": 2.0},
        # A long-running service behind a collector in the same data centre.
        "production": {"level": "INFO", "compression": "gzip", "shutdown_timeout": 10.0},
        # The smallest footprint; redaction stays, because only its own name may switch it off.
        "minimal": {"code_attributes": False, "max_queue_bytes": 8 * _MIB},
        # A function that is frozen or killed soon after it returns, with little memory.
        "serverless": {
            "level": "INFO",
            "schedule_delay": 0.1,
            "timeout": 2.0,
            "flush_timeout": 2.0,
            "shutdown_timeout": 2.0,
            "max_queue_bytes": 8 * _MIB,
        },
        # No credential leaves in clear, no odd configuration is overlooked, records wait rather than be dropped.
        "hardened": {
            "level": "INFO",
            "strict": True,
            "refuse_plaintext_credentials": True,
            "on_full": "block",
            "shutdown_timeout": 10.0,
        },
    }
)


def preset_layer(name: object) -> dict[str, Entry]:
    """Give the layer of a preset; empty for None and for a name that the field's own check will refuse."""
    if not isinstance(name, str) or name not in get_args(Preset):
        return {}
    return {path: Entry(value, f"preset {name}") for path, value in PRESETS[name].items()}  # type: ignore[index]
