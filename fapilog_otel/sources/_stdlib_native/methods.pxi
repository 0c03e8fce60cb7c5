# The level methods as the interpreter calls them best. They have no frame: whoever looks for the caller finds the caller.

cdef extern from *:
    """
    static PyObject *fapilog_method(PyTypeObject *type, PyMethodDef *method) {
        return PyDescr_NewMethod(type, method);
    }
    """
    ctypedef struct PyMethodDef:
        const char* ml_name
        void* ml_meth
        int ml_flags
        const char* ml_doc
    int METH_FASTCALL
    int METH_KEYWORDS
    object fapilog_method(PyTypeObject* type, PyMethodDef* method)

cdef enum:
    METHODS_ = 6
    LOG = 5              # the one that is given its level
    STACK_ARGS = 16

cdef PyMethodDef definitions[METHODS_]
cdef PyObject* originals[METHODS_]
cdef tuple LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


# What logging's own method raises passes through: these functions add no line to its traceback.

cdef PyObject* ordinary(int which, PyObject* logger, PyObject** args, Py_ssize_t given, PyObject* names) noexcept:
    """Call logging's own method with the same arguments."""
    return forward(originals[which], logger, args, given, names)


cdef PyObject* forward(PyObject* function, PyObject* first, PyObject** args, Py_ssize_t given, PyObject* names) noexcept:
    """Call a function with one more argument before the others."""
    cdef PyObject* whole[STACK_ARGS]
    cdef Py_ssize_t i
    cdef Py_ssize_t keywords = 0 if names is NULL else PyTuple_GET_SIZE(names)
    if given + keywords >= STACK_ARGS:
        return forward_at_length(function, first, args, given, names, keywords)
    whole[0] = first
    for i in range(given + keywords):
        whole[i + 1] = args[i]
    return call_vector(function, whole, given + 1, names)


cdef PyObject* forward_at_length(PyObject* function, PyObject* first, PyObject** args, Py_ssize_t given, PyObject* names,
                                 Py_ssize_t keywords) noexcept:
    cdef Py_ssize_t i
    cdef Py_ssize_t size = (given + keywords + 1) * <Py_ssize_t>sizeof(PyObject*)
    cdef PyObject** whole = <PyObject**>PyMem_Malloc(size)
    cdef PyObject* result
    if whole is NULL:
        return PyErr_NoMemory()
    whole[0] = first
    for i in range(given + keywords):
        whole[i + 1] = args[i]
    result = call_vector(function, whole, given + 1, names)
    PyMem_Free(whole)
    return result


cdef PyObject* none() noexcept:
    Py_INCREF(None)
    return <PyObject*>None


cdef PyObject* call_at(int which, PyObject* level, PyObject* logger, PyObject** args, Py_ssize_t given,
                       PyObject* names) noexcept:
    cdef Py_ssize_t ahead = which == LOG     # the level stands before the message
    cdef int outcome = attempt(logger, level, args + ahead, given - ahead, names)
    if outcome == ORDINARY:
        return ordinary(which, logger, args, given, names)
    return none() if outcome == DONE else NULL


cdef PyObject* call_debug(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names) noexcept:
    return call_at(0, PyTuple_GET_ITEM(<PyObject*>LEVELS, 0), self, args, given, names)


cdef PyObject* call_info(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names) noexcept:
    return call_at(1, PyTuple_GET_ITEM(<PyObject*>LEVELS, 1), self, args, given, names)


cdef PyObject* call_warning(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names) noexcept:
    return call_at(2, PyTuple_GET_ITEM(<PyObject*>LEVELS, 2), self, args, given, names)


cdef PyObject* call_error(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names) noexcept:
    return call_at(3, PyTuple_GET_ITEM(<PyObject*>LEVELS, 3), self, args, given, names)


cdef PyObject* call_critical(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names) noexcept:
    return call_at(4, PyTuple_GET_ITEM(<PyObject*>LEVELS, 4), self, args, given, names)


cdef PyObject* call_log(PyObject* self, PyObject** args, Py_ssize_t given, PyObject* names) noexcept:
    if given > 1 and PyLong_CheckExact(<object>args[0]):
        return call_at(LOG, args[0], self, args, given, names)
    return ordinary(LOG, self, args, given, names)


cdef object method(int which, const char* name, void* function, const char* doc):
    original = logging.Logger.__dict__[(<bytes>name).decode()]
    definitions[which].ml_name = name
    definitions[which].ml_meth = function
    definitions[which].ml_flags = METH_FASTCALL | METH_KEYWORDS
    definitions[which].ml_doc = doc
    Py_INCREF(original)
    originals[which] = <PyObject*>original
    return fapilog_method(<PyTypeObject*><PyObject*>logging.Logger, &definitions[which])


def level_methods():
    """Give name, method and the function that the method stands for, of each level method; to be called once."""
    cdef int i
    made = (
        method(0, b"debug", <void*>call_debug, b"debug($self, msg, /, *args, **kwargs)\n--\n\nLog at DEBUG (10)."),
        method(1, b"info", <void*>call_info, b"info($self, msg, /, *args, **kwargs)\n--\n\nLog at INFO (20)."),
        method(2, b"warning", <void*>call_warning,
               b"warning($self, msg, /, *args, **kwargs)\n--\n\nLog at WARNING (30)."),
        method(3, b"error", <void*>call_error, b"error($self, msg, /, *args, **kwargs)\n--\n\nLog at ERROR (40)."),
        method(4, b"critical", <void*>call_critical,
               b"critical($self, msg, /, *args, **kwargs)\n--\n\nLog at CRITICAL (50)."),
        method(LOG, b"log", <void*>call_log, b"log($self, level, msg, /, *args, **kwargs)\n--\n\nLog at a level."),
    )
    return [(made[i].__name__, made[i], <object>originals[i]) for i in range(METHODS_)]
