"""The only place that imports OpenTelemetry's log modules, which are underscored and may move.

``api`` is cheap and safe on every path; ``sdk`` is loaded only by those who need SDK types.
"""
