# What a class lets us conclude about its instances, remembered as long as the class does not change.
#
# Every change of a class, or of one of its bases, takes its version tag away or gives it a new one, and no two classes
# ever have the same. So a verdict found under a tag holds while the class has that tag.

cdef extern from *:
    """
    static unsigned int fapilog_type_tag(PyTypeObject *type) {
    #if PY_VERSION_HEX < 0x030D0000
        if (!(type->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG)) return 0;
    #endif
        return type->tp_version_tag;
    }
    static int fapilog_reads_plainly(PyTypeObject *type) {
        return type->tp_getattro == PyObject_GenericGetAttr;
    }
    """
    unsigned int fapilog_type_tag(PyTypeObject*) noexcept
    bint fapilog_reads_plainly(PyTypeObject*) noexcept

cdef enum:
    TYPES = 64

cdef enum Trait:
    FIELDS = 1       # a logger's state stands in its instance dict, and a logger is true
    METHODS = 2      # no method of a logger that takes part in a log call is another than at our installation
    LEVEL = 4        # a handler's level stands in its instance dict, and a handler is true
    HARMLESS = 8     # a handler's handle() is NullHandler's, which does nothing
    RECORD = 16      # a LogRecord is made as at our installation
    MESSAGE = 32     # a record's fields stand in its instance dict, and its message is made as at our installation


cdef struct TypeEntry:
    PyTypeObject* type
    unsigned int tag
    int traits

cdef TypeEntry type_entries[TYPES]

cdef tuple FIELD_NAMES = (
    "name", "parent", "propagate", "handlers", "disabled", "filters", "_cache", "__bool__", "__len__",
)
cdef tuple METHOD_NAMES = (
    "_log", "isEnabledFor", "makeRecord", "handle", "filter", "callHandlers", "findCaller", "getEffectiveLevel",
)
cdef tuple RECORD_FIELDS = ("name", "msg", "args", "levelno", "levelname", "created")
cdef tuple RECORD_NAMES = ("__new__", "__init__", "getMessage", "__getattribute__", "__setattr__")

# What METHOD_NAMES, RECORD_NAMES and NullHandler.handle meant at the installation; names of what is not there have None.
cdef tuple expected_methods = None
cdef tuple expected_record = None
cdef object harmless_handle = None
cdef object expected_message = None


cdef bint has_none(PyTypeObject* type, tuple names):
    for name in names:
        if _PyType_Lookup(type, name) is not NULL:
            return False
    return True


cdef bint has_exactly(PyTypeObject* type, tuple names, tuple expected):
    cdef PyObject* found
    cdef Py_ssize_t i
    if expected is None:
        return False
    for i in range(len(names)):
        found = _PyType_Lookup(type, names[i])
        if found is NULL or <object>found is not expected[i]:
            return False
    return True


cdef tuple class_attributes(object owner, tuple names):
    # The class attributes themselves, unbound, as a lookup on an instance finds them.
    cdef list found = []
    cdef PyObject* attribute
    for name in names:
        attribute = _PyType_Lookup(<PyTypeObject*><PyObject*>owner, name)
        found.append(None if attribute is NULL else <object>attribute)
    return tuple(found)


cdef int judge(PyTypeObject* type):
    cdef int traits = 0
    cdef PyObject* handle
    cdef PyObject* message
    if not fapilog_reads_plainly(type):
        return 0
    if has_none(type, FIELD_NAMES):
        traits |= FIELDS
    if has_exactly(type, METHOD_NAMES, expected_methods):
        traits |= METHODS
    if has_none(type, ("level", "__bool__", "__len__")):
        traits |= LEVEL
    handle = _PyType_Lookup(type, "handle")
    if handle is not NULL and <object>handle is harmless_handle:
        traits |= HARMLESS
    if has_exactly(type, RECORD_NAMES, expected_record):
        traits |= RECORD
    message = _PyType_Lookup(type, "getMessage")
    if message is not NULL and <object>message is expected_message and has_none(type, RECORD_FIELDS):
        traits |= MESSAGE
    return traits


cdef int traits_of(PyTypeObject* type):
    cdef TypeEntry* entry = &type_entries[(<size_t>type >> 5) % TYPES]
    cdef unsigned int tag = fapilog_type_tag(type)
    cdef int traits
    if tag and entry.type is type and entry.tag == tag:
        return entry.traits
    traits = judge(type)
    entry.type, entry.tag, entry.traits = type, fapilog_type_tag(type), traits
    return traits


cdef void forget_types() noexcept:
    memset(type_entries, 0, sizeof(type_entries))
