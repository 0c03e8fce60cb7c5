"""Ours and the stock SDK side by side, on one record, against one counting receiver: ``python -m benchmarks.compare``.

::

    cli ─► session ──┬─► receiver process (HTTP or gRPC): keeps every body, answers at once
                     │        ▲
                     └─► subject process, a fresh interpreter a run: logs, flushes, tells its times
    after a run        verdict: the receiver parses what arrived and checks each record
"""
