"""Loggers of other libraries, set up so that nothing is printed: what is measured is what a source of ours costs."""

from __future__ import annotations

from typing import Any


def structlog_logger(name: str) -> Any:
    """Give a logger of structlog's whose last processor renders nothing."""
    import structlog

    def end(_logger: object, _method: str, _event: object) -> str:
        return ""

    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(), end],
        logger_factory=structlog.ReturnLoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(20),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger(name)


def loguru_logger() -> Any:
    """Give loguru's logger without a sink."""
    from loguru import logger

    logger.remove()
    return logger
