# The emit core; encode/emit.py says the same in Python.

cdef enum:
    LANES_ = 26
    STACK_FIELDS = 40
    KEY_CACHE = 4096
    TRACE_BYTES = 40

LANES = LANES_


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


cdef class EmitCore:
    """Encodes records into open chunks, one a severity band, and counts them; see ``encode.emit.EmitCore``."""

    cdef readonly object plan
    cdef readonly object sealed
    cdef public bint closed
    cdef public Py_ssize_t count_limit
    cdef public Py_ssize_t seal_count
    cdef public Py_ssize_t settled_total
    cdef readonly uint64_t ops
    cdef object host
    cdef list open_chunks
    cdef dict keys
    cdef object redaction
    cdef Suspicion suspicion
    cdef object stages
    cdef bint context_vars
    cdef bint static_attributes
    cdef Py_ssize_t record_limit
    cdef Py_ssize_t attribute_limit
    cdef Py_ssize_t value_length
    cdef object context_var
    cdef object cached_context
    cdef PyObject* cached_pointer
    cdef char trace[TRACE_BYTES]
    cdef int trace_len
    cdef Py_ssize_t stored
    cdef uint64_t submitted[LANES_]
    cdef uint64_t filtered[LANES_]
    cdef dict dropped
    cdef KeyInfo mask_key

    def __cinit__(self, plan, host, lock):
        self.plan = plan
        self.host = host
        self.sealed = deque()
        self.open_chunks = [None, None, None, None]
        self.keys = {}
        self.redaction = plan.redaction
        scrubs = self.redaction is not None and self.redaction.scrub is not None
        self.suspicion = Suspicion(self.redaction) if scrubs else None
        self.stages = plan.stages
        self.context_vars = plan.context_vars
        self.static_attributes = bool(plan.static_attributes)
        self.record_limit = plan.limits.record_bytes
        self.attribute_limit = plan.limits.attributes
        self.value_length = -1 if plan.limits.value_length is None else plan.limits.value_length
        self.context_var = runtime_context_var()
        self.cached_context = None
        self.cached_pointer = NULL
        self.dropped = {}
        memset(self.submitted, 0, sizeof(self.submitted))
        memset(self.filtered, 0, sizeof(self.filtered))

    # -- counters ------------------------------------------------------------------------------------------------------

    def submitted_counts(self):
        """Records submitted so far, by severity lane."""
        return [self.submitted[i] for i in range(LANES_)]

    def filtered_counts(self):
        """Records that an inline stage filtered out, by severity lane."""
        return [self.filtered[i] for i in range(LANES_)]

    def dropped_counts(self):
        """Records dropped before any chunk took them, by reason and severity lane."""
        return {reason: list(lanes) for reason, lanes in self.dropped.items()}

    cdef int drop(self, int severity, str reason) except -1:
        cdef list lanes = self.dropped.get(reason)
        if lanes is None:
            lanes = self.dropped.setdefault(reason, [0] * LANES_)
        lanes[severity] = lanes[severity] + 1
        self.submitted[severity] += 1
        self.ops += 1
        return 0

    # -- submitting ----------------------------------------------------------------------------------------------------

    def submit_fields(self, scope, timestamp, observed, int severity, text, body, attributes, ids, event_name, dropped):
        """Encode a record whose attributes are complete already; see ``encode.emit.EmitCore.submit_fields``."""
        if self.closed:
            self.drop(severity, "shutdown")
            return
        try:
            result = encode_fields(self.plan, scope, timestamp, observed, severity, text, body, attributes, ids,
                                   event_name, dropped)
            if result is None:
                self.count_filtered(severity)
            else:
                self.store_bytes(result[0], result[1], result[2])
        except Exception:
            self.drop(severity, "encode_error")

    cdef int count_filtered(self, int severity) except -1:
        self.filtered[severity] += 1
        self.submitted[severity] += 1
        self.ops += 1
        return 0

    def submit(self, scope, timestamp, observed, int severity, text, body, attributes, bound, ids, context, event_name):
        """Encode one record; see ``encode.emit.EmitCore.submit``."""
        cdef uint64_t now
        if severity < 0 or severity > 24:
            severity = 0
        now = now_ns()
        stamp = now if timestamp < 0 else <uint64_t>timestamp
        seen = <uint64_t>observed if observed > 0 else now
        self.take(scope, stamp, seen, severity, text, body, attributes, bound, ids, context, event_name)

    cdef int take(self, scope, uint64_t timestamp, uint64_t observed, int severity, text, body, attributes,
                           bound, ids, context, event_name) except -1:
        cdef Draft draft
        if self.closed:
            return self.drop(severity, "shutdown")
        draft.timestamp = timestamp
        draft.observed = observed
        draft.severity = severity
        try:
            self.put_trace(&draft, ids, context)
            if bound or self.static_attributes or self.has_running():
                attributes = merge_attributes(self.plan, attributes, bound)
            elif attributes is None:
                pass
            elif not PyDict_CheckExact(attributes):
                attributes = safe_mapping(attributes)
            if self.stages:
                self.submit_staged(&draft, scope, text, body, attributes, event_name)
            else:
                self.submit_plain(&draft, scope, text, body, attributes, event_name)
        except Exception:
            self.drop(severity, "encode_error")
        return 0

    cdef bint has_running(self) except -1:
        cdef PyObject* value = NULL
        cdef bint found
        if not self.context_vars:
            return False
        PyContextVar_Get(BOUND, NULL, &value)
        found = value is not NULL and <object>value is not None
        Py_XDECREF(value)
        return found

    cdef int submit_staged(self, Draft* draft, scope, text, body, attributes, event_name) except -1:
        trace = draft.trace[:draft.trace_len]
        result = run_stages(self.plan, scope, draft.timestamp, draft.observed, draft.severity, text, body,
                            attributes or {}, trace, event_name)
        if result is None:
            return self.count_filtered(draft.severity)
        payload, severity, scope = result
        return self.store_bytes(payload, severity, scope)

    cdef int submit_plain(self, Draft* draft, scope, text, body, dict attributes, event_name) except -1:
        cdef Field stack[STACK_FIELDS]
        cdef Py_ssize_t n = 0 if attributes is None else PyDict_Size(attributes)
        cdef Py_ssize_t limit = min(n, self.attribute_limit)
        cdef bint fast = False
        draft.dropped = <uint32_t>(n - limit)
        draft.count = 0
        draft.fields = stack
        draft.body.owner = draft.text.owner = draft.event.owner = NULL
        draft.body.key = draft.text.key = draft.event.key = NULL
        if limit > STACK_FIELDS:
            draft.fields = <Field*>malloc(limit * sizeof(Field))
            if draft.fields is NULL:
                raise MemoryError()
        try:
            try:
                if n > limit:
                    attributes = select_attributes(attributes, self.attribute_limit)
                self.collect(draft, text, body, attributes, limit, event_name)
                fast = self.measure(draft) <= self.record_limit
            except Exception:
                fast = False     # done again in Python below, which contains, counts and fails closed
            if fast:
                self.store_draft(draft, scope)
            else:
                payload = build_payload(self.plan, draft.timestamp, draft.observed, draft.severity, text, body,
                                        attributes or {}, n - limit, draft.trace[:draft.trace_len], event_name)
                self.store_bytes(payload, draft.severity, scope)
        finally:
            self.release_draft(draft)
            if draft.fields is not stack:
                free(draft.fields)
        return 0

    cdef void release_draft(self, Draft* draft) noexcept:
        cdef Py_ssize_t i
        for i in range(draft.count):
            let_go(&draft.fields[i])
        let_go(&draft.body)
        let_go(&draft.text)
        let_go(&draft.event)
        draft.count = 0

    # -- trace context -------------------------------------------------------------------------------------------------

    cdef int put_trace(self, Draft* draft, ids, context) except -1:
        cdef PyObject* current = NULL
        cdef bytes fields
        if ids is not None:
            fields = _wire.trace_fields(*ids)
        elif context is not None:
            fields = _wire.trace_fields(*span_context_ids(context))
        elif self.context_var is None:
            fields = _wire.trace_fields(*span_context_ids(None))
        else:
            PyContextVar_Get(self.context_var, NULL, &current)
            if current is NULL:
                draft.trace_len = 0
                return 0
            if current is not self.cached_pointer:
                self.load_context(<object>current)
            # load_context may have let another thread load its own context in between
            if current is self.cached_pointer:
                memcpy(draft.trace, self.trace, self.trace_len)
                draft.trace_len = self.trace_len
                Py_XDECREF(current)
                return 0
            fields = _wire.trace_fields(*span_context_ids(<object>current))
            Py_XDECREF(current)
        draft.trace_len = <int>len(fields)
        memcpy(draft.trace, PyBytes_AS_STRING(fields), draft.trace_len)
        return 0

    cdef int load_context(self, context) except -1:
        cdef bytes fields = _wire.trace_fields(*span_context_ids(context))
        self.trace_len = <int>len(fields)
        memcpy(self.trace, PyBytes_AS_STRING(fields), self.trace_len)
        self.cached_pointer = <PyObject*>context
        self.cached_context = context    # last: letting go of the old context may run its finalisers
        return 0

    # -- collecting: everything that may run Python code ----------------------------------------------------------------

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
        cdef KeyInfo info
        Py_DECREF(raw)
        Py_DECREF(value)
        field.key = field.owner = NULL
        info = self.key_info(raw)
        if info.n == 0:                      # an empty key
            draft.dropped += 1
            return budget
        if info.verdict == DROP:
            return budget
        if info.verdict == MASK:
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

    cdef KeyInfo key_info(self, raw):
        cdef PyObject* found
        cdef KeyInfo info
        if PyUnicode_CheckExact(raw):
            found = PyDict_GetItemWithError(self.keys, raw)
            if found is not NULL:
                return <KeyInfo>found
        text = normalise_key(raw)
        info = KeyInfo(text, self.redaction)
        if PyUnicode_CheckExact(raw):
            if PyDict_Size(self.keys) >= KEY_CACHE:
                self.keys.clear()
            self.keys[raw] = info
        return info

    # -- writing: only memory is touched -------------------------------------------------------------------------------

    cdef Py_ssize_t measure(self, Draft* draft) noexcept:
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

    cdef char* write(self, char* p, Draft* draft) noexcept:
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

    cdef int store_draft(self, Draft* draft, scope) except -1:
        cdef Py_ssize_t need = text_len(draft.size)
        cdef int number = 0
        cdef Chunk chunk = self.room(draft.severity, need, scope, &number)
        if chunk is None:
            return self.drop(draft.severity, "queue_full")
        chunk.close_record(self.write(chunk.data + chunk.length, draft), draft.severity, number)
        return self.stored_one(chunk, draft.severity)

    cdef int store_bytes(self, bytes payload, int severity, scope) except -1:
        cdef Py_ssize_t size = PyBytes_GET_SIZE(payload)
        cdef int number = 0
        cdef Chunk chunk = self.room(severity, text_len(size), scope, &number)
        if chunk is None:
            return self.drop(severity, "queue_full")
        chunk.close_record(
            put_text(chunk.data + chunk.length, 0x12, PyBytes_AS_STRING(payload), size), severity, number)
        return self.stored_one(chunk, severity)

    cdef int stored_one(self, Chunk chunk, int severity) except -1:
        self.submitted[severity] += 1
        self.stored += 1
        self.ops += 1
        if self.seal_count and chunk.n >= self.seal_count and self.open_chunks[chunk.band] is chunk:
            self.open_chunks[chunk.band] = None
            self.sealed.append(chunk)
            self.host.wake()
        return 0

    cdef Chunk room(self, int severity, Py_ssize_t need, scope, int* number):
        # Gives a chunk with room, its scope numbered: nothing may run between this and the writing.
        cdef int band = 3 if severity >= 17 else 2 if severity >= 13 else 0 if 1 <= severity < 9 else 1
        cdef int attempt
        cdef Chunk chunk
        for attempt in range(4):
            if self.count_limit and self.stored - self.settled_total >= self.count_limit:
                if not self.host.await_count(band):
                    return None
                continue
            chunk = <Chunk>self.open_chunks[band] if self.open_chunks[band] is not None else None
            if chunk is not None and chunk.has_room(need):
                number[0] = chunk.scope_id(scope)
                return chunk
            fresh = self.host.acquire(band, need, True)
            if fresh is None:
                return None
            self.install(band, fresh, need)
        return None

    cdef int install(self, int band, Chunk fresh, Py_ssize_t need) except -1:
        cdef Chunk old
        old = <Chunk>self.open_chunks[band] if self.open_chunks[band] is not None else None
        if old is not None and old.has_room(need):
            self.host.release(fresh)
            return 0
        self.open_chunks[band] = fresh
        if old is not None:
            self.sealed.append(old)
        self.ops += 1
        if old is not None:
            self.host.wake()
        return 0

    # -- sealing -------------------------------------------------------------------------------------------------------

    def seal_open(self):
        """Seal every open chunk that holds a record, and let go of the cached context."""
        cdef int band
        cdef Chunk chunk
        for band in range(4):
            chunk = <Chunk>self.open_chunks[band] if self.open_chunks[band] is not None else None
            if chunk is not None and chunk.n:
                self.open_chunks[band] = None
                self.sealed.append(chunk)
                self.ops += 1
        self.cached_pointer = NULL
        self.cached_context = None

    def stored_total(self):
        """Records written into chunks so far."""
        return self.stored

    def open_records(self):
        """Records in open chunks."""
        return sum(chunk.count for chunk in self.open_chunks if chunk is not None)

    def drop_open(self):
        """Give up the open chunks, empty ones included."""
        cdef list chunks = self.open_chunks
        self.open_chunks = [None, None, None, None]
        self.ops += 1
        return [chunk for chunk in chunks if chunk is not None]
