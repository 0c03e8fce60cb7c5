# The plain way: records of which C can read every part at a glance, by far the most of them.
#
#     static ─┐                       every key known, every value a str, bool, int64, float or None,
#     running ├─► fields, measured ─► nothing to redact, the context cached, room in the open chunk
#     bound  ─┤        │                      │ all of it                    │ anything else
#     call   ─┘        ▼                      ▼                              ▼
#              (nothing is owned)      written into the chunk         False: draft.pxi does it, for every case
#
# A `Place` (the caller's line of a `logging` call) comes encoded already and stands before the call's own attributes.
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


cdef struct Layers:
    # What a call gives: attributes as a mapping or as keywords, NULL where there are none.
    PyObject* bound
    PyObject* attributes
    PyObject* names
    PyObject** values
    PyObject* place          # a `Place`
    PyObject* reserved       # a frozenset of the keys that a mapping of `logging` must not hold


cdef inline void no_layers(Layers* layers) noexcept:
    memset(layers, 0, sizeof(Layers))


cdef struct Plain:
    # One record, measured and ready to be written.
    uint64_t timestamp
    uint64_t observed
    const Head* head
    Field body
    bint has_body
    const char* event
    Py_ssize_t event_len
    Field fields[PLAIN_FIELDS]
    int count
    int seen                 # attributes, those included that redaction leaves out
    Py_ssize_t size          # bytes of the attributes
    PyObject* place          # borrowed, as everything here
    int place_at             # attributes that stand before it
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


cdef PyObject* HEAD_TEXTS[25]       # owned: the text that a severity last came with
cdef Head KNOWN_HEADS[25]           # ... and both as they are written


cdef const Head* head_of(int severity, PyObject* text) noexcept:
    # Severity and text, encoded; NULL as in set_head. Good until something of Python runs.
    cdef PyObject* old = HEAD_TEXTS[severity]
    if old is not NULL and old is text:
        return &KNOWN_HEADS[severity]
    HEAD_TEXTS[severity] = NULL
    Py_XDECREF(old)                 # a plain str: nobody learns of it
    if not set_head(&KNOWN_HEADS[severity], severity, text):
        return NULL
    Py_INCREF(<object>text)
    HEAD_TEXTS[severity] = text
    return &KNOWN_HEADS[severity]


cdef class PlainEncoder(Encoder):
    """Collects what is plain without owning it; see ``Encoder`` for the rest."""

    cdef bytes mask_wire
    cdef object mark         # stands for this encoder where one must be told from another, and keeps nothing alive

    def __cinit__(self, plan):
        self.mark = object()
        self.mask_wire = b"" if self.redaction is None else _wire.any_value(self.redaction.mask)

    cdef inline bint plain_body(self, Plain* record, PyObject* body) noexcept:
        record.has_body = body is not Py_None
        if not record.has_body:
            record.body.size = 0
            return True
        return self.plain_value(&record.body, body, -1)

    cdef inline bint plain_value(self, Field* field, PyObject* value, Py_ssize_t longest) noexcept:
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

    cdef inline bint plain_attribute(self, Plain* record, PyObject* key, PyObject* value, int below) noexcept:
        # Add an attribute, or replace the one of the same key among the ``below`` first, which are of lower layers.
        cdef Field* field
        cdef int i
        for i in range(below):
            if record.fields[i].key is key:
                field = &record.fields[i]
                record.size -= text_len(field.total)
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
            if not self.plain_value(field, value, self.value_length):
                return False
        else:
            field.kind = ENCODED
            field.s = PyBytes_AS_STRING(self.mask_wire)
            field.n = field.size = PyBytes_GET_SIZE(self.mask_wire)
        field.total = key_value_len(field)
        record.size += text_len(field.total)
        return True

    cdef inline bint plain_mapping(self, Plain* record, PyObject* mapping, PyObject* reserved) noexcept:
        cdef PyObject* key
        cdef PyObject* value
        cdef Py_ssize_t position = 0
        cdef int below = record.count
        if not PyDict_CheckExact(<object>mapping):
            return False
        while PyDict_Next(<object>mapping, &position, &key, &value):
            key = self.known_key(key)
            if key is NULL or (<KeyInfo>key).odd:
                return False
            if reserved is not NULL and (<KeyInfo>key).is_reserved(reserved):
                return False
            if record.place is not NULL and (<KeyInfo>key).is_code:
                return False
            if not self.plain_attribute(record, key, value, below):
                return False
        return True

    cdef Place place_of(self, path, line, function):
        """Encode the attributes of a place; None stands for one that it has not."""
        cdef Plain record
        cdef Place place = Place.__new__(Place)
        cdef list keys = [self.key_info(key) for key in CODE_KEYS]    # held: the fields borrow them
        cdef tuple values = (path, line, function)
        cdef bytes wire
        cdef char* p
        cdef int i
        place.encoder = self.mark
        record.count = record.seen = 0
        record.size = 0
        for i in range(3):
            if values[i] is not None:
                if not self.plain_attribute(&record, <PyObject*>keys[i], <PyObject*>values[i], 0):
                    return place
        wire = PyBytes_FromStringAndSize(NULL, record.size)
        p = PyBytes_AS_STRING(wire)
        for i in range(record.count):
            p = put_attribute(p, &record.fields[i])
        place.wire = wire
        place.seen = record.seen
        return place

    cdef inline bint plain_place(self, Plain* record, PyObject* place) noexcept:
        # Have the attributes of a place stand behind those of the layers below, which must not have any of them.
        cdef int i
        if (<Place>place).encoder is not self.mark or (<Place>place).wire is None:
            return False
        for i in range(record.count):
            if (<KeyInfo>record.fields[i].key).is_code:
                return False
        record.place = place
        record.place_at = record.count
        record.seen += (<Place>place).seen
        record.size += PyBytes_GET_SIZE((<Place>place).wire)
        return True

    cdef inline bint plain_keywords(self, Plain* record, PyObject* names, PyObject** values) noexcept:
        cdef PyObject* key
        cdef Py_ssize_t i
        cdef int below = record.count
        for i in range(PyTuple_GET_SIZE(<object>names)):
            key = self.known_key(PyTuple_GET_ITEM(names, i))
            if key is NULL or (<KeyInfo>key).odd or (<KeyInfo>key).is_exc_info:
                return False
            if not self.plain_attribute(record, key, values[i], below):
                return False
        return True


# -- writing: only memory is touched -----------------------------------------------------------------------------------

cdef inline Py_ssize_t measure_plain(Plain* record) noexcept:
    cdef Py_ssize_t size = record.head.n + record.trace_len + record.size
    if record.timestamp:
        size += 9
    if record.observed:
        size += 9
    if record.has_body:
        size += text_len(record.body.size)
    if record.event_len:
        size += text_len(record.event_len)
    return size


cdef inline char* put_plain_attribute(char* p, Field* field) noexcept:
    cdef Py_ssize_t n = (<KeyInfo>field.key).n
    p[0] = 0x32
    p = put_varint(p + 1, <uint64_t>field.total)
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
    if record.place is not NULL:
        for i in range(record.place_at):
            p = put_plain_attribute(p, &record.fields[i])
        p = put_place(p, <Place>record.place)
        i = record.place_at
    else:
        i = 0
    while i < record.count:
        p = put_plain_attribute(p, &record.fields[i])
        i += 1
    memcpy(p, record.trace, TRACE_BYTES)
    p += record.trace_len
    if record.observed:
        p = put_fixed64(p, 0x59, record.observed)
    if record.event_len:
        p = put_text(p, 0x62, record.event, record.event_len)
    return p
