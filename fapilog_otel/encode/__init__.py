"""Records become OTLP bytes here, and back; ``_wire`` is the readable specification, ``_native`` the fast twin."""
