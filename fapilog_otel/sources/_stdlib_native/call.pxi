# One log call: whether it can go the short way, and that way.

cdef enum:
    PLAIN_DEPTH = 3      # what lies deeper, or is larger, is looked through by the ordinary path
    PLAIN_ITEMS = 16


cdef enum Outcome:
    RAISED = -1
    ORDINARY = 0     # logging's own method is to do it
    DONE = 1


cdef struct Call:
    PyObject* message
    PyObject** args          # of the message
    Py_ssize_t count
    PyObject* extra          # a dict, or NULL
    long stacklevel

cdef object GET_IDENT = _thread.get_ident
cdef str EXTRA = sys.intern("extra")
cdef str STACKLEVEL = sys.intern("stacklevel")
cdef str EXC_INFO = sys.intern("exc_info")
cdef str STACK_INFO = sys.intern("stack_info")
cdef str EVENT_NAME = "otel.event.name"
cdef str CODE_PATH = sys.intern("code.file.path")
cdef str CODE_LINE = sys.intern("code.line.number")
cdef str CODE_FUNCTION = sys.intern("code.function.name")


cdef inline bint is_simple(PyObject* value) noexcept:
    # Values that become text or bytes without running anybody's code.
    cdef PyTypeObject* type = Py_TYPE(value)
    return (type is &PyUnicode_Type or type is &PyLong_Type or type is &PyFloat_Type or type is &PyBool_Type
            or <object>value is None)


cdef bint is_plain(PyObject* value, int depth) except -1:
    """Tell whether a value, with all that it contains, becomes text or bytes without running anybody's code."""
    cdef Py_ssize_t i, position = 0
    cdef PyObject* key
    cdef PyObject* item
    if is_simple(value):
        return True
    if depth >= PLAIN_DEPTH:
        return False
    if PyList_CheckExact(<object>value) and PyList_GET_SIZE(<object>value) <= PLAIN_ITEMS:
        for i in range(PyList_GET_SIZE(<object>value)):
            if not is_plain(PyList_GET_ITEM(<object>value, i), depth + 1):
                return False
        return True
    if PyTuple_CheckExact(<object>value) and PyTuple_GET_SIZE(value) <= PLAIN_ITEMS:
        for i in range(PyTuple_GET_SIZE(value)):
            if not is_plain(PyTuple_GET_ITEM(value, i), depth + 1):
                return False
        return True
    if PyDict_CheckExact(<object>value) and PyDict_Size(<object>value) <= PLAIN_ITEMS:
        while PyDict_Next(<object>value, &position, &key, &item):
            if not (is_simple(key) and is_plain(item, depth + 1)):
                return False
        return True
    return False


cdef bint read_call(Call* call, PyObject** args, Py_ssize_t given, PyObject* names) except -1:
    """Read the arguments of a log call; False: there is something uncommon among them."""
    cdef Py_ssize_t i
    cdef PyObject* name
    cdef PyObject* value
    cdef int overflow = 0
    if given < 1 or Py_TYPE(args[0]) is not &PyUnicode_Type:
        return False
    call.message, call.args, call.count = args[0], args + 1, given - 1
    call.extra, call.stacklevel = NULL, 1
    for i in range(1, given):
        if not is_plain(args[i], 0):
            return False
    if call.count == 1 and PyDict_CheckExact(<object>args[1]):    # the format reads its keys
        return False
    if names is NULL:
        return True
    for i in range(PyTuple_GET_SIZE(names)):
        name, value = PyTuple_GET_ITEM(names, i), args[given + i]
        if name is <PyObject*>EXTRA:
            if PyDict_CheckExact(<object>value):
                call.extra = value
            elif <object>value is not None:
                return False
        elif name is <PyObject*>EXC_INFO or name is <PyObject*>STACK_INFO:
            if <object>value is not None and <object>value is not False:
                return False
        elif name is <PyObject*>STACKLEVEL:
            if not PyLong_CheckExact(<object>value):
                return False
            call.stacklevel = PyLong_AsLongAndOverflow(<object>value, &overflow)
            if overflow or call.stacklevel < 1:
                return False
        else:
            return False
    return True


cdef bint is_ours(RecordPath path) except -1:
    """Tell whether the running code works for our own exporting; see ``telemetry.origin.is_internal``."""
    cdef PyObject* value = NULL
    cdef bint found
    PyContextVar_Get(EXPORTING, NULL, &value)
    found = value is not NULL and <object>value is not False
    Py_XDECREF(value)
    if found:
        return True
    # By the function that names threads just now: where greenlets stand in for threads, it is another.
    get_ident = field(path.threading_module, "get_ident")
    return PySet_Contains(OUR_THREADS, PyThread_get_thread_ident() if get_ident is GET_IDENT else get_ident())


cdef bint is_as_installed(RecordPath path) except -1:
    """Tell whether records would be made as `logging` makes them, but for what our own factory adds."""
    cdef dict module = path.module
    return (field(module, "_logRecordFactory") is path.factory
            and field(module, "_srcfile") is path.logging_file
            and field(path.time_module, CLOCK) is path.clock
            and traits_of(<PyTypeObject*><PyObject*>path.record_class) & RECORD)


cdef object text_of(Call* call):
    # None: the format does not fit; the ordinary path says so in the record.
    cdef Py_ssize_t i
    if not call.count:
        return <object>call.message
    try:
        return PyUnicode_Format(<object>call.message, tuple([<object>call.args[i] for i in range(call.count)]))
    except Exception:  # noqa: BLE001 - reported by the ordinary path, which formats again
        return None


cdef bint add_extra(dict attributes, dict extra, frozenset reserved) except -1:
    """Add the attributes of ``extra``; False: one of them is uncommon."""
    cdef Py_ssize_t position = 0
    cdef PyObject* key
    cdef PyObject* value
    while PyDict_Next(extra, &position, &key, &value):
        if not PyUnicode_CheckExact(<object>key) or not is_plain(value, 0) or PySet_Contains(reserved, <object>key):
            return False
        attributes[<object>key] = <object>value
    return True


cdef int add_code(dict attributes, Site* site) except -1:
    path = None if site.path is NULL else <object>site.path
    line = None if site.line is NULL else <object>site.line
    function = None if site.function is NULL else <object>site.function
    if path is not None:
        attributes[CODE_PATH] = path
    if line is not None:
        attributes[CODE_LINE] = line
    if function is not None:
        attributes[CODE_FUNCTION] = function
    return 0


cdef int attempt(PyObject* logger, PyObject* level, PyObject** args, Py_ssize_t given, PyObject* names) except -1:
    """Do the call the short way, if it can be done; what raises an `Exception` on the way is counted."""
    cdef RecordPath path = current
    if path is None or path.translating:
        return ORDINARY
    try:
        return check_level(path, logger, level, args, given, names)
    except Exception as error:
        path.hook.fail(error)
        return DONE


cdef int check_level(RecordPath path, PyObject* logger, PyObject* level, PyObject** args, Py_ssize_t given,
                     PyObject* names) except -1:
    cdef dict fields
    cdef bint ours_alone = False
    if traits_of(Py_TYPE(logger)) & (FIELDS | METHODS) != FIELDS | METHODS:
        return ORDINARY
    state = PyObject_GenericGetDict(<object>logger, NULL)
    if not PyDict_CheckExact(state) or not is_untouched(<dict>state):
        return ORDINARY
    fields = state
    if field(fields, "disabled") is not False:
        return ORDINARY
    cache = field(fields, "_cache")
    remembers = type(cache) is path.cache_class
    if not remembers and not PyDict_CheckExact(cache):
        return ORDINARY
    own = field(<dict>cache, <object>level)
    if own is not True:
        if own is not False or not remembers:
            return ORDINARY
        verdict = field(<dict>cache.ours, <object>level)
        if verdict is False:
            return DONE
        if verdict is not True:
            return ORDINARY
        ours_alone = True
    return hand_over(path, logger, fields, <object>level, ours_alone, args, given, names)


cdef bint is_untouched(dict fields) except -1:
    """Tell whether no method of a logger is hidden by an attribute of the logger's own."""
    cdef Py_ssize_t usual = 8    # what Logger.__init__ puts there; all but the root logger get their manager too
    if PyDict_GetItemWithError(fields, "manager") is not NULL:
        usual += 1
    if PyDict_Size(fields) <= usual:
        return True
    for name in METHOD_NAMES:
        if PyDict_GetItemWithError(fields, name) is not NULL:
            return False
    return True


cdef int hand_over(RecordPath path, PyObject* logger, dict fields, object level, bint ours_alone, PyObject** args,
                       Py_ssize_t given, PyObject* names) except -1:
    """Take the record of a call that passes its level check, if nobody else needs it."""
    cdef Call call
    cdef Target target
    cdef Severity severity
    cdef Site* site
    cdef object place = None
    cdef int overflow = 0
    cdef long number = PyLong_AsLongAndOverflow(level, &overflow)
    if overflow or not read_call(&call, args, given, names) or is_ours(path):
        return ORDINARY
    name = field(fields, "name")
    if name is None or not PyUnicode_CheckExact(name):
        return ORDINARY
    target = path.target(name)
    if target is None or target.logger is None:
        return ORDINARY
    severity = path.severity(level)
    if severity is None:
        return ORDINARY
    # From here on nothing runs that could change who needs the record.
    filters = field(fields, "filters")
    if filters is None or not PyList_CheckExact(filters) or PyList_GET_SIZE(filters):
        return ORDINARY
    if not is_as_installed(path) or not (ours_alone or nobody_listens(fields, number, path.module)):
        return ORDINARY
    body = None
    if not 0 < number < target.floor:
        body = text_of(&call)
        if body is None:
            return ORDINARY
        if path.code_attributes:
            site = caller_site(call.stacklevel, path.logging_file, 0)
            if site is NULL:
                return ORDINARY
            place = place_of(<PyObject*>target.logger, site)
        if (place is not None or not path.code_attributes) and write_logged(
                <PyObject*>target.logger, severity.lane, <PyObject*>severity.text, <PyObject*>body, call.extra,
                <PyObject*>path.reserved, <PyObject*>place if place is not None else NULL):
            if ours_alone:
                path.hook.forget(<size_t>logger, level)
            return DONE
    attributes = {}
    if path.code_attributes:
        site = caller_site(call.stacklevel, path.logging_file, 0)
        if site is NULL:
            return ORDINARY
        add_code(attributes, site)
    if call.extra is not NULL and not add_extra(attributes, <dict>call.extra, path.reserved):
        return ORDINARY
    if 0 < number < target.floor:
        return DONE
    if ours_alone:
        path.hook.forget(<size_t>logger, level)
    write(path, target, severity, body, attributes)
    return DONE


cdef int write(RecordPath path, Target target, Severity severity, object body, dict attributes) except -1:
    cdef PyObject* given[7]
    given[0] = <PyObject*>target.logger
    given[1] = <PyObject*>severity.number
    given[2] = <PyObject*>severity.text
    given[3] = <PyObject*>body
    given[4] = <PyObject*>NO_ARGS
    given[5] = <PyObject*>None
    given[6] = <PyObject*>attributes
    PyObject_Vectorcall(path.write, given, 7, NULL)
    return 0

cdef tuple NO_ARGS = ()
