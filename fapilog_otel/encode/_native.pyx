# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: embedsignature=True, binding=True
"""The native twin of ``emit``, ``log_methods`` and ``model.chunk``: the same methods, the same bytes, no Python per field.

Three rules keep it correct (``docs/design/encoder.md``):
1. every odd value becomes plain text or bytes *before* the record is opened in the chunk;
2. between opening and closing a record only memory is copied: no Python code, no allocation, hence no other thread;
3. sizes are known before the first byte is written.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from libc.time cimport time_t
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next, PyDict_Size
from cpython.exc cimport PyErr_Clear
from cpython.long cimport PyLong_Check, PyLong_CheckExact
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF, PyObject
from cpython.unicode cimport PyUnicode_CheckExact

from collections import deque
import sys
import time

from fapilog_otel.compat.api import BoundedAttributes, SeverityNumber, runtime_context_var
from fapilog_otel.encode import _wire
from fapilog_otel.encode.context import BOUND, on_first_use
from fapilog_otel.encode.log_methods import (
    exception_of, formatted, given_context, nanoseconds, record_fields, severity_value, text_or_empty, trace_ids,
    with_exception,
)
from fapilog_otel.encode.plan import DROP, KEEP, MASK
from fapilog_otel.encode.record_path import encode_fields, run_stages
from fapilog_otel.encode.trace import context_fields
from fapilog_otel.encode.values import (
    attribute_text, attribute_value, body_value, build_payload, key_verdict, merge_attributes, safe_mapping,
    select_attributes,
)
from fapilog_otel.model.anyvalue import Budget, clean_text, normalise_key
from fapilog_otel.model.chunk import payload_start
from fapilog_otel.telemetry.origin import EXPORTING

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object, Py_ssize_t*) except NULL
    long long PyLong_AsLongLongAndOverflow(object, int*) except? -1
    double PyFloat_AS_DOUBLE(object)
    bint PyFloat_CheckExact(object)
    bint PyDict_CheckExact(object)
    int PyContextVar_Get(object, PyObject*, PyObject**) except -1
    PyObject* PyTuple_GET_ITEM(PyObject*, Py_ssize_t)
    Py_ssize_t PyTuple_GET_SIZE(object)
    PyObject* PyList_GET_ITEM(object, Py_ssize_t)
    PyObject* Py_True     # `<PyObject*>True` would be the number 1
    PyObject* Py_False
    PyObject* Py_None
    # The same functions for borrowed references, where what they raise is cleared or cannot be raised.
    int PySet_Contains(object, object) noexcept    # of exact str in a frozenset: nothing of Python runs
    bytes PyBytes_FromStringAndSize(const char*, Py_ssize_t)
    long long fapilog_int64 "PyLong_AsLongLongAndOverflow"(PyObject*, int*) noexcept
    PyObject* fapilog_dict_get "PyDict_GetItemWithError"(object, PyObject*) noexcept
    int fapilog_context_value_ "PyContextVar_Get"(object, PyObject*, PyObject**) noexcept

cdef extern from *:
    """
    /* Nearly every text is of one block and ASCII: its UTF-8 is the text's own memory. */
    static inline const char *fapilog_text(PyObject *text, Py_ssize_t *n) {
        if (PyUnicode_IS_COMPACT_ASCII(text)) {
            *n = PyUnicode_GET_LENGTH(text);
            return (const char *)PyUnicode_1BYTE_DATA(text);
        }
        return PyUnicode_AsUTF8AndSize(text, n);
    }
    """
    const char* fapilog_utf8 "fapilog_text"(PyObject*, Py_ssize_t*) noexcept

cdef inline void fapilog_context_value(object var, PyObject** value) noexcept:
    if fapilog_context_value_(var, NULL, value) < 0:
        PyErr_Clear()

cdef bint BOUND_USED = False


def _bound_context_is_used():
    global BOUND_USED
    BOUND_USED = True


on_first_use(_bound_context_is_used)

include "_native/wire.pxi"
include "_native/suspicion.pxi"
include "_native/chunk.pxi"
include "_native/trace.pxi"
include "_native/fields.pxi"
include "_native/draft.pxi"
include "_native/place.pxi"
include "_native/plain.pxi"
include "_native/core.pxi"
include "_native/logger.pxi"
include "_native/vector.pxi"
include "_native/emit.pxi"
include "_native/feed.pxi"
include "_native/logged.pxi"
