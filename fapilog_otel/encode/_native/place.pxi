# The place of a `logging` call, encoded once; sources/_stdlib_native keeps it with what it knows of the place.

cdef class Place:
    """The ``code.*`` attributes of a log call's place, as one encoder writes them.

    What they are never changes, so the bytes may be kept with the place. What an encoder makes of them (redaction, limits)
    is its own: the bytes are used by that encoder only, which is known by its mark.
    """

    cdef object encoder      # its mark
    cdef bytes wire          # None: they are not plain
    cdef int seen            # as in `Plain`


cdef inline char* put_place(char* p, Place place) noexcept:
    cdef Py_ssize_t n = PyBytes_GET_SIZE(place.wire)
    memcpy(p, PyBytes_AS_STRING(place.wire), n)
    return p + n
