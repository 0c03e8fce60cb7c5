"""Machine instructions a record on the thread that logs, counted, not timed: ``python -m benchmarks.instructions``.

::

    cli ─► callgrind ─► valgrind ─► subject, a fresh interpreter a case
                                      warm-up │ 500 records │ 1 500 records
                                              └── marks ────┴── marks ──► two totals; their difference a record
    baseline.json ─► baseline: each case at most 5 % above it, or the command fails

A clock on a shared machine tells a third more or less from one hour to the next; the count differs by less than one in
a thousand. It says nothing of memory that is slow to reach, nor of the kernel, nor of other threads.
"""
