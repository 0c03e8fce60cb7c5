# What a log call needs of an installed source, and what it remembers of loggers and levels.

cdef enum:
    MAX_TARGETS = 4096


# What logging reads the time with, and what tests put a clock of their own in place of.
cdef str CLOCK = sys.intern("time_ns" if sys.version_info >= (3, 13) else "time")


cdef class Target:
    """Where the records of a logger's name go."""

    cdef object logger       # None: by the ordinary path
    cdef long floor          # nothing below this stdlib level is captured

    def __cinit__(self, logger, long floor):
        self.logger = logger
        self.floor = floor


cdef class Severity:
    """A stdlib level as OpenTelemetry's severity."""

    cdef object name         # the level's name that this was found for
    cdef object number
    cdef object member       # the number as emit() reads it soonest
    cdef int lane            # the number, 0 for one that is none
    cdef str text

    def __cinit__(self, name, number, str text):
        self.name = name
        self.number = number
        self.member = SeverityNumber(number)
        self.lane = number if 0 <= number <= 24 else 0
        self.text = text


cdef class RecordPath:
    """The way of records to a provider, and what is known of it.

    Args:
        target: Logger name to (our ``Logger`` or None, lowest stdlib level captured).
        severity: stdlib level and its name to (severity number, severity text).
        reserved: Keys of ``extra`` that are no plain attributes.
        write: ``LoggerBase.write``.
        emit: ``LoggerBase.emit``.
        code_attributes: Whether records tell file, line and function of the log call.
        thread_attributes: Whether they tell the thread; the ordinary way knows how.
    """

    cdef object find_target
    cdef object find_severity
    cdef object hook
    cdef object cache_class
    cdef frozenset reserved
    cdef bint code_attributes
    cdef bint thread_attributes
    cdef int translating     # records being translated, on all threads
    cdef dict targets
    cdef dict files
    cdef dict severities
    cdef object last_name    # the logger's name, and the level, that came last, and what was found for them
    cdef Target last_target
    cdef object last_level
    cdef Severity last_severity
    cdef dict module
    cdef dict time_module
    cdef dict threading_module
    cdef str logging_file
    cdef object record_class
    cdef public object factory    # what makes records: the class, or ours, which adds what only handlers print
    cdef object clock
    cdef object write
    cdef object emit

    def __init__(self, target, severity, frozenset reserved not None, write, emit, *, code_attributes,
                 thread_attributes):
        self.find_target = target
        self.find_severity = severity
        self.reserved = reserved
        self.emit = emit
        self.code_attributes = code_attributes
        self.thread_attributes = thread_attributes
        self.translating = 0
        self.write = write
        self.targets = {}
        self.files = {}
        self.severities = {}
        self.last_name = self.last_target = self.last_level = self.last_severity = None
        self.module = logging.__dict__
        self.time_module = time.__dict__
        self.threading_module = threading.__dict__
        self.logging_file = logging._srcfile
        self.record_class = self.factory = logging.LogRecord
        self.clock = getattr(time, CLOCK)

    def connect(self, hook, cache_class):
        """Say whose verdicts about levels count, before the hook is installed."""
        global expected_methods, expected_record, expected_message, harmless_handle
        self.hook = hook
        self.cache_class = cache_class
        expected_methods = None
        expected_record = class_attributes(logging.LogRecord, RECORD_NAMES)
        expected_message = class_attributes(logging.LogRecord, ("getMessage",))[0]
        harmless_handle = class_attributes(logging.NullHandler, ("handle",))[0]
        forget_types()

    def open(self):
        """Let log calls go the short way from now on."""
        global current, expected_methods
        expected_methods = class_attributes(logging.Logger, METHOD_NAMES)
        forget_types()
        current = self

    def close(self):
        """Let log calls go the ordinary way again."""
        global current
        if current is self:
            current = None
            forget_sites()

    cdef Target target(self, str name):
        cdef PyObject* found
        cdef Target made
        if name is self.last_name and self.last_target is not None:
            return self.last_target
        found = PyDict_GetItemWithError(self.targets, name)
        if found is not NULL:
            made = <Target>found       # held: letting go of another may run its logger's finalisers
            self.last_target = None    # at no time does the one belong to another than the other
            self.last_name = name
            self.last_target = made
            return made
        made = Target(*self.find_target(name))
        if len(self.targets) >= MAX_TARGETS:
            self.targets.clear()
        self.targets[name] = made
        return made

    cdef Severity severity(self, object level):
        """Give the severity of a level under the name that it has now; None where the level has no name."""
        names = field(self.module, "_levelToName")
        if names is None or not PyDict_CheckExact(names):
            return None
        return self.severity_named(level, field(<dict>names, level))

    cdef Severity severity_named(self, object level, object name):
        """Give the severity of a level under a name; None where the name is no text."""
        cdef PyObject* found
        cdef Severity known
        if name is None or not PyUnicode_CheckExact(name):
            return None
        known = self.last_severity
        if known is not None and known.name is name and self.last_level is level:
            return known
        found = PyDict_GetItemWithError(self.severities, level)
        if found is not NULL and ((<Severity>found).name is name or (<Severity>found).name == name):
            known = <Severity>found
            self.last_severity = None    # as in target()
            self.last_level = level
            self.last_severity = known
            return known
        number, text = self.find_severity(level, name)
        known = Severity(name, number, text)
        if len(self.severities) >= MAX_TARGETS:
            self.severities.clear()
        self.severities[level] = known
        return known

    cdef bint deliver(self, object record) except -1:
        """Hand a record to our logger; False: the Python translation is to do it."""
        self.translating += 1
        try:
            return deliver_record(self, record)
        finally:
            self.translating -= 1


cdef RecordPath current = None
