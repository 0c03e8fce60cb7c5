"""Values that flow through the bridge; nothing here performs I/O or imports OpenTelemetry."""
