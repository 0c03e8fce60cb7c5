"""The pytest plugin; pytest loads it by entry point."""
