"""The three OpenTelemetry faces: provider with its logger, log record processor, log record exporter."""
