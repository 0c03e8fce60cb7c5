# A value on its way into a record: what will be written, how long it is, and the references that keep it alive.

cdef enum Kind:
    NOTHING = 0      # an AnyValue with no field set, or no body
    TEXT = 1
    BOOLEAN = 2
    INTEGER = 3
    REAL = 4
    ENCODED = 5      # an AnyValue message made by values.py


cdef struct Field:
    PyObject* key          # owned KeyInfo
    PyObject* owner        # owned object whose memory ``s`` points into, or NULL
    const char* s
    Py_ssize_t n
    Py_ssize_t size        # bytes of the AnyValue message
    Py_ssize_t total       # bytes of the KeyValue message, of a plain attribute
    int64_t integer
    double real
    int kind


cdef enum:
    KEY_BYTES = 32           # an encoded key of at most so many bytes is copied in one go
    KEEP_KEY = 0             # the redactors' verdicts, as in ``encode/plan.py``
    MASK_KEY = 1
    DROP_KEY = 2

if (KEEP, MASK, DROP) != (KEEP_KEY, MASK_KEY, DROP_KEY):
    raise ImportError("the native encoder was built for other verdicts")


CODE_KEYS = ("code.file.path", "code.line.number", "code.function.name")


cdef class KeyInfo:
    """An attribute key as it is written, with the redactors' verdict on it."""

    cdef bytes wire
    cdef str text
    cdef const char* s
    cdef Py_ssize_t n
    cdef int verdict
    cdef bint odd               # never written
    cdef bint is_exc_info
    cdef bint is_code           # one of those that a `Place` holds
    cdef object asked           # the names that `is_reserved` was last asked for, and what it said
    cdef bint reserved
    cdef char padded[KEY_BYTES]

    def __cinit__(self, str text, redaction):
        self.text = text
        self.wire = _wire.key_chunk(text)
        self.s = PyBytes_AS_STRING(self.wire)
        self.n = PyBytes_GET_SIZE(self.wire)
        self.verdict = KEEP_KEY if redaction is None else key_verdict(text, redaction)
        self.odd = self.n == 0
        self.is_exc_info = text == "exc_info"
        self.is_code = text in CODE_KEYS
        self.asked = None
        self.reserved = False
        memset(self.padded, 0, KEY_BYTES)
        memcpy(self.padded, self.s, min(self.n, <Py_ssize_t>KEY_BYTES))


    cdef bint is_reserved(self, PyObject* names) noexcept:
        # Whether the key is in a frozenset of str. Its answer is kept, and the set with it; no code of anybody's runs.
        if <PyObject*>self.asked is not names:
            self.reserved = PySet_Contains(<object>names, self.text) != 0    # an error counts as "yes"
            PyErr_Clear()
            self.asked = <object>names
        return self.reserved


cdef inline void own(Field* field, object owner) noexcept:
    Py_INCREF(owner)
    field.owner = <PyObject*>owner


cdef inline void set_text(Field* field, object owner, const char* s, Py_ssize_t n) noexcept:
    own(field, owner)
    field.kind = TEXT
    field.s = s
    field.n = n
    field.size = text_len(n)


cdef inline void set_encoded(Field* field, bytes encoded) noexcept:
    own(field, encoded)
    field.kind = ENCODED
    field.s = PyBytes_AS_STRING(encoded)
    field.n = field.size = PyBytes_GET_SIZE(encoded)


cdef bint set_scalar(Field* field, object value) except -1:
    """Fill in a bool, an int64, a float or None; False: the value is something else."""
    cdef int overflow = 0
    if value is None:
        field.kind = NOTHING
        field.size = 0
    elif value is True or value is False:
        field.kind = BOOLEAN
        field.integer = value is True
        field.size = 2
    elif PyLong_CheckExact(value):
        field.integer = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow:
            return False
        field.kind = INTEGER
        field.size = 1 + varint_len(<uint64_t>field.integer)
    elif PyFloat_CheckExact(value):
        field.kind = REAL
        field.real = PyFloat_AS_DOUBLE(value)
        field.size = 9
    else:
        return False
    return True


cdef inline char* put_any_value(char* p, Field* field) noexcept nogil:
    cdef uint64_t bits
    if field.kind == TEXT:
        return put_text(p, 0x0A, field.s, field.n)
    if field.kind == INTEGER:
        p[0] = 0x18
        return put_varint(p + 1, <uint64_t>field.integer)
    if field.kind == BOOLEAN:
        p[0] = 0x10
        p[1] = <char>field.integer
        return p + 2
    if field.kind == REAL:
        memcpy(&bits, &field.real, 8)
        return put_fixed64(p, 0x21, bits)
    if field.kind == ENCODED:
        memcpy(p, field.s, field.n)
        return p + field.n
    return p


cdef inline Py_ssize_t key_value_len(Field* field) noexcept:
    return (<KeyInfo>field.key).n + 1 + varint_len(<uint64_t>field.size) + field.size


cdef inline char* put_attribute(char* p, Field* field) noexcept:
    cdef KeyInfo key = <KeyInfo>field.key
    p[0] = 0x32
    p = put_varint(p + 1, <uint64_t>key_value_len(field))
    memcpy(p, key.s, key.n)
    p += key.n
    p[0] = 0x12
    return put_any_value(put_varint(p + 1, <uint64_t>field.size), field)


cdef inline void let_go(Field* field) noexcept:
    Py_XDECREF(field.key)
    Py_XDECREF(field.owner)
    field.key = field.owner = NULL
