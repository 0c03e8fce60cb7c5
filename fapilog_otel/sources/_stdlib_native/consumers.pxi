# Who else would get the record: what Logger.callHandlers would do with it, found without making it.

cdef enum:
    MAX_ANCESTORS = 64


cdef inline object field(dict fields, object name):
    # None stands for what is missing: neither is what a logger has there.
    cdef PyObject* found = PyDict_GetItemWithError(fields, name)
    return None if found is NULL else <object>found


cdef bint refuses(object handler, long level) except -1:
    """Tell whether a handler would do nothing with a record of this level."""
    cdef int traits = traits_of(Py_TYPE(<PyObject*>handler))
    cdef int overflow = 0
    cdef long lowest
    cdef dict fields
    if not traits & LEVEL:
        return False
    own = PyObject_GenericGetDict(handler, NULL)
    if not PyDict_CheckExact(own):
        return False
    fields = own
    limit = field(fields, "level")
    if limit is None or not PyLong_CheckExact(limit):
        return False
    lowest = PyLong_AsLongAndOverflow(limit, &overflow)
    if level < lowest and not overflow:
        return True
    return traits & HARMLESS and PyDict_GetItemWithError(fields, "handle") is NULL


cdef bint nobody_listens(dict fields, long level, dict module) except -1:
    """Tell whether no handler of a logger and its ancestors, nor the last resort, would do anything with a record."""
    cdef Py_ssize_t i, found = 0
    cdef int step
    cdef PyObject* parent
    cdef dict node = fields
    for step in range(MAX_ANCESTORS):
        handlers = field(node, "handlers")
        if handlers is None or not PyList_CheckExact(handlers):
            return False
        for i in range(PyList_GET_SIZE(handlers)):
            if not refuses(<object>PyList_GET_ITEM(handlers, i), level):
                return False
            found += 1
        propagate = field(node, "propagate")
        if propagate is not True:
            if propagate is False:
                break
            if propagate is None or not PyLong_CheckExact(propagate):
                return False
            if not propagate:
                break
        parent = PyDict_GetItemWithError(node, "parent")
        if parent is NULL:
            return False
        if <object>parent is None:
            break
        if not traits_of(Py_TYPE(parent)) & FIELDS:
            return False
        own = PyObject_GenericGetDict(<object>parent, NULL)
        if not PyDict_CheckExact(own):
            return False
        node = own
    else:
        return False
    if found:
        return True
    last_resort = field(module, "lastResort")
    return last_resort is not None and refuses(last_resort, level)
