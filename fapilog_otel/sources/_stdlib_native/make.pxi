# Logger.makeRecord with a LogRecord as LogRecord.__init__ makes it; one thing out of the ordinary, and the original does it.

cdef extern from "Python.h":
    object PyCFunction_NewEx(PyMethodDef*, object, PyObject*)

cdef bint NS_CLOCK = sys.version_info >= (3, 13)
cdef bint TASK_NAMES = sys.version_info >= (3, 12)
cdef frozenset TAKEN = frozenset(RECORD_KEYS) | {"message", "asctime"}
cdef enum:
    MAX_FILES = 4096
    MAKE_ARGS = 10       # name, level, file, line, message, args, exc_info, function, extra, stack: what _log gives


cdef tuple file_and_module(RecordPath path, str pathname):
    cdef PyObject* found = PyDict_GetItemWithError(path.files, pathname)
    if found is not NULL:
        return <tuple>found
    name = os.path.basename(pathname)
    if len(path.files) >= MAX_FILES:
        path.files.clear()
    made = path.files[pathname] = (name, os.path.splitext(name)[0])
    return made


cdef object process_name():
    processes = sys.modules.get("multiprocessing")
    if processes is None:
        return "MainProcess"
    try:
        return processes.current_process().name
    except Exception:  # as in LogRecord: the module may be half loaded
        return "MainProcess"


cdef object task_name(dict module):
    tasks = sys.modules.get("asyncio") if field(module, "logAsyncioTasks") is True else None
    if tasks is None:
        return None
    try:
        return tasks.current_task().get_name()
    except Exception:  # as in LogRecord: no loop runs, or no task
        return None


cdef int add_times(dict fields, object now, object start) except -1:
    if NS_CLOCK:
        created = now / 1e9
        msecs = (now % 1_000_000_000) // 1_000_000 + 0.0
        if msecs == 999.0 and int(created) != now // 1_000_000_000:
            msecs = 0.0
        since = (now - start) / 1e6
    else:
        created, since = now, (now - start) * 1000
        msecs = int((now - int(now)) * 1000) + 0.0
    fields["created"], fields["msecs"], fields["relativeCreated"] = created, msecs, since
    return 0


cdef bint is_plain_making(dict module) except -1:
    return (field(module, "logThreads") is True and field(module, "logMultiprocessing") is True
            and field(module, "logProcesses") is True)


cdef object record_like(RecordPath path, PyObject** given):
    """Give the record that the original would make of `MAKE_ARGS` arguments, or None."""
    level, pathname, args, extra = <object>given[1], <object>given[2], <object>given[5], <object>given[8]
    if not (PyLong_CheckExact(level) and PyUnicode_CheckExact(pathname) and PyTuple_CheckExact(args)):
        return None
    if path.factory is not path.record_class or not is_as_installed(path) or not is_plain_making(path.module):
        return None
    if PyTuple_GET_SIZE(<PyObject*>args) == 1 and not is_simple(PyTuple_GET_ITEM(<PyObject*>args, 0)):
        return None
    level_name = field(<dict>path.module["_levelToName"], level)
    if level_name is None:
        return None
    now = path.clock()
    filename, module_name = file_and_module(path, pathname)
    cdef dict fields = {}
    fields["name"], fields["msg"], fields["args"] = <object>given[0], <object>given[4], args
    fields["levelname"], fields["levelno"], fields["pathname"] = level_name, level, pathname
    fields["filename"], fields["module"] = filename, module_name
    fields["exc_info"], fields["exc_text"], fields["stack_info"] = <object>given[6], None, <object>given[9]
    fields["lineno"], fields["funcName"] = <object>given[3], <object>given[7]
    add_times(fields, now, path.module["_startTime"])
    fields["thread"] = threading.get_ident()
    fields["threadName"] = threading.current_thread().name
    fields["processName"], fields["process"] = process_name(), os.getpid()
    if TASK_NAMES:
        fields["taskName"] = task_name(path.module)
    if extra is not None and not (PyDict_CheckExact(extra) and put_extra(fields, <dict>extra)):
        return None
    record = path.record_class.__new__(path.record_class)
    record.__dict__ = fields
    return record


cdef bint put_extra(dict fields, dict extra) except -1:
    cdef Py_ssize_t position = 0
    cdef PyObject* key
    cdef PyObject* value
    while PyDict_Next(extra, &position, &key, &value):
        if not PyUnicode_CheckExact(<object>key) or PySet_Contains(TAKEN, <object>key):
            return False
        fields[<object>key] = <object>value
    return True


cdef bint makes_alike(RecordPath path) except -1:
    """Tell whether our records are those of the running `logging`, by one that both make."""
    cdef dict ours, theirs
    cdef PyObject* given[MAKE_ARGS]
    arguments = ("name", 20, "/folder/file.py", 7, "%s %s", (1, 2), None, "function", None, None)
    cdef Py_ssize_t i
    for i in range(MAKE_ARGS):
        given[i] = PyTuple_GET_ITEM(<PyObject*>arguments, i)
    made = record_like(path, given)
    if made is None or made.levelno != 20 or made.getMessage() != "1 2":    # as attributes, not only in the dict
        return False
    ours, theirs = made.__dict__, path.record_class(*arguments[:8], None).__dict__
    if list(ours) != list(theirs) or [type(it) for it in ours.values()] != [type(it) for it in theirs.values()]:
        return False
    if not NS_CLOCK:
        created = theirs["created"]
        again = {}
        add_times(again, created, path.module["_startTime"])
        if any(theirs[key] != value for key, value in again.items()):
            return False
    return all(ours[key] == theirs[key] for key in ours if key not in ("created", "msecs", "relativeCreated"))


cdef PyObject* attempt_record(PyObject* maker, PyObject** args) noexcept:
    # NULL: the original is to make it, and to raise what there is to be raised.
    try:
        record = record_like((<Maker><object>maker).functions.path, args)
    except Exception:
        return NULL
    if record is None:
        return NULL
    Py_INCREF(record)
    return <PyObject*>record


cdef PyObject* call_make(PyObject* bound, PyObject** args, Py_ssize_t given, PyObject* names) noexcept:
    cdef PyObject* maker = PyTuple_GET_ITEM(bound, 0)
    cdef PyObject* made
    if given == MAKE_ARGS and names is NULL:
        made = attempt_record(maker, args)
        if made is not NULL:
            return made
    return forward((<PyObject*>(<Maker><object>maker).original), PyTuple_GET_ITEM(bound, 1), args, given, names)


cdef PyMethodDef make_definition
make_definition.ml_name = b"makeRecord"
make_definition.ml_meth = <void*>call_make
make_definition.ml_flags = METH_FASTCALL | METH_KEYWORDS
make_definition.ml_doc = b"makeRecord(name, level, fn, lno, msg, args, exc_info, func=None, extra=None, sinfo=None)\n--\n\n"


cdef class Maker:
    """``Logger.makeRecord``: a record like the original's, quickly; the original where anything is uncommon.

    While a record may be on its way that nobody but us wants, the function that spares the caller its errors.
    """

    cdef HookFunctions functions
    cdef object original
    cdef object function
    cdef bint alike

    def __init__(self, HookFunctions functions, original, function, bint of_logging):
        self.functions = functions
        self.original = original
        self.function = function
        self.alike = of_logging and makes_alike(functions.path)

    def __get__(self, logger, owner):
        if logger is None:
            return self.function
        if self.functions.marked:
            return PyMethod_New(self.function, logger)
        if self.alike and self.functions.installed:
            return PyCFunction_NewEx(&make_definition, (self, logger), NULL)
        return PyMethod_New(self.original, logger)
