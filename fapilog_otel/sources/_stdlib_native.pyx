# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: embedsignature=True, binding=True
"""Native functions over ``logging.Logger``'s: a record that only we want is never made, others are translated quickly.

Each call is decided from the objects themselves (``docs/design/fast-stdlib.md``): one thing out of the ordinary, and the
call goes to ``logging``'s own method as if this module were not there. Up to that decision nothing is changed and none
of the application's code runs. What is rare is left to the Python of ``sources.stdlib``, which says the same in words.
"""

from cpython.dict cimport PyDict_Next, PyDict_Size
from cpython.exc cimport PyErr_Clear
from cpython.long cimport PyLong_CheckExact
from cpython.ref cimport Py_CLEAR, Py_DECREF, Py_INCREF, Py_XDECREF, PyObject
from cpython.unicode cimport PyUnicode_CheckExact
from libc.string cimport memset

from fapilog_otel.encode._native cimport encoded_place, is_of_encoder, write_logged

import _thread
import logging
import os
import sys
import threading
import time

from fapilog_otel.compat.api import SeverityNumber
from fapilog_otel.telemetry.origin import EXPORTING, OUR_THREADS

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        pass
    PyTypeObject PyUnicode_Type
    PyTypeObject PyLong_Type
    PyTypeObject PyFloat_Type
    PyTypeObject PyBool_Type
    PyTypeObject* Py_TYPE(PyObject*)
    PyObject* _PyType_Lookup(PyTypeObject*, object)
    PyObject* PyDict_GetItemWithError(object, object)
    bint PyDict_CheckExact(object)
    bint PyList_CheckExact(object)
    bint PyTuple_CheckExact(object)
    bint PyFloat_CheckExact(object)
    Py_ssize_t PyList_GET_SIZE(object)
    PyObject* PyList_GET_ITEM(object, Py_ssize_t)
    PyObject* PyTuple_GET_ITEM(PyObject*, Py_ssize_t)
    Py_ssize_t PyTuple_GET_SIZE(PyObject*)
    long PyLong_AsLongAndOverflow(object, int*) except? -1
    int PySet_Contains(object, object) except -1
    dict PyDict_Copy(object)
    str PyUnicode_Format(object, object)
    object PyObject_GenericGetDict(object, void*)
    object PyObject_Vectorcall(object, PyObject**, size_t, PyObject*)
    PyObject* call_vector "PyObject_Vectorcall" (PyObject*, PyObject**, size_t, PyObject*) noexcept
    void* PyMem_Malloc(size_t) noexcept
    void PyMem_Free(void*) noexcept
    PyObject* PyErr_NoMemory() noexcept
    int PyContextVar_Get(object, PyObject*, PyObject**) except -1
    unsigned long PyThread_get_thread_ident()

include "_stdlib_native/types.pxi"
include "_stdlib_native/consumers.pxi"
include "_stdlib_native/caller.pxi"
include "_stdlib_native/path.pxi"
include "_stdlib_native/call.pxi"
include "_stdlib_native/record.pxi"
include "_stdlib_native/hook.pxi"
include "_stdlib_native/methods.pxi"
include "_stdlib_native/make.pxi"
