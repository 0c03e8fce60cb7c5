"""Start without a line of code in the application: by ``fapilog-otel run`` and by ``opentelemetry-instrument``."""
