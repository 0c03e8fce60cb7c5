# SDK records that a stock provider hands to our processor: read attribute by attribute, written the plain way.

cdef bint feed_plain(EmitCore core, PyObject* scope, int floor, sdk_record) except -1:
    # Submit a plain record, or nothing where it is below the floor; False: it takes the general way.
    cdef object record = sdk_record.log_record
    cdef object text = record.severity_text
    cdef object body = record.body
    cdef object event = record.event_name
    cdef object attributes = record.attributes
    cdef object number = record.severity_number
    cdef object timestamp = record.timestamp
    cdef object observed = record.observed_timestamp
    cdef object trace_id = record.trace_id
    cdef object span_id = record.span_id
    cdef object flags = record.trace_flags
    cdef uint64_t stamp, seen
    cdef char trace[TRACE_BYTES]
    cdef int trace_len, severity
    cdef const Head* head
    cdef Layers layers
    if type(attributes) is BoundedAttributes:
        if attributes.dropped:
            return False
        attributes = attributes._dict
    severity = severity_of(or_null(number))
    if severity < 0 or not plain_time(or_null(timestamp), 0, &stamp) or not plain_time(or_null(observed), 0, &seen):
        return False
    if 0 < severity < floor:
        return True
    trace_len = core.trace.of_ids(trace, record, trace_id, span_id, flags)
    head = head_of(severity, <PyObject*>(NO_TEXT if text is None else text))
    if trace_len < 0 or head is NULL:
        return False
    no_layers(&layers)
    layers.attributes = <PyObject*>attributes
    return core.put_plain(scope, stamp, seen, head, <PyObject*>body, &layers, or_null(event), trace, trace_len)


cdef inline PyObject* or_null(value) noexcept:
    return NULL if value is None else <PyObject*>value
