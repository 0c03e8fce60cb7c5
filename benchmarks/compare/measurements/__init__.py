"""Measurements beside the throughput table: one module each, with its child process and its table.

::

    registry ─► module.measure(plan) ──► child process a run ─► its figures as JSON
                        │                      │ OTLP/HTTP
                        │                      ▼
                        └──────────────► counting receiver: what arrived is parsed, wherever anything should arrive
"""
