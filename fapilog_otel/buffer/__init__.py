"""Chunks between the log call and delivery: the pool, the bounded queue, the pipeline thread, fork handling."""
