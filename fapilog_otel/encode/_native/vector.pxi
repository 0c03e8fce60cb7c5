# The level methods as the interpreter calls them best: positional values and keywords in one array, no tuple, no dict.
#
#     log.info("message", a=1, b=2)   ──►   args = ["message", 1, 2]   names = ("a", "b")
#
# Where the keywords are all there is, they go from that array into the record; any other call takes the way of `put`.

cdef extern from *:
    """
    static int fapilog_add_method(PyTypeObject *type, PyMethodDef *method) {
        PyObject *descriptor = PyDescr_NewMethod(type, method);
        int failed = descriptor == NULL || PyDict_SetItemString(type->tp_dict, method->ml_name, descriptor) < 0;
        Py_XDECREF(descriptor);
        PyType_Modified(type);
        return failed ? -1 : 0;
    }
    """
    ctypedef struct PyMethodDef:
        const char* ml_name
        void* ml_meth
        int ml_flags
        const char* ml_doc
    int METH_FASTCALL
    int METH_KEYWORDS
    int fapilog_add_method(PyObject* type, PyMethodDef* method) except -1

cdef enum:
    TRACE_, DEBUG_, INFO_, WARN_, ERROR_, FATAL_, AUDIT_, SECURITY_, LEVELS_

TEXTS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "AUDIT", "SECURITY"]
cdef Head HEADS[LEVELS_]


cdef int make_heads() except -1:
    cdef int level
    for level, severity in enumerate((1, 5, 9, 13, 17, 21, 22, 23)):
        set_head(&HEADS[level], severity, <PyObject*>TEXTS[level])
    return 0


make_heads()


cdef dict keywords(PyObject* names, PyObject** values):
    cdef dict found = {}
    cdef Py_ssize_t i
    if names is not NULL:
        for i in range(PyTuple_GET_SIZE(<object>names)):
            found[<object>PyTuple_GET_ITEM(names, i)] = <object>values[i]
    return found


cdef object call(LoggerBase self, int level, PyObject** args, Py_ssize_t given, PyObject* names, bint raised):
    cdef Head* head = &HEADS[level]
    cdef Layers layers
    cdef uint64_t now
    if given == 0:
        raise TypeError("a log call needs a message")
    if not self.open(head.severity):
        return None
    if given == 1 and not raised and self.port._processed is None:
        now = now_ns()
        no_layers(&layers)
        layers.bound = <PyObject*>self.bound
        layers.names = names
        layers.values = args + 1
        if self._core.put_plain(<PyObject*>self._scope, now, now, head, args[0], &layers, NULL, NULL, 0):
            return None
    attributes = keywords(names, args + given)
    exc_info = attributes.pop("exc_info", True if raised else None)
    self.put(head.severity, TEXTS[level], <object>args[0], tuple([<object>args[i] for i in range(1, given)]), exc_info,
             attributes)
    return None


cdef object call_trace(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names):
    return call(<LoggerBase><object>self, TRACE_, args, given, names, False)


cdef object call_debug(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names):
    return call(<LoggerBase><object>self, DEBUG_, args, given, names, False)


cdef object call_info(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names):
    return call(<LoggerBase><object>self, INFO_, args, given, names, False)


cdef object call_warning(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names):
    return call(<LoggerBase><object>self, WARN_, args, given, names, False)


cdef object call_warn(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names):
    return call(<LoggerBase><object>self, WARN_, args, given, names, False)


cdef object call_error(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names):
    return call(<LoggerBase><object>self, ERROR_, args, given, names, False)


cdef object call_critical(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names):
    return call(<LoggerBase><object>self, FATAL_, args, given, names, False)


cdef object call_fatal(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names):
    return call(<LoggerBase><object>self, FATAL_, args, given, names, False)


cdef object call_audit(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names):
    return call(<LoggerBase><object>self, AUDIT_, args, given, names, False)


cdef object call_security(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names):
    return call(<LoggerBase><object>self, SECURITY_, args, given, names, False)


cdef object call_exception(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names):
    return call(<LoggerBase><object>self, ERROR_, args, given, names, True)


cdef PyMethodDef LEVEL_METHODS[11]


cdef int add_level_method(int index, const char* name, void* function, const char* doc) except -1:
    LEVEL_METHODS[index].ml_name = name
    LEVEL_METHODS[index].ml_meth = function
    LEVEL_METHODS[index].ml_flags = METH_FASTCALL | METH_KEYWORDS
    LEVEL_METHODS[index].ml_doc = doc
    return fapilog_add_method(<PyObject*>LoggerBase, &LEVEL_METHODS[index])


add_level_method(0, b"trace", <void*>call_trace,
                 b"trace($self, message, /, *args, exc_info=None, **attributes)\n--\n\nLog at TRACE (1).")
add_level_method(1, b"debug", <void*>call_debug,
                 b"debug($self, message, /, *args, exc_info=None, **attributes)\n--\n\nLog at DEBUG (5).")
add_level_method(2, b"info", <void*>call_info,
                 b"info($self, message, /, *args, exc_info=None, **attributes)\n--\n\nLog at INFO (9).")
add_level_method(3, b"warning", <void*>call_warning,
                 b"warning($self, message, /, *args, exc_info=None, **attributes)\n--\n\nLog at WARN (13).")
add_level_method(4, b"warn", <void*>call_warn,
                 b"warn($self, message, /, *args, exc_info=None, **attributes)\n--\n\nLog at WARN (13).")
add_level_method(5, b"error", <void*>call_error,
                 b"error($self, message, /, *args, exc_info=None, **attributes)\n--\n\nLog at ERROR (17).")
add_level_method(6, b"critical", <void*>call_critical,
                 b"critical($self, message, /, *args, exc_info=None, **attributes)\n--\n\nLog at FATAL (21).")
add_level_method(7, b"fatal", <void*>call_fatal,
                 b"fatal($self, message, /, *args, exc_info=None, **attributes)\n--\n\nLog at FATAL (21).")
add_level_method(8, b"audit", <void*>call_audit,
                 b"audit($self, message, /, *args, exc_info=None, **attributes)\n--\n\nLog at AUDIT (22), a protected severity.")
add_level_method(9, b"security", <void*>call_security,
                 b"security($self, message, /, *args, exc_info=None, **attributes)\n--\n\nLog at SECURITY (23), a protected severity.")
add_level_method(10, b"exception", <void*>call_exception,
                 b"exception($self, message, /, *args, exc_info=True, **attributes)\n--\n\nLog at ERROR (17) with the "
                 b"exception being handled as exception.* attributes.")
