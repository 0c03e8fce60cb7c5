from fapilog_otel.encode.emit import LANES as LANES
from fapilog_otel.encode.emit import EmitCore as EmitCore
from fapilog_otel.encode.log_methods import LoggerBase as LoggerBase
from fapilog_otel.encode.log_methods import Port as Port
from fapilog_otel.encode.plan import Redaction
from fapilog_otel.model.chunk import Chunk as Chunk

class Suspicion:
    def __init__(self, redaction: Redaction) -> None: ...
    def matches(self, text: str) -> bool: ...
