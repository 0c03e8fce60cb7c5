# One record between collecting its values and writing it; ``encode/values.py`` says the same in Python.

cdef enum:
    KEY_CACHE = 4096
    KEY_SLOTS = 512          # keys found by the address of their str object, which is that of the program's own text
    KEY_CACHE_LENGTH = 256   # characters of a key that is worth keeping


cdef struct Draft:
    # One record between collecting its values and writing it.
    uint64_t timestamp
    uint64_t observed
    int severity
    Field* fields
    Py_ssize_t count
    uint32_t dropped
    Field body
    bint has_body
    Field text
    Field event
    char trace[TRACE_BYTES]
    int trace_len
    Py_ssize_t size          # bytes of the LogRecord message


cdef inline size_t slot_of(PyObject* raw) noexcept:
    # Objects lie 16 bytes apart or more; names made together lie in one page or in pages side by side.
    cdef size_t address = <size_t>raw >> 4
    return (address ^ (address >> 8) ^ (address >> 16)) % KEY_SLOTS


cdef class Encoder:
    """Collects a record's values under a plan's redaction and limits: all that may run Python code happens here."""

    cdef object plan
    cdef object redaction
    cdef Suspicion suspicion
    cdef dict keys
    cdef PyObject* slot_raw[KEY_SLOTS]     # owned: the last str object whose address led here, and what is known of it
    cdef PyObject* slot_info[KEY_SLOTS]
    cdef Py_ssize_t value_length

    def __cinit__(self, plan):
        self.plan = plan
        self.redaction = plan.redaction
        scrubs = self.redaction is not None and self.redaction.scrub is not None
        self.suspicion = Suspicion(self.redaction) if scrubs else None
        self.keys = {}
        memset(self.slot_raw, 0, sizeof(self.slot_raw))
        memset(self.slot_info, 0, sizeof(self.slot_info))
        self.value_length = -1 if plan.limits.value_length is None else plan.limits.value_length

    cdef int collect(self, Draft* draft, text, body, dict attributes, Py_ssize_t limit, event_name) except -1:
        cdef PyObject* key
        cdef PyObject* value
        cdef Py_ssize_t position = 0
        cdef Py_ssize_t i
        budget = None
        if attributes is not None:
            # References first, without running any code that could change the mapping under the iteration.
            while draft.count < limit and PyDict_Next(attributes, &position, &key, &value):
                Py_INCREF(<object>key)
                Py_INCREF(<object>value)
                draft.fields[draft.count].key = key
                draft.fields[draft.count].owner = value
                draft.count += 1
        self.set_plain_text(&draft.text, text)
        self.set_plain_text(&draft.event, event_name)
        budget = self.set_body(draft, body, budget)
        i = 0
        for position in range(draft.count):
            budget = self.set_attribute(draft, &draft.fields[position], budget)
            if draft.fields[position].key is not NULL:
                if i != position:
                    draft.fields[i] = draft.fields[position]
                    draft.fields[position].key = draft.fields[position].owner = NULL
                i += 1
        draft.count = i
        return 0

    cdef int set_plain_text(self, Field* field, text) except -1:
        cdef Py_ssize_t n
        cdef const char* s
        if not PyUnicode_CheckExact(text):
            text = text_or_empty(text)
        try:
            s = PyUnicode_AsUTF8AndSize(text, &n)
        except UnicodeEncodeError:
            text = clean_text(text)
            s = PyUnicode_AsUTF8AndSize(text, &n)
        set_text(field, text, s, n)
        return 0

    cdef set_body(self, Draft* draft, body, budget):
        cdef Field* field = &draft.body
        cdef Py_ssize_t n
        cdef const char* s
        draft.has_body = body is not None
        if body is None:
            field.kind = NOTHING
            field.size = 0
            return budget
        if PyUnicode_CheckExact(body):
            try:
                s = PyUnicode_AsUTF8AndSize(body, &n)
            except UnicodeEncodeError:
                s = NULL
            if s is not NULL and (self.suspicion is None or not self.suspicion.of(s, n)):
                set_text(field, body, s, n)
                return budget
        elif set_scalar(field, body):
            return budget
        budget = self.budget() if budget is None else budget
        set_encoded(field, body_value(body, self.plan, budget))
        return budget

    cdef budget(self):
        return Budget(self.plan.limits.nodes, self.plan.limits.depth)

    cdef set_attribute(self, Draft* draft, Field* field, budget):
        # On entry ``key`` and ``owner`` hold the mapping's own key and value; on return a KeyInfo (or NULL: left out)
        # and whatever keeps the written bytes alive.
        cdef object raw = <object>field.key
        cdef object value = <object>field.owner
        Py_DECREF(raw)
        Py_DECREF(value)
        field.key = field.owner = NULL
        return self.set_named(draft, field, raw, value, budget)

    cdef set_named(self, Draft* draft, Field* field, raw, value, budget):
        cdef KeyInfo info = self.key_info(raw)
        if info.n == 0:                      # an empty key
            draft.dropped += 1
            return budget
        if info.verdict == DROP_KEY:
            return budget
        if info.verdict == MASK_KEY:
            set_encoded(field, _wire.any_value(self.redaction.mask))
        else:
            budget = self.set_value(field, info, value, budget)
        Py_INCREF(info)
        field.key = <PyObject*>info
        return budget

    cdef set_value(self, Field* field, KeyInfo info, value, budget):
        cdef Py_ssize_t n
        cdef const char* s
        if PyUnicode_CheckExact(value):
            try:
                s = PyUnicode_AsUTF8AndSize(value, &n)
            except UnicodeEncodeError:
                s = NULL
            if s is NULL or (self.suspicion is not None and self.suspicion.of(s, n)) or 0 <= self.value_length < n:
                value = attribute_text(value, self.plan)
                s = PyUnicode_AsUTF8AndSize(value, &n)
            set_text(field, value, s, n)
            return budget
        if set_scalar(field, value):
            return budget
        if budget is None:
            budget = self.budget()
        set_encoded(field, attribute_value(value, info.text, self.plan, budget))
        return budget

    def __dealloc__(self):
        self.clear_slots()

    cdef int clear_slots(self) noexcept:
        cdef int i
        for i in range(KEY_SLOTS):
            Py_XDECREF(self.slot_raw[i])
            Py_XDECREF(self.slot_info[i])
            self.slot_raw[i] = self.slot_info[i] = NULL
        return 0

    cdef inline PyObject* known_key(self, PyObject* raw) noexcept:
        # What is known of a key, borrowed; NULL: nothing yet, or it is no str. Runs no code but str's own.
        cdef PyObject* found
        cdef size_t slot = slot_of(raw)
        if self.slot_raw[slot] is raw:
            return self.slot_info[slot]
        if not PyUnicode_CheckExact(<object>raw):
            return NULL
        found = fapilog_dict_get(self.keys, raw)
        if found is NULL:
            PyErr_Clear()
        return found

    cdef KeyInfo key_info(self, raw):
        cdef PyObject* found
        cdef KeyInfo info
        found = self.known_key(<PyObject*>raw)
        if found is not NULL:
            return <KeyInfo>found
        text = normalise_key(raw)
        info = KeyInfo(text, self.redaction)
        if PyUnicode_CheckExact(raw) and len(<str>raw) <= KEY_CACHE_LENGTH:
            if PyDict_Size(self.keys) >= KEY_CACHE:
                # Both together: two that differ must not be known of one key.
                self.clear_slots()
                self.keys.clear()
            self.keys[raw] = info
            self.remember(<PyObject*>raw, <PyObject*>info)
        return info

    cdef int remember(self, PyObject* raw, PyObject* info) noexcept:
        cdef size_t slot = slot_of(raw)
        cdef PyObject* old_raw = self.slot_raw[slot]
        cdef PyObject* old_info = self.slot_info[slot]
        Py_INCREF(<object>raw)
        Py_INCREF(<object>info)
        self.slot_raw[slot] = raw
        self.slot_info[slot] = info
        Py_XDECREF(old_raw)
        Py_XDECREF(old_info)
        return 0


# -- writing: only memory is touched -----------------------------------------------------------------------------------

cdef Py_ssize_t measure(Draft* draft) noexcept:
    cdef Py_ssize_t size = 0
    cdef Py_ssize_t part, i
    if draft.timestamp:
        size += 9
    if draft.severity:
        size += 2
    if draft.text.n:
        size += text_len(draft.text.n)
    if draft.has_body:
        size += text_len(draft.body.size)
    for i in range(draft.count):
        part = key_value_len(&draft.fields[i])
        size += text_len(part)
    if draft.dropped:
        size += 1 + varint_len(draft.dropped)
    size += draft.trace_len
    if draft.observed:
        size += 9
    if draft.event.n:
        size += text_len(draft.event.n)
    draft.size = size
    return size


cdef char* write_record(char* p, Draft* draft) noexcept:
    cdef Py_ssize_t i
    p[0] = 0x12
    p = put_varint(p + 1, <uint64_t>draft.size)
    if draft.timestamp:
        p = put_fixed64(p, 0x09, draft.timestamp)
    if draft.severity:
        p[0] = 0x10
        p[1] = <char>draft.severity
        p += 2
    if draft.text.n:
        p = put_text(p, 0x1A, draft.text.s, draft.text.n)
    if draft.has_body:
        p[0] = 0x2A
        p = put_any_value(put_varint(p + 1, <uint64_t>draft.body.size), &draft.body)
    for i in range(draft.count):
        p = put_attribute(p, &draft.fields[i])
    if draft.dropped:
        p[0] = 0x38
        p = put_varint(p + 1, draft.dropped)
    memcpy(p, draft.trace, draft.trace_len)
    p += draft.trace_len
    if draft.observed:
        p = put_fixed64(p, 0x59, draft.observed)
    if draft.event.n:
        p = put_text(p, 0x62, draft.event.s, draft.event.n)
    return p


cdef void release_draft(Draft* draft) noexcept:
    cdef Py_ssize_t i
    for i in range(draft.count):
        let_go(&draft.fields[i])
    let_go(&draft.body)
    let_go(&draft.text)
    let_go(&draft.event)
    draft.count = 0
