"""Sources connect a logging library to a provider; each is found by its name in the group ``fapilog_otel.sources``."""
