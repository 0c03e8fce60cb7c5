"""What it costs to log with fapilog_otel, measured."""
