"""The pipeline filter → enrich → redact → process: its stages, and the chain that orders and contains them."""

from __future__ import annotations

from fapilog_otel.pipeline.chain import DEFAULT_STAGES, Chain, build_chain
from fapilog_otel.pipeline.enrich import runtime_info
from fapilog_otel.pipeline.redact import (
    DefaultRedaction,
    RedactStage,
    combine,
    default_redaction,
    field_blocker,
    field_mask,
    redact_attributes,
    redact_record,
    regex_mask,
    url_credentials,
)
from fapilog_otel.pipeline.registry import BUILTIN, StageSpec, make_stage

__all__ = [
    "BUILTIN",
    "DEFAULT_STAGES",
    "Chain",
    "DefaultRedaction",
    "RedactStage",
    "StageSpec",
    "build_chain",
    "combine",
    "default_redaction",
    "field_blocker",
    "field_mask",
    "make_stage",
    "redact_attributes",
    "redact_record",
    "regex_mask",
    "runtime_info",
    "url_credentials",
]
