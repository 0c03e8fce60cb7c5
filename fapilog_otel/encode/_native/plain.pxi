# The plain way: records of which C can read every part at a glance, by far the most of them.
#
#     static ─┐                       every key known, every value a str, bool, int64, float or None,
#     running ├─► fields, measured ─► nothing to redact, the context cached, room in the open chunk
#     bound  ─┤        │                      │ all of it                    │ anything else
#     call   ─┘        ▼                      ▼                              ▼
#              (nothing is owned)      written into the chunk         False: draft.pxi does it, for every case
#
# From the first look at a value to the last byte nothing of Python runs and no object is made, so no other thread, no
# finaliser and no signal handler can change what was looked at. That is why borrowed references are enough, and why
# there is nothing to let go of on the way out.

cdef enum:
    PLAIN_FIELDS = 48
    HEAD_BYTES = 48          # severity and its text, encoded
    LONGEST_TEXT = 40        # characters of a severity text that has its place in a head


cdef struct Head:
    # Severity number and text as they are written.
    int severity
    int n
    char wire[HEAD_BYTES]


cdef struct Plain:
    # One record, measured and ready to be written.
    uint64_t timestamp
    uint64_t observed
    Head* head
    Field body
    bint has_body
    const char* event
    Py_ssize_t event_len
    Field fields[PLAIN_FIELDS]
    int count
    int seen                 # attributes, those included that redaction leaves out
    char trace[TRACE_BYTES]
    int trace_len


cdef bint set_head(Head* head, int severity, PyObject* text) noexcept:
    # Encode severity and text; False: the text is too long, or is no text.
    cdef Py_ssize_t n
    cdef const char* s
    head.severity = severity
    head.n = 0
    if severity:
        head.wire[0] = 0x10
        head.wire[1] = <char>severity
        head.n = 2
    s = plain_text(text, &n)
    if s is NULL or n > LONGEST_TEXT:
        return False
    if n:
        head.n = <int>(put_text(head.wire + head.n, 0x1A, s, n) - head.wire)
    return True


cdef inline const char* plain_text(PyObject* text, Py_ssize_t* n) noexcept:
    # The UTF-8 of a str; NULL: it is something else, or has none.
    cdef const char* s
    if not PyUnicode_CheckExact(<object>text):
        return NULL
    s = fapilog_utf8(text, n)
    if s is NULL:
        PyErr_Clear()
    return s


cdef class PlainEncoder(Encoder):
    """Collects what is plain without owning it; see ``Encoder`` for the rest."""

    cdef bytes mask_wire

    def __cinit__(self, plan):
        self.mask_wire = b"" if self.redaction is None else _wire.any_value(self.redaction.mask)

    cdef bint plain_body(self, Plain* record, PyObject* body) noexcept:
        record.has_body = body is not Py_None
        if not record.has_body:
            record.body.size = 0
            return True
        return self.plain_value(&record.body, body, -1)

    cdef bint plain_value(self, Field* field, PyObject* value, Py_ssize_t longest) noexcept:
        cdef int overflow = 0
        if PyUnicode_CheckExact(<object>value):
            field.s = plain_text(value, &field.n)
            if field.s is NULL or 0 <= longest < field.n:
                return False
            if self.suspicion is not None and self.suspicion.of(field.s, field.n):
                return False
            field.kind = TEXT
            field.size = text_len(field.n)
        elif PyLong_CheckExact(<object>value):
            field.integer = fapilog_int64(value, &overflow)
            if overflow:
                return False
            field.kind = INTEGER
            field.size = 1 + varint_len(<uint64_t>field.integer)
        elif PyFloat_CheckExact(<object>value):
            field.kind = REAL
            field.real = PyFloat_AS_DOUBLE(<object>value)
            field.size = 9
        elif value is Py_True or value is Py_False:
            field.kind = BOOLEAN
            field.integer = value is Py_True
            field.size = 2
        elif value is Py_None:
            field.kind = NOTHING
            field.size = 0
        else:
            return False
        return True

    cdef bint plain_attribute(self, Plain* record, PyObject* raw, PyObject* value, int below, bint keyword) noexcept:
        # Add an attribute, or replace the one of the same key among the ``below`` first, which are of lower layers.
        cdef PyObject* key = self.known_key(raw)
        cdef Field* field
        cdef int i
        if key is NULL or (<KeyInfo>key).odd or (keyword and (<KeyInfo>key).is_exc_info):
            return False
        for i in range(below):
            if record.fields[i].key is key:
                field = &record.fields[i]
                break
        else:
            record.seen += 1
            if (<KeyInfo>key).verdict == DROP_KEY:
                return True
            if record.count >= PLAIN_FIELDS:
                return False
            field = &record.fields[record.count]
            record.count += 1
        field.key = key
        if (<KeyInfo>key).verdict == KEEP_KEY:
            return self.plain_value(field, value, self.value_length)
        field.kind = ENCODED
        field.s = PyBytes_AS_STRING(self.mask_wire)
        field.n = field.size = PyBytes_GET_SIZE(self.mask_wire)
        return True

    cdef bint plain_mapping(self, Plain* record, PyObject* mapping) noexcept:
        cdef PyObject* key
        cdef PyObject* value
        cdef Py_ssize_t position = 0
        cdef int below = record.count
        if not PyDict_CheckExact(<object>mapping):
            return False
        while PyDict_Next(<object>mapping, &position, &key, &value):
            if not self.plain_attribute(record, key, value, below, False):
                return False
        return True

    cdef bint plain_keywords(self, Plain* record, PyObject* names, PyObject** values) noexcept:
        cdef Py_ssize_t i
        cdef int below = record.count
        for i in range(PyTuple_GET_SIZE(<object>names)):
            if not self.plain_attribute(record, PyTuple_GET_ITEM(names, i), values[i], below, True):
                return False
        return True


# -- writing: only memory is touched -----------------------------------------------------------------------------------

cdef inline Py_ssize_t measure_plain(Plain* record) noexcept:
    cdef Py_ssize_t size = record.head.n + record.trace_len
    cdef int i
    if record.timestamp:
        size += 9
    if record.observed:
        size += 9
    if record.has_body:
        size += text_len(record.body.size)
    for i in range(record.count):
        size += text_len(key_value_len(&record.fields[i]))
    if record.event_len:
        size += text_len(record.event_len)
    return size


cdef inline char* put_plain_attribute(char* p, Field* field) noexcept:
    cdef Py_ssize_t n = (<KeyInfo>field.key).n
    p[0] = 0x32
    p = put_varint(p + 1, <uint64_t>key_value_len(field))
    if n <= KEY_BYTES:    # the key's own block and the chunk both have so many bytes to spare
        memcpy(p, (<KeyInfo>field.key).padded, KEY_BYTES)
    else:
        memcpy(p, (<KeyInfo>field.key).s, n)
    p += n
    p[0] = 0x12
    return put_any_value(put_varint(p + 1, <uint64_t>field.size), field)


cdef char* write_plain(char* p, Plain* record, Py_ssize_t size) noexcept:
    cdef int i
    p[0] = 0x12
    p = put_varint(p + 1, <uint64_t>size)
    if record.timestamp:
        p = put_fixed64(p, 0x09, record.timestamp)
    memcpy(p, record.head.wire, HEAD_BYTES)
    p += record.head.n
    if record.has_body:
        p[0] = 0x2A
        p = put_any_value(put_varint(p + 1, <uint64_t>record.body.size), &record.body)
    for i in range(record.count):
        p = put_plain_attribute(p, &record.fields[i])
    memcpy(p, record.trace, TRACE_BYTES)
    p += record.trace_len
    if record.observed:
        p = put_fixed64(p, 0x59, record.observed)
    if record.event_len:
        p = put_text(p, 0x62, record.event, record.event_len)
    return p
