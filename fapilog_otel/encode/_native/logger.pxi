# The logger's level methods; encode/log_methods.py says the same in Python.

cdef class Port:
    """Where the loggers of a provider send their records; see ``encode.log_methods.Port``."""

    cdef EmitCore _core
    cdef object _processed
    cdef readonly object resolve
    cdef object __weakref__

    def __init__(self, resolve):
        self._core = None
        self._processed = None
        self.resolve = resolve

    # What is replaced is let go of only after its successor stands in its place: its finalisers may log.

    @property
    def core(self):
        """The emit core that records go to; None: nothing is configured."""
        return self._core

    @core.setter
    def core(self, EmitCore core):
        old = self._core
        self._core = core

    @property
    def processed(self):
        """Called instead of the core while SDK processors are attached."""
        return self._processed

    @processed.setter
    def processed(self, processed):
        old = self._processed
        self._processed = processed


cdef bint exporting() except -1:
    cdef PyObject* value = NULL
    cdef bint found
    PyContextVar_Get(EXPORTING, NULL, &value)
    found = value is not NULL and <object>value is True
    Py_XDECREF(value)
    return found


cdef class LoggerBase:
    """Level methods over a port; see ``fapilog_otel.Logger``."""

    cdef readonly Port port
    cdef readonly tuple scope_key
    cdef readonly dict bound
    cdef EmitCore _core
    cdef object _scope
    cdef int _gate

    def __init__(self, Port port not None, name, version, schema_url, attributes, bound):
        self.port = port
        self.scope_key = (name, version, schema_url, attributes)
        self.bound = bound
        self._core = None
        self._scope = None
        self._gate = 0

    cdef inline bint open(self, int severity) except -1:
        cdef EmitCore core
        if self.port is None:    # a subclass that did not call __init__
            return False
        core = self.port._core
        if core is None or exporting():    # what our own exporting logs must not feed back
            return False
        return self.open_to(core, severity)

    cdef inline bint open_to(self, EmitCore core, int severity) except -1:
        if core is not self._core:
            self.attach(core)
        return severity == 0 or severity >= self._gate

    cdef int attach(self, EmitCore core) except -1:
        scope, gate = self.port.resolve(self)
        old = (self._scope, self._core)    # let go of last: their finalisers may log
        self._scope = scope
        self._gate = gate
        self._core = core
        return 0

    def gate_open(self, int severity):
        """Tell whether a record of this severity would pass the level gate; False while nothing is configured."""
        return self.open(severity)

    cdef int hand_over(self, timestamp, observed, int severity, text, body, attributes, ids, context, event_name) except -1:
        cdef EmitCore core = self._core    # held: what the record runs may lead the logger to another core
        if self.port._processed is not None:
            self.port._processed(self, timestamp, observed, severity, text, body, attributes, ids, context, event_name)
        else:
            core.submit(self._scope, timestamp, observed, severity, text, body, attributes, self.bound, ids,
                        context, event_name)
        return 0

    cdef int put(self, int severity, str text, message, tuple args, exc_info, dict attributes) except -1:
        cdef uint64_t now
        cdef EmitCore core
        if not self.open(severity):
            return 0
        if args:
            message = formatted(message, args)
        if exc_info is not None and exc_info is not False:
            exception = exception_of(exc_info)
            if exception is not None:
                attributes = with_exception(attributes, exception)
        if self.port._processed is not None:
            self.port._processed(self, -1, 0, severity, text, message, attributes, None, None, "")
            return 0
        now = now_ns()
        core = self._core    # held, as in hand_over()
        return core.take(self._scope, now, now, severity, text, message, attributes, self.bound, None, None, "")

    def write(self, severity, str text, message, tuple args, exc_info, dict attributes):
        """Submit a record of our own level methods: timestamps are now, the context is the current one."""
        self.put(lane_of(severity), text, message, args, exc_info, attributes)

    def emit(self, record=None, *, timestamp=None, observed_timestamp=None, context=None, severity_number=None,
             severity_text=None, body=None, attributes=None, event_name=None, exception=None):
        """Submit an OpenTelemetry log record, given whole or by its fields (Logs API, "Emit a LogRecord")."""
        cdef int number
        if record is not None:
            fields = record_fields(record)
            if self.open(fields[2]):
                self.hand_over(fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6],
                               fields[7], fields[8])
            return
        number = 0 if severity_number is None else severity_value(severity_number)
        if not self.open(number):
            return
        if exception is not None:
            exception = exception_of(exception)
        if exception is not None:
            attributes = with_exception(attributes, exception)
        self.hand_over(
            0 if timestamp is None else nanoseconds(timestamp),
            0 if observed_timestamp is None else nanoseconds(observed_timestamp),
            number, text_or_empty(severity_text), body, attributes, None,
            None if context is None else given_context(context), text_or_empty(event_name))
