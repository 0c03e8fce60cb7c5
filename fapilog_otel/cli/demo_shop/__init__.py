"""The parts of ``fapilog-otel demo``: a small shop, what it wrote, what arrived, and whether the two agree.

::

    shop ──► journal (what was written, in which span)  ──────────────┐
     ├─ logs  ► configure() ► OTLP ► receiver ──► logs  ──┐           ▼
     └─ spans ► SDK         ► OTLP ► receiver ──► spans ──┴► tree   verdict
"""
