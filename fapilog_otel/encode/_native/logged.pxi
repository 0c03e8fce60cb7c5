# Calls of `logging` that go the short way: `sources/_stdlib_native` calls these without Python in between.

cdef object encoded_place(PyObject* logger, path, line, function):
    """Encode the ``code.*`` attributes of a place for the encoder that a logger writes to now, or give None.

    Args:
        logger: The logger.
        path: ``code.file.path``, or None.
        line: ``code.line.number``, or None.
        function: ``code.function.name``, or None.
    """
    cdef EmitCore core
    if not isinstance(<object>logger, LoggerBase):
        return None
    port = (<LoggerBase>logger).port
    core = None if port is None else (<Port>port)._core
    try:
        return None if core is None else core.encoder.place_of(path, line, function)
    except Exception:    # a redactor that raises: the general way counts it and fails closed
        return None


cdef bint is_of_encoder(PyObject* logger, PyObject* place) except -1:
    """Tell whether a place was encoded by the encoder that a logger writes to now."""
    cdef Port port
    if not isinstance(<object>logger, LoggerBase) or not isinstance(<object>place, Place):
        return False
    port = (<LoggerBase>logger).port
    return port is not None and port._core is not None and (<Place>place).encoder is port._core.encoder.mark


cdef bint write_logged(PyObject* logger, int severity, PyObject* text, PyObject* body, PyObject* attributes,
                       PyObject* reserved, PyObject* place) except -1:
    """Submit a plain record of now; see `write_logged_at`."""
    return write_logged_at(logger, 0, severity, text, body, attributes, reserved, place)


cdef bint write_logged_at(PyObject* logger, uint64_t timestamp, int severity, PyObject* text, PyObject* body,
                          PyObject* attributes, PyObject* reserved, PyObject* place) except -1:
    """Submit a plain record, or nothing where the gate is shut; False: nothing was done, it takes the general way.

    The caller knows that the running code does not work for our own exporting.

    Args:
        logger: A `LoggerBase`; anything else takes the general way.
        timestamp: Unix ns; 0: now.
        severity: 0 to 24.
        text: Severity text.
        body: The message.
        attributes: A dict, or NULL.
        reserved: A frozenset of keys that none of them may have.
        place: What `encoded_place` gave, or NULL.
    """
    cdef LoggerBase self
    cdef Port port
    cdef Layers layers
    cdef const Head* head
    cdef uint64_t now
    if not isinstance(<object>logger, LoggerBase):
        return False
    self = <LoggerBase>logger
    port = self.port
    if port is None or port._processed is not None or port._core is None:
        return False
    if not self.open_to(port._core, severity):
        return True
    head = head_of(severity, text)
    if head is NULL:
        return False
    no_layers(&layers)
    layers.bound = <PyObject*>self.bound
    layers.attributes = attributes
    layers.reserved = reserved
    layers.place = place
    now = now_ns()
    return self._core.put_plain(<PyObject*>self._scope, timestamp or now, now, head, body, &layers, NULL, NULL, 0)
