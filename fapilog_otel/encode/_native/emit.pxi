# ``Logger.emit`` as the interpreter calls it best: the fields of a plain record straight from its keyword arguments.

cdef enum:
    TIMESTAMP_, OBSERVED_, CONTEXT_, NUMBER_, TEXT_, BODY_, ATTRIBUTES_, EVENT_, EXCEPTION_, FIELDS_

FIELD_NAMES = tuple(map(sys.intern, (
    "timestamp", "observed_timestamp", "context", "severity_number", "severity_text", "body", "attributes",
    "event_name", "exception",
)))
SEVERITY_MEMBERS = tuple(SeverityNumber(number) for number in range(25))
cdef PyObject* NAMES[FIELDS_]       # the same, borrowed from the tuples above
cdef PyObject* MEMBERS[25]
GENERAL_EMIT = LoggerBase.emit


cdef int borrow_names() except -1:
    cdef int i
    for i in range(FIELDS_):
        NAMES[i] = <PyObject*>FIELD_NAMES[i]
    for i in range(25):
        MEMBERS[i] = <PyObject*>SEVERITY_MEMBERS[i]
    return 0


borrow_names()


cdef enum:
    FORMS = 16


cdef struct Form:
    # The keywords of a call in the program's text: the tuple is the same at every call, and is held.
    PyObject* names
    int count
    int fields[FIELDS_]      # which field each of them is

cdef Form FORMS_[FORMS]


cdef bint learn_form(Form* form, PyObject* names) noexcept:
    # False: a name is not one of ours. What is let go of is a tuple of our own names: nobody learns of it.
    cdef PyObject* old = form.names
    cdef Py_ssize_t count = PyTuple_GET_SIZE(<object>names)
    cdef Py_ssize_t i
    cdef int field
    form.names = NULL
    Py_XDECREF(old)
    if count > FIELDS_:
        return False
    for i in range(count):
        for field in range(FIELDS_):
            if PyTuple_GET_ITEM(names, i) is NAMES[field]:
                form.fields[i] = field
                break
        else:
            return False
    Py_INCREF(<object>names)
    form.names = names
    form.count = <int>count
    return True


cdef inline bint read_fields(PyObject* names, PyObject** values, PyObject** fields) noexcept:
    # Sort the arguments by field; NULL where one is absent or None. False: a name is not one of ours.
    cdef Form* form = &FORMS_[(<size_t>names >> 4) % FORMS]
    cdef int i
    if form.names is not names and not learn_form(form, names):
        return False
    memset(fields, 0, FIELDS_ * sizeof(PyObject*))
    for i in range(form.count):
        if values[i] is not Py_None:
            fields[form.fields[i]] = values[i]
    return True


cdef int LAST_SEVERITY = 9


cdef inline int severity_of(PyObject* value) noexcept:
    # The number of a ``SeverityNumber``, 0 for none; -1: it is something else.
    global LAST_SEVERITY
    cdef int number
    if value is NULL:
        return 0
    if MEMBERS[LAST_SEVERITY] is value:
        return LAST_SEVERITY
    for number in range(25):
        if MEMBERS[number] is value:
            LAST_SEVERITY = number
            return number
    return -1


cdef bint plain_time(PyObject* value, uint64_t otherwise, uint64_t* found) noexcept:
    # A time in ns, or another for an absent one; False: it is no int64.
    cdef int overflow = 0
    cdef long long number
    found[0] = otherwise
    if value is NULL:
        return True
    if not PyLong_CheckExact(<object>value):
        return False
    number = fapilog_int64(value, &overflow)
    if overflow or number <= 0:
        return False
    found[0] = <uint64_t>number
    return True


cdef bint emit_plain(LoggerBase self, PyObject* names, PyObject** values) except -1:
    # Submit a plain record, or nothing where the gate is shut; False: it takes the general way.
    cdef PyObject* fields[FIELDS_]
    cdef uint64_t timestamp, observed
    cdef const Head* head
    cdef Layers layers
    cdef int severity
    if not read_fields(names, values, fields) or fields[CONTEXT_] is not NULL or fields[EXCEPTION_] is not NULL:
        return False
    severity = severity_of(fields[NUMBER_])
    if severity < 0 or self.port is None or self.port._processed is not None:
        return False
    if not self.open(severity):
        return True
    if not plain_time(fields[TIMESTAMP_], 0, &timestamp) or not plain_time(fields[OBSERVED_], now_ns(), &observed):
        return False
    if fields[TEXT_] is NULL:
        fields[TEXT_] = <PyObject*>NO_TEXT
    if fields[BODY_] is NULL:
        fields[BODY_] = Py_None
    head = head_of(severity, fields[TEXT_])
    if head is NULL:
        return False
    no_layers(&layers)
    layers.bound = <PyObject*>self.bound
    layers.attributes = fields[ATTRIBUTES_]
    return self._core.put_plain(
        <PyObject*>self._scope, timestamp, observed, head, fields[BODY_], &layers, fields[EVENT_], NULL, 0)


cdef str NO_TEXT = ""


cdef object call_emit(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names):
    if given == 0 and names is not NULL and emit_plain(<LoggerBase>self, names, args):
        return None
    return GENERAL_EMIT(<object>self, *[<object>args[i] for i in range(given)], **keywords(names, args + given))


cdef PyMethodDef EMIT_METHOD
EMIT_METHOD.ml_name = b"emit"
EMIT_METHOD.ml_meth = <void*>call_emit
EMIT_METHOD.ml_flags = METH_FASTCALL | METH_KEYWORDS
EMIT_METHOD.ml_doc = (
    b"emit($self, record=None, *, timestamp=None, observed_timestamp=None, context=None, severity_number=None, "
    b"severity_text=None, body=None, attributes=None, event_name=None, exception=None)\n--\n\n"
    b"Submit an OpenTelemetry log record, given whole or by its fields (Logs API, \"Emit a LogRecord\").")
fapilog_add_method(<PyObject*>LoggerBase, &EMIT_METHOD)
