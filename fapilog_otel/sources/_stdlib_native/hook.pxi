# The functions of sources/stdlib/hook.py, compiled: what they decide is decided there, in words.

cdef extern from *:
    """
    #if defined(_MSC_VER)
    static __declspec(thread) PyObject *fapilog_captured_for = NULL;
    #else
    static __thread PyObject *fapilog_captured_for = NULL;
    #endif
    """
    PyObject* captured_for "fapilog_captured_for"   # the logger whose record filter has captured on this thread; owned

cdef extern from "Python.h":
    object PyMethod_New(object, object)

cdef bint FILTERS_GIVE_RECORDS = sys.version_info >= (3, 12)
cdef PyObject* HANDLE_CODE = <PyObject*>logging.Logger.handle.__code__
cdef int MAX_DEPTH = 3       # as in hook.py
cdef int MAX_NESTED = 32


cdef int set_captured(PyObject* logger) except -1:
    global captured_for
    cdef PyObject* old = captured_for
    if logger is not NULL:
        Py_INCREF(<object>logger)
    captured_for = logger
    Py_XDECREF(old)
    return 0


cdef bint called_by_handle() except -1:
    """Tell whether the Python function that called us is a ``handle``."""
    cdef PyFrameObject* frame = PyEval_GetFrame()
    cdef PyObject* code
    if frame is NULL:
        return False
    code = PyFrame_GetCode(frame)
    try:
        return code is HANDLE_CODE or (<object>code).co_name == "handle"
    finally:
        Py_XDECREF(code)


cdef class Running:
    """How deep a thread is in logs made while a record is translated, and how many those were."""

    cdef int depth
    cdef int nested


cdef class HookFunctions:
    """The functions over ``logging.Logger``'s, for an installed hook.

    Args:
        hook: The hook, for what is rare.
        path: Where records go.
        receiver: Called with a record that only the Python translation knows how to translate.
        local: Has the ``running`` of the running thread.
    """

    cdef object hook
    cdef RecordPath path
    cdef object receiver
    cdef public bint installed
    cdef public bint marked      # whether any level check was ever passed because of us
    cdef object local

    def __init__(self, hook, RecordPath path not None, receiver, local):
        self.hook = hook
        self.path = path
        self.receiver = receiver
        self.local = local
        self.installed = True
        self.marked = False

    def over_is_enabled_for(self, original, bint of_logging):
        """Give the function over ``Logger.isEnabledFor``."""
        cdef RecordPath path = self.path
        admits = self.hook.admits

        def isEnabledFor(logger, level):
            cache = logger._cache
            remembers = type(cache) is path.cache_class
            if of_logging and PyLong_CheckExact(level) and (remembers or PyDict_CheckExact(cache)):
                own = field(<dict>cache, level)
                if own is True and logger.disabled is False:
                    return True
                if own is False and remembers and field(<dict>cache.ours, level) is False:
                    return False
            return original(logger, level) or admits(logger, level)

        return isEnabledFor

    def over_make_record(self, original):
        """Give what is called for ``Logger.makeRecord`` while records for us alone may be on their way."""
        hook = self.hook

        def makeRecord(logger, *args, **kwargs):
            return hook.make_record(original, logger, args, kwargs)

        return makeRecord

    def over_find_caller(self, original):
        """Give the function over ``Logger.findCaller``, which remembers the places that it has seen."""
        cdef RecordPath path = self.path

        def findCaller(logger, stack_info=False, stacklevel=1):
            cdef Site* site
            if stack_info is False and stacklevel == 1 and field(path.module, "_srcfile") is path.logging_file:
                site = caller_site(1, path.logging_file, 2)
                if site is not NULL and site.line is not NULL and site.function is not NULL:
                    file, line, name = <object>site.path, <object>site.line, <object>site.function
                    return file, line, name, None
            return original(logger, stack_info, stacklevel)

        return findCaller

    def over_filter(self, original, bint of_logging):
        """Give the function over ``Logger.filter``."""

        def filter(logger, record):
            filters = logger.filters
            if of_logging and PyList_CheckExact(filters) and PyList_GET_SIZE(filters) == 0:
                passed = record if FILTERS_GIVE_RECORDS else True
            else:
                passed = original(logger, record)
            if not passed or not self.installed or not called_by_handle():
                return passed
            if not self.take(logger, passed if isinstance(passed, logging.LogRecord) else record):
                return False
            set_captured(<PyObject*>logger)
            return passed

        return filter

    def over_call_handlers(self, original):
        """Give what stands for ``Logger.callHandlers``."""

        def callHandlers(logger, record):
            captured = captured_for is <PyObject*>logger
            set_captured(NULL)
            if captured or not self.installed or self.take(logger, record):
                original(logger, record)

        return callHandlers

    cdef bint take(self, logger, record) except -1:
        """Capture a record, and tell whether the application's handlers are to get it."""
        cdef bint is_ours_alone = self.marked and self.hook.claim(logger, record)
        return self.capture(record) and not is_ours_alone

    cdef bint capture(self, record) except -1:
        """Hand a record to the receiver, and tell whether it may lead to more logs."""
        cdef Running running
        if is_ours(self.path):
            return True
        running = self.local.running
        if running is None:
            running = self.local.running = Running()
        if running.depth:
            running.nested += 1
        if running.depth >= MAX_DEPTH or running.nested > MAX_NESTED:
            self.hook.dropped += 1
            return running.nested <= MAX_NESTED
        running.depth += 1
        try:
            if not self.path.deliver(record):
                self.path.translating += 1
                try:
                    self.receiver(record)
                finally:
                    self.path.translating -= 1
        except Exception as error:  # the promise of a log call: counted and told, never raised
            self.hook.fail(error)
        finally:
            running.depth -= 1
            if not running.depth:
                running.nested = 0
        return True


cdef class Dispatch:
    """``Logger.callHandlers``: the original itself for a record that filter has captured, else the function over it."""

    cdef object original
    cdef object function

    def __init__(self, original, function):
        self.original = original
        self.function = function

    def __get__(self, logger, owner):
        if logger is None:
            return self.function
        if captured_for is <PyObject*>logger:
            set_captured(NULL)
            return PyMethod_New(self.original, logger)
        return PyMethod_New(self.function, logger)
