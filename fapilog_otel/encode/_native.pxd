# What other native modules call of this one; ``_native/logged.pxi`` and ``logger.pxi`` have it.

from cpython.ref cimport PyObject
from libc.stdint cimport uint64_t

cdef bint exporting() except -1
cdef object encoded_place(PyObject* logger, path, line, function)
cdef bint is_of_encoder(PyObject* logger, PyObject* place) except -1
cdef bint write_logged_at(PyObject* logger, uint64_t timestamp, int severity, PyObject* text, PyObject* body,
                          PyObject* attributes, PyObject* reserved, PyObject* place) except -1
cdef bint write_logged(PyObject* logger, int severity, PyObject* text, PyObject* body, PyObject* attributes,
                       PyObject* reserved, PyObject* place) except -1
