# The emit core; encode/emit.py says the same in Python.

cdef enum:
    LANES_ = 26
    STACK_FIELDS = 40
    ATTEMPTS = 1000    # for a chunk with room; with many threads waiting, one is often full again before its turn comes

LANES = LANES_


cdef inline int band_of(int severity) noexcept:
    return 3 if severity >= 17 else 2 if severity >= 13 else 0 if 1 <= severity < 9 else 1


cdef inline int lane_of(object severity) except -1:
    # A severity number in range, or 0: the lanes are C arrays.
    cdef int overflow = 0
    cdef long long number
    if not PyLong_Check(severity):
        return 0
    number = PyLong_AsLongLongAndOverflow(severity, &overflow)
    return <int>number if 0 <= number <= 24 else 0


cdef inline uint64_t stamp_of(object value, uint64_t otherwise) except? 0:
    # What fixed64 can hold, or something else.
    try:
        return <uint64_t>value
    except OverflowError:
        return otherwise


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
    cdef PlainEncoder encoder
    cdef TraceCache trace
    cdef object stages
    cdef bint context_vars
    cdef dict static_attributes
    cdef bint has_stages
    cdef Py_ssize_t record_limit
    cdef Py_ssize_t attribute_limit
    cdef Py_ssize_t stored
    cdef uint64_t submitted[LANES_]
    cdef uint64_t filtered[LANES_]
    cdef dict dropped

    def __cinit__(self, plan, host, lock):
        self.plan = plan
        self.host = host
        self.sealed = deque()
        self.open_chunks = [None, None, None, None]
        self.encoder = PlainEncoder(plan)
        self.trace = TraceCache()
        self.stages = plan.stages
        self.context_vars = plan.context_vars
        self.static_attributes = dict(plan.static_attributes) or None
        self.has_stages = bool(plan.stages)
        self.record_limit = plan.limits.record_bytes
        self.attribute_limit = plan.limits.attributes
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

    def submit_fields(self, scope, timestamp, observed, severity, text, body, attributes, ids, event_name, dropped):
        """Encode a record whose attributes are complete already; see ``encode.emit.EmitCore.submit_fields``."""
        cdef int lane = lane_of(severity)
        if self.closed:
            self.drop(lane, "shutdown")
            return
        try:
            result = encode_fields(self.plan, scope, timestamp, observed, lane, text, body, attributes, ids,
                                   event_name, dropped)
            if result is None:
                self.count_filtered(lane)
            else:
                self.store_bytes(result[0], result[1], result[2])
        except Exception:
            self.drop(lane, "encode_error")

    def submit_sdk(self, scope, int floor, sdk_record):
        """Encode an SDK record; see ``encode.emit.EmitCore.submit_sdk``."""
        return feed_plain(self, <PyObject*>scope, floor, sdk_record)

    cdef int count_filtered(self, int severity) except -1:
        self.filtered[severity] += 1
        self.submitted[severity] += 1
        self.ops += 1
        return 0

    def submit(self, scope, timestamp, observed, severity, text, body, attributes, bound, ids, context, event_name):
        """Encode one record; see ``encode.emit.EmitCore.submit``."""
        cdef uint64_t now = now_ns()
        cdef uint64_t stamp = now if timestamp < 0 else stamp_of(timestamp, 0)
        cdef uint64_t seen = stamp_of(observed, now) if observed > 0 else now
        self.take(scope, stamp, seen, lane_of(severity), text, body, attributes, bound, ids, context, event_name)

    cdef int take(self, scope, uint64_t timestamp, uint64_t observed, int severity, text, body, attributes,
                           bound, ids, context, event_name) except -1:
        cdef Draft draft
        cdef Head head
        if ids is None and context is None and set_head(&head, severity, <PyObject*>text) and self.put_plain(
                <PyObject*>scope, timestamp, observed, &head, <PyObject*>body, <PyObject*>bound, <PyObject*>attributes,
                NULL, NULL, <PyObject*>event_name, NULL, 0):
            return 0
        if self.closed:
            return self.drop(severity, "shutdown")
        draft.timestamp = timestamp
        draft.observed = observed
        draft.severity = severity
        try:
            draft.trace_len = self.trace.put(draft.trace, ids, context)
            if bound or self.static_attributes is not None or self.has_running():
                attributes = merge_attributes(self.plan, attributes, bound)
            elif attributes is None:
                pass
            elif not PyDict_CheckExact(attributes):
                attributes = safe_mapping(attributes)
            if self.has_stages:
                self.submit_staged(&draft, scope, text, body, attributes, event_name)
            else:
                self.submit_plain(&draft, scope, text, body, attributes, event_name)
        except Exception:
            self.drop(severity, "encode_error")
        return 0

    cdef bint put_plain(self, PyObject* scope, uint64_t timestamp, uint64_t observed, Head* head, PyObject* body, PyObject* bound,
                        PyObject* attributes, PyObject* names, PyObject** values, PyObject* event_name,
                        const char* trace, int trace_len) noexcept:
        """Write a plain record; False: it is not, nothing was done, and the general way takes it from the beginning.

        ``trace`` holds encoded ids; NULL: those of the current context.
        """
        cdef Plain record
        cdef PyObject* running = NULL
        cdef bint written
        if self.closed or self.has_stages or self.count_limit:
            return False
        if trace is NULL:
            record.trace_len = self.trace.cached(record.trace)
            if record.trace_len < 0:
                return False
        else:
            memcpy(record.trace, trace, TRACE_BYTES)
            record.trace_len = trace_len
        record.timestamp = timestamp
        record.observed = observed
        record.head = head
        record.count = record.seen = 0
        record.event_len = 0
        if event_name is not NULL:
            record.event = plain_text(event_name, &record.event_len)
            if record.event is NULL:
                return False
        if not self.encoder.plain_body(&record, body):
            return False
        if self.context_vars and BOUND_USED:
            fapilog_context_value(BOUND, &running)
        written = (self.collect_plain(&record, running, bound, attributes, names, values)
                   and self.write_plain(&record, scope))
        Py_XDECREF(running)
        return written

    cdef bint collect_plain(self, Plain* record, PyObject* running, PyObject* bound, PyObject* attributes,
                            PyObject* names, PyObject** values) noexcept:
        # In the order of ``values.merge_attributes``: each layer replaces what those before it say.
        cdef PyObject* layers[4]
        cdef int i
        layers[0] = <PyObject*>self.static_attributes
        layers[1] = running
        layers[2] = bound
        layers[3] = attributes
        for i in range(4):
            if layers[i] is not NULL and layers[i] is not Py_None:
                if not self.encoder.plain_mapping(record, layers[i]):
                    return False
        if names is not NULL and not self.encoder.plain_keywords(record, names, values):
            return False
        return record.seen <= self.attribute_limit

    cdef bint write_plain(self, Plain* record, PyObject* scope) noexcept:
        cdef Py_ssize_t size = measure_plain(record)
        cdef int severity = record.head.severity
        cdef PyObject* found = PyList_GET_ITEM(self.open_chunks, band_of(severity))
        cdef Chunk chunk
        cdef int number
        if found is Py_None or size > self.record_limit:
            return False
        chunk = <Chunk>found
        number = chunk.known_scope(scope)
        if number < 0 or not chunk.has_room(text_len(size)):
            return False
        if self.seal_count and chunk.n + 1 >= self.seal_count:    # sealing runs Python code
            return False
        chunk.close_record(write_plain(chunk.data + chunk.length, record, size), severity, number)
        self.submitted[severity] += 1
        self.stored += 1
        self.ops += 1
        return True

    cdef bint has_running(self) except -1:
        cdef PyObject* value = NULL
        cdef bint found
        if not self.context_vars or not BOUND_USED:
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
                self.encoder.collect(draft, text, body, attributes, limit, event_name)
                fast = measure(draft) <= self.record_limit
            except Exception:
                fast = False     # done again in Python below, which contains, counts and fails closed
            if fast:
                self.store_draft(draft, scope)
            else:
                payload = build_payload(self.plan, draft.timestamp, draft.observed, draft.severity, text, body,
                                        attributes or {}, n - limit, draft.trace[:draft.trace_len], event_name)
                self.store_bytes(payload, draft.severity, scope)
        finally:
            release_draft(draft)
            if draft.fields is not stack:
                free(draft.fields)
        return 0

    cdef int store_draft(self, Draft* draft, scope) except -1:
        cdef Py_ssize_t need = text_len(draft.size)
        cdef int number = 0
        cdef Chunk chunk = self.room(draft.severity, need, scope, &number)
        if chunk is None:
            return self.drop(draft.severity, "queue_full")
        chunk.close_record(write_record(chunk.data + chunk.length, draft), draft.severity, number)
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
        cdef int band = band_of(severity)
        cdef int attempt
        cdef Chunk chunk
        for attempt in range(ATTEMPTS):
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
            fresh = None    # now, not on the way out: it may be the last reference to a chunk that was not needed
        return None

    cdef int install(self, int band, Chunk fresh, Py_ssize_t need) except -1:
        cdef Chunk old
        old = <Chunk>self.open_chunks[band] if self.open_chunks[band] is not None else None
        if old is not None and old.has_room(need):
            self.host.release(fresh)
            return 0
        self.open_chunks[band] = fresh
        self.ops += 1
        if old is None:
            return 0
        if old.n == 0:    # too small for this record, and nobody has written to it yet
            self.host.release(old)
            return 0
        self.sealed.append(old)
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
        self.trace.clear()

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
