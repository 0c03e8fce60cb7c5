# Trace id, span id and flags of the running context, encoded once a Context; ``encode/trace.py`` says the same in Python.

cdef enum:
    TRACE_BYTES = 40


cdef class TraceCache:
    """Encoded trace fields of one context at a time, by its identity; the Context is held, so the identity stays its own."""

    cdef object context_var
    cdef object cached_context
    cdef PyObject* cached_pointer
    cdef char fields[TRACE_BYTES]
    cdef int length
    cdef object trace_id          # those of the last record that brought its own ids
    cdef object span_id
    cdef object flags
    cdef char id_fields[TRACE_BYTES]
    cdef int id_length

    def __cinit__(self):
        self.context_var = runtime_context_var()
        self.cached_context = None
        self.cached_pointer = NULL
        memset(self.fields, 0, TRACE_BYTES)
        memset(self.id_fields, 0, TRACE_BYTES)
        self.trace_id = self.span_id = self.flags = None
        self.id_length = -1

    cdef int put(self, char* target, ids, context) except -1:
        """Write the trace fields of explicit ids, of a context, or of the current one; gives their length."""
        cdef PyObject* current = NULL
        cdef int length
        if ids is not None:
            return copy_fields(target, _wire.trace_fields(*ids))
        if context is not None or self.context_var is None:
            return copy_fields(target, context_fields(context))
        PyContextVar_Get(self.context_var, NULL, &current)
        if current is NULL:
            return 0
        try:
            if current is not self.cached_pointer:
                self.load(<object>current)
            # load() may have let another thread load its own context in between
            if current is self.cached_pointer:
                length = self.length
                memcpy(target, self.fields, length)
                return length
            return copy_fields(target, context_fields(<object>current))
        finally:
            Py_XDECREF(current)

    cdef inline int cached(self, char* target) noexcept:
        """Write the trace fields of the current context if they are at hand; -1: they are not."""
        cdef PyObject* current = NULL
        cdef bint known
        if self.context_var is None:
            return -1
        fapilog_context_value(self.context_var, &current)
        if current is NULL:
            return 0
        known = current is self.cached_pointer    # and held by the cache: letting go of it here runs nothing
        Py_XDECREF(current)
        if not known:
            return -1
        memcpy(target, self.fields, TRACE_BYTES)
        return self.length

    cdef int of_ids(self, char* target, record, trace_id, span_id, flags) except -2:
        """Write the trace fields of a record's own ids, encoded once a span; -1: they are no plain integers."""
        cdef bytes fields
        if trace_id is not self.trace_id or span_id is not self.span_id or flags is not self.flags:
            if not PyLong_CheckExact(trace_id) or not PyLong_CheckExact(span_id):
                return -1
            fields = _wire.trace_fields(*trace_ids(record))
            self.id_length = copy_fields(self.id_fields, fields)
            self.trace_id, self.span_id, self.flags = trace_id, span_id, flags
        memcpy(target, self.id_fields, TRACE_BYTES)
        return self.id_length

    cdef int load(self, context) except -1:
        cdef bytes fields = context_fields(context)
        old = self.cached_context    # kept until the end: letting go of it may run finalisers, which may log
        self.length = copy_fields(self.fields, fields)
        self.cached_pointer = <PyObject*>context
        self.cached_context = context
        return 0

    cdef int clear(self) except -1:
        old = self.cached_context    # as in load()
        self.cached_pointer = NULL
        self.cached_context = None
        return 0


cdef int copy_fields(char* target, bytes fields) except -1:
    if PyBytes_GET_SIZE(fields) > TRACE_BYTES:    # ids of a type that has its own idea of to_bytes()
        raise ValueError("the trace fields are too long")
    memcpy(target, PyBytes_AS_STRING(fields), PyBytes_GET_SIZE(fields))
    return <int>PyBytes_GET_SIZE(fields)
