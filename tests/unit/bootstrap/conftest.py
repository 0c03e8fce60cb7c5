from __future__ import annotations

from tests.contract.faces_support import (
    clean_environment,
    closing,
    configure,
    memory,
    provider,
    receiver,
)

__all__ = ["clean_environment", "closing", "configure", "memory", "provider", "receiver"]
