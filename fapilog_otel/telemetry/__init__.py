"""Self-observability: exact accounting, the origin mark that prevents feedback, rate-limited diagnostics."""
