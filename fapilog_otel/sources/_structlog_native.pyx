# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: embedsignature=True, binding=True
"""Native functions over ``BoundLoggerBase``'s: the chain runs as in structlog, and a plain event goes to the encoder.

``sources.structlog.hook`` says the same in Python. What is out of the ordinary (an exception, a call site, values that
are not plain, a provider that is not ours) is handed to it whole.
"""

from cpython.dict cimport PyDict_Next
from cpython.ref cimport PyObject

from fapilog_otel.encode._native cimport exporting, write_logged

import logging

from structlog import DropEvent

cdef extern from "Python.h":
    bint PyDict_CheckExact(object)
    bint PyUnicode_CheckExact(object)
    bint PyList_CheckExact(object)
    object PyDict_Copy(object)
    int PyDict_Update(object, object) except -1
    int PyDict_SetItem(object, object, object) except -1
    PyObject* PyDict_GetItemWithError(object, object)
    PyObject* PyTuple_GET_ITEM(object, Py_ssize_t)    # of a named tuple too

cdef object STDLIB_LOGGER = logging.Logger

cdef enum Kind:
    ATTRIBUTE = 0
    EVENT = 1
    ADDED = 2       # by a processor, unless the call gave it
    LOGGER = 3
    UNUSUAL = 4     # for the general way


cdef enum Plan:     # of `sources.structlog.hook`
    PROCESSORS = 0
    FIRST = 1
    LAST = 2
    HANDLED = 3


cdef class Method:
    """What a logger method's name means.

    Args:
        number: Severity number.
        text: Severity text.
        level: stdlib level.
        plain: Whether an event of it may be plain.
    """

    cdef int number
    cdef str text
    cdef object level
    cdef bint plain

    def __init__(self, int number, str text, level, bint plain):
        self.number = number
        self.text = text
        self.level = level
        self.plain = plain


cdef class Taken:
    """An event before its renderer had it."""

    cdef object target      # None: the general way
    cdef Method method
    cdef object body
    cdef object scope       # as the event tells it, or None
    cdef dict attributes    # what the general way calls the chained event, where there is no target


cdef class Functions:
    """The compiled hook.

    Args:
        plan: Chain to (what it is compared with, all but the last processor, the last, whether it exports by itself).
        plans: The plans by identity of their chain, as ``plan`` remembers them.
        capture: Takes (wrapped logger, method, event, keywords, context, chained event), the general way.
        target: Scope name to (our logger or None, lowest severity number); or None, as it remembers them.
        targets: What ``target`` remembers.
        methods: Method name to `Method`; others go the general way.
        kinds: Key to what it means in an event; the rest are attributes.
        default_scope: Scope where nobody tells one.
        hands_on: Type of a wrapped logger to whether its library may be captured too.
        hand_on: Calls such a logger.
    """

    cdef public bint installed
    cdef public Py_ssize_t failed
    cdef object plan, capture, target, hands_on, hand_on, process_function
    cdef dict plans, targets, methods, kinds, types
    cdef str default_scope

    def __init__(self, *, plan, dict plans, capture, target, dict targets, dict methods, dict kinds, str default_scope,
                 hands_on, hand_on):
        self.plan = plan
        self.plans = plans
        self.capture = capture
        self.target = target
        self.targets = targets
        self.methods = methods
        self.kinds = kinds
        self.default_scope = default_scope
        self.hands_on = hands_on
        self.hand_on = hand_on
        self.types = {}
        self.installed = False

    def over_process_event(self, original):
        """Give the function to put over ``_process_event``."""
        cdef Functions functions = self
        def _process_event(self, method_name, event, event_kw):
            plan = functions.plan_of(self)
            if plan is None:
                return original(self, method_name, event, event_kw)
            kw = dict(**event_kw)    # or the error that structlog's own update() raises
            return as_call(functions.run(plan, self, method_name, event, kw), original)
        self.process_function = _process_event
        return _process_event

    def over_proxy_to_logger(self, original, original_process):
        """Give the function to put over ``_proxy_to_logger``; call `over_process_event` first."""
        cdef Functions functions = self
        def _proxy_to_logger(self, method_name, event=None, **event_kw):
            logger = self._logger
            if not functions.installed:
                return original(self, method_name, event, **event_kw)
            if functions.is_handed_on(logger.__class__):    # which a proxy gives as that of what is behind it
                return functions.hand_on(self, method_name, event, event_kw)
            plan = functions.plan_of(self)
            if plan is None or type(self)._process_event is not functions.process_function:
                return original(self, method_name, event, **event_kw)
            try:
                result = functions.run(plan, self, method_name, event, event_kw)
                if isinstance(result, str):
                    return getattr(logger, method_name)(result)
                args, kw = as_call(result, original_process)
                return getattr(logger, method_name)(*args, **kw)
            except DropEvent:
                return None
        return _proxy_to_logger

    cdef bint is_handed_on(self, kind) except -1:
        cdef PyObject* known = PyDict_GetItemWithError(self.types, kind)
        if known is NULL:
            if len(self.types) >= 256:
                self.types.clear()
            found = self.types[kind] = bool(self.hands_on(kind))
            return found
        return <object>known is True

    cdef object plan_of(self, bound):
        """Give the plan of a bound logger's chain; None: it is left alone."""
        if not self.installed:
            return None
        processors = bound._processors
        cdef PyObject* known = PyDict_GetItemWithError(self.plans, id(processors))
        plan = None if known is NULL else <object>known
        if plan is None or not are_the_same(<list>PyTuple_GET_ITEM(plan, PROCESSORS), processors):
            plan = self.plan(processors)
        return None if <object>PyTuple_GET_ITEM(plan, HANDLED) else plan

    cdef object run(self, plan, bound, method, event, dict kw):
        """Run the chain as structlog does, and take what its last processor gets."""
        logger = bound._logger
        context = bound._context
        if PyDict_CheckExact(context):
            current = PyDict_Copy(context)
            PyDict_Update(current, kw)
            if event is not None:
                PyDict_SetItem(current, "event", event)
        else:
            current = context.copy()
            current.update(**kw)
            if event is not None:
                current["event"] = event
        for processor in <list>PyTuple_GET_ITEM(plan, FIRST):
            current = processor(logger, method, current)
        cdef Taken taken = None
        try:
            taken = self.look_at(logger, method, kw, context, current)
        except Exception:
            self.failed += 1
        failure = None
        try:
            result = (<object>PyTuple_GET_ITEM(plan, LAST))(logger, method, current)
        except DropEvent:
            raise
        except BaseException as error:
            failure = error
        if taken is not None:
            self.take(taken, logger, method, event, kw, context)
        if failure is not None:
            raise failure
        return result

    cdef Taken look_at(self, logger, method, dict kw, context, current):
        """Keep what the renderer may change."""
        cdef Taken taken = Taken.__new__(Taken)
        cdef dict attributes
        cdef PyObject* key
        cdef PyObject* value
        cdef PyObject* found
        cdef Py_ssize_t at = 0
        cdef int kind
        cdef bint has_body = False
        if not PyDict_CheckExact(current):
            taken.attributes = dict(current) if isinstance(current, dict) else {"event": current}
            return taken
        found = PyDict_GetItemWithError(self.methods, method) if PyUnicode_CheckExact(method) else NULL
        if found is NULL or not (<Method>found).plain or "exc_info" in kw:
            taken.attributes = dict(<dict>current)
            return taken
        taken.method = <Method>found
        attributes = {}
        while PyDict_Next(current, &at, &key, &value):
            name, given = <object>key, <object>value
            if not PyUnicode_CheckExact(name):
                kind = UNUSUAL
            else:
                found = PyDict_GetItemWithError(self.kinds, name)
                kind = ATTRIBUTE if found is NULL else <object>found
            if kind == ATTRIBUTE:
                attributes[name] = given
            elif kind == EVENT:
                taken.body = given
                has_body = True
            elif kind == ADDED:
                if name in kw or name in context:
                    attributes[name] = given
            elif kind == LOGGER and PyUnicode_CheckExact(given) and given:
                taken.scope = given
            else:
                has_body = False
                break
        if not has_body:
            taken.attributes = dict(<dict>current)
            return taken
        taken.attributes = attributes
        taken.target = self.target_of(logger, kw, context, taken.scope)
        return taken

    cdef object target_of(self, logger, dict kw, context, scope):
        """Give where an event goes: as `scope_name` of the Python has it."""
        if scope is None:
            scope = getattr(logger, "name", None)
            if not isinstance(scope, str) or not scope:
                scope = kw["logger_name"] if "logger_name" in kw else context.get("logger_name")
                if not isinstance(scope, str) or not scope:
                    scope = self.default_scope
        cdef PyObject* known = PyDict_GetItemWithError(self.targets, scope)
        return self.target(scope) if known is NULL else <object>known

    cdef int take(self, Taken taken, logger, method, event, dict kw, context) except -1:
        """Hand an event over; never raises an `Exception`."""
        try:
            if taken.target is None or not self.write(taken, logger):
                self.general(taken, logger, method, event, kw, context)
        except Exception:
            self.failed += 1
        return 0

    cdef bint write(self, Taken taken, logger) except -1:
        """Encode a plain event; False: it is not, and nothing was done."""
        cdef Method method = taken.method
        cdef tuple target = <tuple>taken.target
        if target[0] is None:
            return False
        if isinstance(logger, STDLIB_LOGGER) and not logger.isEnabledFor(method.level):
            return True
        if target[1] and method.number < target[1] or exporting():
            return True
        return write_logged(<PyObject*>target[0], method.number, <PyObject*>method.text, <PyObject*>taken.body,
                            <PyObject*>taken.attributes, NULL, NULL)

    cdef int general(self, Taken taken, logger, method, event, dict kw, context) except -1:
        chained = taken.attributes
        if taken.target is not None:    # what was left out would be left out there too
            chained = {"event": taken.body, **chained}
            if taken.scope is not None:
                chained["logger"] = taken.scope
        self.capture(logger, method, event, kw, context, chained)
        return 0


cdef bint are_the_same(list known, processors) except -1:
    """Tell whether a chain has these very processors."""
    cdef Py_ssize_t i
    cdef list now = <list>processors if PyList_CheckExact(processors) else list(processors)
    if len(now) != len(known):
        return False
    for i in range(len(now)):
        if now[i] is not known[i]:
            return False
    return True


cdef tuple as_call(result, original):
    """Give the arguments for the wrapped logger, as structlog reads them from what the last processor returned."""
    if isinstance(result, (str, bytes, bytearray)):
        return (result,), {}
    if isinstance(result, tuple):
        return result
    if isinstance(result, dict):
        return (), result
    return original(Rendered(result), None, None, {})    # which raises, in structlog's own words


class Rendered:
    """What structlog reads of a bound logger, for one whose chain gives a value that is there already."""

    def __init__(self, result):
        self._logger = None
        self._context = {}
        self._processors = [lambda *_: result]
