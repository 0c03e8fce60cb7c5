# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: embedsignature=True, binding=True
"""Plain records of loguru's, from its dictionary to the encoder without Python in between.

``sources.loguru.capture`` and ``translate`` say the same in words, and get what is not plain: exceptions, values that
are no texts, numbers or booleans, fields that a patcher has made something else of, loggers that are not ours.
"""

from cpython.datetime cimport PyDelta_Check, import_datetime, timedelta_days, timedelta_microseconds, timedelta_seconds
from cpython.dict cimport PyDict_Next
from cpython.ref cimport PyObject
from libc.stdint cimport uint64_t

from fapilog_otel.encode._native cimport exporting, write_logged_at

import datetime

cdef extern from "Python.h":
    bint PyDict_CheckExact(object)
    bint PyUnicode_CheckExact(object)
    bint PyLong_CheckExact(object)
    PyObject* PyDict_GetItemWithError(object, object)
    int PySet_Contains(object, object) except -1

import_datetime()

cdef object EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
cdef enum:
    MAX_DAYS = 213_503    # fixed64 holds no more of ns


cdef class PlainRecords:
    """The way of plain records.

    Args:
        target: Scope name to (our logger or None, lowest level or None).
        targets: What ``target`` remembers.
        severity: Number and name of a level to (severity number, severity text).
        special: Keys of ``extra`` that are no plain attributes.
        passed_on: Tells of a record whether the stdlib source has had it; by the frames, of which none are here.
        code_attributes: Whether records tell file, line and function of the log call.
    """

    cdef object target, severity, passed_on
    cdef dict targets, severities
    cdef frozenset special
    cdef bint code_attributes

    def __init__(self, *, target, dict targets, severity, frozenset special, passed_on, bint code_attributes):
        self.target = target
        self.targets = targets
        self.severity = severity
        self.severities = {}
        self.special = special
        self.passed_on = passed_on
        self.code_attributes = code_attributes

    def take(self, record, lowest):
        """Encode a record, or leave out one below its level; False: nothing was done, it takes the general way."""
        try:
            return self.take_plain(record, lowest)
        except Exception:    # a field that a patcher has made something else of
            return False

    cdef bint take_plain(self, record, lowest) except -1:
        cdef dict attributes
        cdef PyObject* text
        cdef PyObject* key
        cdef PyObject* value
        cdef Py_ssize_t at = 0
        cdef uint64_t moment
        if not PyDict_CheckExact(record) or exporting():
            return False
        name, level = record["name"], record["level"]
        message, extra = record["message"], record["extra"]
        if record["exception"] is not None or not PyDict_CheckExact(extra) or not PyUnicode_CheckExact(name) or not name:
            return False
        known = PyDict_GetItemWithError(self.targets, name)
        cdef tuple target = self.target(name) if known is NULL else <tuple>known
        if target[0] is None:
            return False
        number = level.no
        if not PyLong_CheckExact(number):
            return False
        if number < (lowest if target[1] is None else target[1]) or self.passed_on(record):
            return True
        cdef tuple severity = self.severity_of(number, level.name)
        attributes = {}
        if self.code_attributes:
            path = record["file"].path
            if not PyUnicode_CheckExact(path) or not path or path == "<unknown>":
                return False
            attributes["code.file.path"] = path
            attributes["code.line.number"] = record["line"]
            attributes["code.function.name"] = record["function"]
        while PyDict_Next(extra, &at, &key, &value):
            if not PyUnicode_CheckExact(<object>key) or PySet_Contains(self.special, <object>key):
                return False
            attributes[<object>key] = <object>value
        moment = nanoseconds(record["time"])
        if not moment:
            return False
        return write_logged_at(<PyObject*>target[0], moment, severity[0], <PyObject*>severity[1], <PyObject*>message,
                               <PyObject*>attributes, NULL, NULL)

    cdef tuple severity_of(self, number, name):
        cdef PyObject* known = PyDict_GetItemWithError(self.severities, number)
        if known is not NULL and (<tuple>known)[2] == name:
            return <tuple>known
        found = self.severity(number, name)
        if len(self.severities) >= 256:
            self.severities.clear()
        cdef tuple kept = (*found, name)
        self.severities[number] = kept
        return kept


cdef uint64_t nanoseconds(moment) except? 0:
    """Give a time as ns since the epoch, exact to loguru's microsecond; 0 for what is no time that can be sent."""
    delta = moment - EPOCH
    if not PyDelta_Check(delta):
        return 0
    cdef int days = timedelta_days(delta)
    if days < 0 or days > MAX_DAYS:
        return 0
    cdef uint64_t seconds = <uint64_t>days * 86_400 + timedelta_seconds(delta)
    return seconds * 1_000_000_000 + <uint64_t>timedelta_microseconds(delta) * 1000
