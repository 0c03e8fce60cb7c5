"""The built-in exporters, found like anybody else's through the entry points of group ``fapilog_otel.exporters``.

Each module holds one exporter class and the ``factory`` that builds it from configuration; none is imported before use.
"""
