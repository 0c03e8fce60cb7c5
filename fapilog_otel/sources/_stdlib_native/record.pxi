# A LogRecord as the arguments of Logger.emit; sources/stdlib/translate.py says the same in Python, and does what is rare.

cdef tuple EMIT_NAMES = (
    "timestamp", "observed_timestamp", "severity_number", "severity_text", "body", "attributes",
)

# The keys of a record as logging makes it, in its order: those need not be looked up among the reserved ones.
cdef tuple RECORD_KEYS = tuple(map(sys.intern, logging.LogRecord("", 0, "", 0, "", None, None).__dict__))

cdef double MAX_SECONDS = 18446744072.0


cdef inline bint is_nothing(dict fields, str name) except -1:
    cdef PyObject* found = PyDict_GetItemWithError(fields, name)
    return found is NULL or <object>found is None or <object>found is False


cdef object message_of(dict fields):
    """Give the message with its arguments; None where it is no plain text. What formatting raises is raised."""
    text = field(fields, "msg")
    args = field(fields, "args")
    if text is None or not PyUnicode_CheckExact(text):
        return None
    if args is None or (PyTuple_CheckExact(args) and PyTuple_GET_SIZE(<PyObject*>args) == 0):
        return text
    if not PyTuple_CheckExact(args) and not (PyDict_CheckExact(args) and PyDict_Size(args)):
        return None
    return PyUnicode_Format(text, args)


cdef int add_place(dict attributes, dict fields) except -1:
    path = field(fields, "pathname")
    if path is None or not PyUnicode_CheckExact(path) or path == "" or path == "(unknown file)":
        return 0
    attributes[CODE_PATH] = path
    line = field(fields, "lineno")
    if line is not None and PyLong_CheckExact(line) and line:
        attributes[CODE_LINE] = line
    function = field(fields, "funcName")
    if function is not None and PyUnicode_CheckExact(function) and function != "":
        attributes[CODE_FUNCTION] = function
    return 0


cdef bint add_own(dict attributes, dict fields, frozenset standard) except -1:
    """Add what the caller put on the record; False: an event name is among it, or a key that is no text."""
    cdef Py_ssize_t position = 0
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t known = PyTuple_GET_SIZE(<PyObject*>RECORD_KEYS)
    cdef PyObject* key
    cdef PyObject* value
    while PyDict_Next(fields, &position, &key, &value):
        if i < known and key is PyTuple_GET_ITEM(<PyObject*>RECORD_KEYS, i):
            i += 1
            continue
        if not PyUnicode_CheckExact(<object>key):
            return False
        if PySet_Contains(standard, <object>key):
            if <object>key == EVENT_NAME:
                return False
            continue
        attributes[<object>key] = <object>value
    return True


cdef bint is_uncommon(RecordPath path, object record, dict fields) except -1:
    """Tell whether a record has what only the Python translation knows."""
    if path.thread_attributes or not traits_of(Py_TYPE(<PyObject*>record)) & MESSAGE:
        return True
    return not (is_nothing(fields, "exc_info") and is_nothing(fields, "exc_text") and is_nothing(fields, "stack_info"))


cdef bint deliver_record(RecordPath path, object record) except -1:
    """Hand a record to our logger; False: the Python translation is to do it."""
    cdef Target target
    cdef Severity severity
    cdef dict fields
    cdef int overflow = 0
    cdef long number
    cdef double seconds
    own = PyObject_GenericGetDict(record, NULL)
    if not PyDict_CheckExact(own) or is_uncommon(path, record, <dict>own):
        return False
    fields = own
    name, level, created = field(fields, "name"), field(fields, "levelno"), field(fields, "created")
    if not (PyUnicode_CheckExact(name) and PyLong_CheckExact(level) and PyFloat_CheckExact(created)):
        return False
    number = PyLong_AsLongAndOverflow(level, &overflow)
    seconds = created
    if overflow or not -LEVELS_END < number < LEVELS_END or not 0.0 < seconds <= MAX_SECONDS:
        return False
    target = path.target(name)
    if target.logger is None:
        return False
    if 0 < number < target.floor:
        return True
    severity = path.severity_named(level, field(fields, "levelname"))
    if severity is None:
        return False
    attributes = {}
    if path.code_attributes:
        add_place(attributes, fields)
    if not add_own(attributes, fields, path.reserved):
        return False
    try:
        body = message_of(fields)
    except Exception:  # noqa: BLE001 - the Python translation formats again and says in the record what is wrong
        return False
    if body is None:
        return False
    emit_record(path, target, severity, <unsigned long long>(seconds * 1e9), body, attributes)
    return True


cdef int emit_record(RecordPath path, Target target, Severity severity, unsigned long long timestamp, object body,
                     dict attributes) except -1:
    cdef PyObject* given[7]
    cdef object stamp = timestamp
    cdef object now = time_ns()
    given[0] = <PyObject*>target.logger
    given[1] = <PyObject*>stamp
    given[2] = <PyObject*>now
    given[3] = <PyObject*>severity.member
    given[4] = <PyObject*>severity.text
    given[5] = <PyObject*>body
    given[6] = <PyObject*>attributes
    PyObject_Vectorcall(path.emit, given, 1, <PyObject*>EMIT_NAMES)
    return 0

cdef object time_ns = time.time_ns
cdef enum:
    LEVELS_END = 1 << 30
