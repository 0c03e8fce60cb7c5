# The line of a log call, found as Logger.findCaller finds it.
#
# A place in a code object never moves: file, function and line of (code, instruction) are remembered. The code object is
# held meanwhile, so that its address stays its own.

cdef extern from *:
    """
    #include "frameobject.h"
    #if PY_VERSION_HEX < 0x030B0000
    static int fapilog_instruction(PyFrameObject *frame) { return frame->f_lasti; }
    #else
    static int fapilog_instruction(PyFrameObject *frame) { return PyFrame_GetLasti(frame); }
    #endif
    #define FAPILOG_COUNTS_FRAMES (PY_VERSION_HEX < 0x030B0000)
    """
    ctypedef struct PyFrameObject:
        pass
    int fapilog_instruction(PyFrameObject*) noexcept
    bint FAPILOG_COUNTS_FRAMES    # stacklevel counts logging's own frames too
    PyFrameObject* PyEval_GetFrame() noexcept
    PyFrameObject* PyFrame_GetBack(PyFrameObject*) noexcept
    PyObject* PyFrame_GetCode(PyFrameObject*) noexcept
    int PyFrame_GetLineNumber(PyFrameObject*) noexcept

cdef enum:
    SITES = 1024


cdef struct Site:
    PyObject* code         # owned, as all the others
    int instruction
    bint internal          # a frame that findCaller passes over
    PyObject* path         # NULL: it has no name worth telling
    PyObject* line         # NULL: unknown
    PyObject* function
    PyObject* place        # what the encoder makes of the three; NULL: not asked yet

cdef Site sites[SITES]


cdef bint is_internal_file(str path, str logging_file):
    # logging._is_internal_frame of Python 3.11 and later; before, only logging's own file was passed over.
    if os.path.normcase(path) == logging_file:
        return True
    return not FAPILOG_COUNTS_FRAMES and "importlib" in path and "_bootstrap" in path


cdef PyObject* kept(object value, bint wanted):
    if not wanted:
        return NULL
    Py_INCREF(value)
    return <PyObject*>value


cdef Site* site_of(PyFrameObject* frame, str logging_file) except NULL:
    cdef PyObject* code = PyFrame_GetCode(frame)
    cdef int instruction = fapilog_instruction(frame)
    cdef Site* site = &sites[((<size_t>code >> 4) ^ <size_t>instruction * 31) % SITES]
    if site.code is code and site.instruction == instruction:
        Py_XDECREF(code)
        return site
    try:
        # What is let go of may run code that logs, from a place that stands in the same slot.
        while site.code is not code or site.instruction != instruction:
            load_site(site, frame, <object>code, instruction, logging_file)
    finally:
        Py_XDECREF(code)
    return site


cdef int load_site(Site* site, PyFrameObject* frame, object code, int instruction, str logging_file) except -1:
    cdef Site old = site[0]
    cdef Site fresh
    cdef str path = code.co_filename
    cdef str function = code.co_name
    cdef int line = PyFrame_GetLineNumber(frame)
    fresh.internal = is_internal_file(path, logging_file)
    fresh.instruction = instruction
    named = path != "" and path != "(unknown file)"
    fresh.code = kept(code, True)
    fresh.path = kept(path, named)
    fresh.line = kept(line, named and line > 0)
    fresh.function = kept(function, named and function != "")
    fresh.place = NULL
    site[0] = fresh
    release_site(&old)    # last: it may run code that logs
    return 0


cdef void release_site(Site* site) noexcept:
    Py_XDECREF(site.path)
    Py_XDECREF(site.line)
    Py_XDECREF(site.function)
    Py_XDECREF(site.place)
    Py_XDECREF(site.code)


cdef void forget_sites() noexcept:
    cdef Site old
    cdef int i
    for i in range(SITES):
        old = sites[i]
        memset(&sites[i], 0, sizeof(Site))
        release_site(&old)


cdef Site* caller_site(long stacklevel, str logging_file, int ahead) except? NULL:
    """Give the place that findCaller would give, or NULL where that is for findCaller itself to say.

    What it gives is another place's as soon as anything of Python runs.
    ``ahead`` frames of logging's stand between the running one and the caller of the level method.
    """
    if FAPILOG_COUNTS_FRAMES:
        stacklevel += ahead
    cdef PyFrameObject* frame = PyEval_GetFrame()
    cdef PyFrameObject* back
    cdef Site* site
    if frame is NULL:
        return NULL
    Py_INCREF(<object><PyObject*>frame)
    try:
        while FAPILOG_COUNTS_FRAMES and stacklevel > 1:
            back = PyFrame_GetBack(frame)
            if back is NULL:
                return NULL
            Py_DECREF(<object><PyObject*>frame)
            frame = back
            stacklevel -= 1
        while True:
            site = site_of(frame, logging_file)
            if not site.internal:
                stacklevel -= 1
            if stacklevel <= 0:
                return site
            back = PyFrame_GetBack(frame)
            if back is NULL:
                return NULL
            Py_DECREF(<object><PyObject*>frame)
            frame = back
    finally:
        Py_DECREF(<object><PyObject*>frame)


cdef object place_of(PyObject* logger, Site* site):
    """Give a site's attributes as a logger's encoder writes them: made once a site and encoder, and kept with the site.

    ``site`` is another place's when this returns.
    """
    cdef PyObject* place = site.place
    if place is not NULL and is_of_encoder(logger, place):
        return <object>place
    code, instruction = <object>site.code, site.instruction    # held: encoding may run anybody's code
    made = encoded_place(
        logger,
        None if site.path is NULL else <object>site.path,
        None if site.line is NULL else <object>site.line,
        None if site.function is NULL else <object>site.function)
    if made is not None and site.code is <PyObject*>code and site.instruction == instruction:
        place = site.place
        Py_INCREF(made)
        site.place = <PyObject*>made
        Py_XDECREF(place)    # a `Place`: bytes and a mark
    return made
