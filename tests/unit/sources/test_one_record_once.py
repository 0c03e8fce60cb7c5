"""Libraries that hand on to each other, all sources installed: each event arrives once, from where it was logged."""

from __future__ import annotations

import inspect
import io
import logging
import logging.handlers
import queue
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from loguru import logger

import fapilog_otel as fo
from fapilog_otel_exporters.memory import MemoryExporter

LIBRARIES = ["stdlib", "structlog", "loguru"]


class InterceptHandler(logging.Handler):
    """loguru's documentation, "Entirely compatible with standard logging"."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        frame, depth = inspect.currentframe(), 0
        while frame:
            filename = frame.f_code.co_filename
            is_logging = filename == logging.__file__
            is_frozen = "importlib" in filename and "_bootstrap" in filename
            if depth > 0 and not (is_logging or is_frozen):
                break
            frame = frame.f_back
            depth += 1
        logger.opt(depth=depth, exception=record.exc_info).log(level, record.getMessage())


class PropagateHandler(logging.Handler):
    """The other way, from the same page."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger(record.name).handle(record)


class Arrived:
    """What has been delivered, as (scope name, body)."""

    def __init__(self, handle: fo.Handle, memory: MemoryExporter) -> None:
        self._handle = handle
        self._memory = memory

    def __call__(self) -> list[tuple[str, Any]]:
        assert self._handle.flush(10)
        return sorted((record.scope.name, record.body) for record in self._memory.records)


@pytest.fixture(autouse=True)
def pristine(clean_logging: None) -> Iterator[None]:
    logger.remove()
    structlog.reset_defaults()
    logging.getLogger().setLevel(logging.INFO)
    yield
    logger.remove()
    structlog.reset_defaults()


@pytest.fixture
def arrived(request: pytest.FixtureRequest) -> Iterator[Arrived]:
    memory = MemoryExporter()
    with fo.configure(exporters={"m": memory}, sources=getattr(request, "param", LIBRARIES)) as handle:
        yield Arrived(handle, memory)


class TestLoggingToLoguru:
    def test_the_documented_handler_makes_no_second_record(self, arrived: Arrived) -> None:
        output = io.StringIO()
        logger.add(output, format="{message}")
        logging.getLogger().addHandler(InterceptHandler())
        logging.getLogger("shop").info("from %s", "logging")
        logger.info("from loguru")
        assert arrived() == [("shop", "from logging"), (__name__, "from loguru")]
        assert output.getvalue() == "from logging\nfrom loguru\n"

    @pytest.mark.parametrize("arrived", [["loguru"]], indirect=True)
    def test_it_is_captured_from_loguru_where_logging_is_not(self, arrived: Arrived) -> None:
        logging.getLogger().addHandler(InterceptHandler())
        logging.getLogger("shop").info("x")
        assert [body for _, body in arrived()] == ["x"]

    def test_a_listener_on_a_thread_of_its_own_makes_none_either(self, arrived: Arrived) -> None:
        waiting: queue.Queue[Any] = queue.Queue()
        logging.getLogger().addHandler(logging.handlers.QueueHandler(waiting))
        listener = logging.handlers.QueueListener(waiting, InterceptHandler())
        listener.start()
        logging.getLogger("shop").info("x")
        listener.stop()
        assert arrived() == [("shop", "x")]

    def test_what_a_handler_logs_on_its_own_account_is_an_event_of_its_own(self, arrived: Arrived) -> None:
        def report() -> None:
            logger.warning("the disk is full")

        class Failing(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                self.write(record)

            def write(self, record: logging.LogRecord) -> None:
                report()

        logging.getLogger().addHandler(Failing())
        logging.getLogger("shop").info("order")
        assert arrived() == [("shop", "order"), (__name__, "the disk is full")]

    def test_a_handler_that_passes_on_in_several_steps_makes_no_second_record(self, arrived: Arrived) -> None:
        class Layered(InterceptHandler):
            def emit(self, record: logging.LogRecord) -> None:
                self.write(f"[{record.name}] {record.getMessage()}")

            def write(self, text: str) -> None:
                logger.info(text)

        logging.getLogger().addHandler(Layered())
        logging.getLogger("shop").info("order")
        assert arrived() == [("shop", "order")]


class TestLoguruToLogging:
    def test_the_documented_handler_makes_no_second_record(self, arrived: Arrived) -> None:
        output = io.StringIO()
        logging.getLogger().addHandler(logging.StreamHandler(output))
        logger.add(PropagateHandler(), format="{message}")
        logger.info("from loguru")
        logging.getLogger("shop").info("from logging")
        assert arrived() == [("shop", "from logging"), (__name__, "from loguru")]
        assert output.getvalue() == "from loguru\nfrom logging\n"

    def test_enqueued_it_makes_none_either(self, arrived: Arrived) -> None:
        output = io.StringIO()
        logging.getLogger().addHandler(logging.StreamHandler(output))
        logger.add(PropagateHandler(), format="{message}", enqueue=True)
        logger.info("x")
        logger.complete()
        assert (arrived(), output.getvalue()) == ([(__name__, "x")], "x\n")

    def test_a_plain_handler_as_sink_writes_and_makes_none(self, arrived: Arrived) -> None:
        output = io.StringIO()
        logger.add(logging.StreamHandler(output), format="{message}")
        logger.info("x")
        assert (arrived(), output.getvalue()) == ([(__name__, "x")], "x\n")

    @pytest.mark.parametrize("arrived", [["stdlib"]], indirect=True)
    def test_it_is_captured_from_logging_where_loguru_is_not(self, arrived: Arrived) -> None:
        logger.add(PropagateHandler(), format="{message}")
        logger.info("x")
        assert arrived() == [(__name__, "x")]


class TestStructlog:
    def test_through_logging_into_loguru_it_is_structlogs_alone(self, arrived: Arrived) -> None:
        output = io.StringIO()
        logger.add(output, format="{message}")
        logging.getLogger().addHandler(InterceptHandler())
        structlog.configure(
            processors=[structlog.stdlib.render_to_log_kwargs],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        structlog.get_logger("shop").info("x", a=1)
        assert (arrived(), output.getvalue()) == ([("shop", "x")], "x\n")

    def test_over_loguru_it_is_structlogs_alone(self, arrived: Arrived) -> None:
        output = io.StringIO()
        logger.add(output, format="{message}")
        log = structlog.wrap_logger(logger, processors=[structlog.processors.KeyValueRenderer()])
        log.info("x", a=1)
        assert [body for _, body in arrived()] == ["x"]
        assert output.getvalue() == "event='x' a=1\n" or "x" in output.getvalue()

    def test_a_foreign_chain_that_renders_loggings_records_logs_none_of_its_own(self, arrived: Arrived) -> None:
        output = io.StringIO()
        handler = logging.StreamHandler(output)
        handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(),
                ],
                foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.processors.TimeStamper()],
            )
        )
        logging.getLogger().addHandler(handler)
        structlog.configure(
            processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        logging.getLogger("shop").info("foreign")
        structlog.get_logger("shop").info("own", a=1)
        assert arrived() == [("shop", "foreign"), ("shop", "own")]
        assert len(output.getvalue().splitlines()) == 2
