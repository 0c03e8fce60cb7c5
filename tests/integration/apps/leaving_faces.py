"""Logs through one of the faces under the stock provider and leaves, the first batch coming only at exit."""

from __future__ import annotations

import faulthandler
import sys

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

import fapilog_otel as fo

faulthandler.enable()
provider = LoggerProvider()
if sys.argv[1] == "exporter":
    provider.add_log_record_processor(BatchLogRecordProcessor(fo.FapilogLogRecordExporter()))
else:
    provider.add_log_record_processor(fo.FapilogLogRecordProcessor())
for index in range(10):
    provider.get_logger("shop").emit(body="order placed", attributes={"index": index})
