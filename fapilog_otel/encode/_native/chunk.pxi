# A chunk over a block of raw memory; see model/chunk.py for what its methods mean.

cdef struct IndexEntry:
    uint32_t offset
    uint16_t scope
    uint8_t severity
    uint8_t unused


cdef enum:
    BYTES_PER_INDEX_ENTRY = 96   # one index entry is set aside for so many bytes of records
    MAX_SCOPES = 65535
    SLACK = 64                   # bytes behind the last record's place, so that short parts are copied in one go

cdef Py_ssize_t MAX_SIZE = 0xFFFFFFFF   # what an index entry's offset can say


cdef class Chunk:
    """Encoded records over pooled memory; the memory returns to the pool only when no view of it is left."""

    cdef char* data
    cdef IndexEntry* index
    cdef readonly Py_ssize_t length
    cdef readonly Py_ssize_t size
    cdef Py_ssize_t n
    cdef Py_ssize_t capacity
    cdef readonly Py_ssize_t allocated
    cdef readonly int band
    cdef readonly list scopes
    cdef public object owner
    cdef readonly Py_ssize_t exports
    cdef PyObject* last_scope
    cdef uint16_t last_scope_id
    cdef object __weakref__

    def __cinit__(self, Py_ssize_t size, int band, Chunk donor=None):
        self.band = band
        self.scopes = []
        self.n = self.length = self.exports = 0
        self.last_scope = NULL
        if not 0 < size <= MAX_SIZE:
            raise ValueError(f"a chunk of {size} bytes cannot be made")
        if donor is not None and donor.data is not NULL and donor.exports == 0:
            self.data, donor.data = donor.data, NULL
            self.index, donor.index = donor.index, NULL
            self.size, self.capacity, self.allocated = donor.size, donor.capacity, donor.allocated
            donor.n = donor.length = donor.size = donor.capacity = 0
            return
        self.size = size
        self.capacity = size // BYTES_PER_INDEX_ENTRY + 1
        self.allocated = size + self.capacity * <Py_ssize_t>sizeof(IndexEntry)
        self.data = <char*>malloc(size + SLACK)
        self.index = <IndexEntry*>malloc(self.capacity * sizeof(IndexEntry))
        if self.data is NULL or self.index is NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.data)
        free(self.index)

    def prefault(self):
        """Touch every page now, so that no log call pays for it."""
        if self.data is NULL:    # a donor that has given its memory away
            return
        memset(self.data, 0, self.size)
        memset(self.index, 0, self.capacity * sizeof(IndexEntry))

    def __getbuffer__(self, Py_buffer* view, int flags):
        PyBuffer_FillInfo(view, self, self.data, self.length, 1, flags)
        self.exports += 1

    def __releasebuffer__(self, Py_buffer* view):
        self.exports -= 1

    @property
    def count(self):
        """Records in the chunk."""
        return self.n

    def fits(self, Py_ssize_t need):
        """Tell whether a record of ``need`` bytes still has room."""
        return self.has_room(need)

    cdef inline bint has_room(self, Py_ssize_t need) noexcept:
        return self.length + need <= self.size and self.n < self.capacity

    cdef inline int known_scope(self, PyObject* scope) noexcept:
        # The scope's number, or -1: it has none here yet.
        return self.last_scope_id if self.last_scope == scope else -1

    cdef int scope_id(self, object scope) except -1:
        # May allocate list memory but runs no Python code.
        cdef Py_ssize_t i
        if self.last_scope == <PyObject*>scope:
            return self.last_scope_id
        for i in range(len(self.scopes)):
            if <PyObject*>self.scopes[i] == <PyObject*>scope:
                break
        else:
            i = len(self.scopes)
            if i > MAX_SCOPES:
                i = MAX_SCOPES
                raise OverflowError("too many scopes in one chunk")
            self.scopes.append(scope)
        self.last_scope = <PyObject*>scope
        self.last_scope_id = <uint16_t>i
        return <int>i

    cdef inline void close_record(self, char* end, int severity, int scope) noexcept:
        cdef IndexEntry* entry = self.index + self.n
        entry.offset = <uint32_t>self.length
        entry.scope = <uint16_t>scope
        entry.severity = <uint8_t>severity
        self.n += 1
        self.length = end - self.data

    def append(self, bytes record not None, int severity, scope):
        """Add one LogRecord message with its tag and length; raises `ValueError` when it does not fit."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(record)
        cdef int number = self.scope_id(scope)
        if not self.has_room(size):
            raise ValueError("the record does not fit into the chunk")
        memcpy(self.data + self.length, PyBytes_AS_STRING(record), size)
        self.close_record(self.data + self.length + size, severity, number)

    def compact(self):
        """Move a half-empty sealed chunk into memory of its exact size; gives a donor of the old block, or None."""
        cdef Chunk donor
        cdef char* data
        cdef IndexEntry* index
        cdef Py_ssize_t index_bytes = self.n * <Py_ssize_t>sizeof(IndexEntry)
        if self.length * 2 >= self.size or self.exports:
            return None
        data = <char*>malloc(max(self.length, 1))    # sealed: no slack, nothing is written to it any more
        index = <IndexEntry*>malloc(max(index_bytes, 1))
        if data is NULL or index is NULL:
            free(data)
            free(index)
            return None
        memcpy(data, self.data, self.length)
        memcpy(index, self.index, index_bytes)
        donor = Chunk.__new__(Chunk, 1, self.band)
        free(donor.data)
        free(donor.index)
        donor.data, donor.index = self.data, self.index
        donor.size, donor.capacity, donor.allocated = self.size, self.capacity, self.allocated
        self.data, self.index = data, index
        self.size, self.capacity = self.length, self.n
        self.allocated = max(self.length, 1) + index_bytes
        return donor

    def view(self):
        """Give the encoded records, read-only."""
        return memoryview(self)

    cdef inline Py_ssize_t start_of(self, Py_ssize_t i) noexcept:
        return self.index[i].offset if 0 <= i < self.n else self.length

    def offset(self, Py_ssize_t index):
        """Give where record ``index`` starts, bytes."""
        return self.start_of(index)

    def severity_counts(self, Py_ssize_t lo, Py_ssize_t hi):
        """Count records by severity number."""
        cdef Py_ssize_t lanes[256]
        cdef Py_ssize_t i, start
        cdef uint8_t severity
        memset(lanes, 0, sizeof(lanes))
        hi = min(hi, self.n)
        i = max(lo, 0)
        while i < hi:    # by runs: most records have their neighbour's severity
            start = i
            severity = self.index[i].severity
            while i < hi and self.index[i].severity == severity:
                i += 1
            lanes[severity] += i - start
        return {i: lanes[i] for i in range(256) if lanes[i]}

    def runs(self, Py_ssize_t lo, Py_ssize_t hi):
        """Give byte ranges of neighbouring records of one scope."""
        cdef list found = []
        cdef Py_ssize_t start = max(lo, 0)
        cdef Py_ssize_t i
        hi = min(hi, self.n)
        if start >= hi:
            return found
        for i in range(start + 1, hi + 1):
            if i == hi or self.index[i].scope != self.index[start].scope:
                found.append((self.scopes[self.index[start].scope], self.start_of(start), self.start_of(i)))
                start = i
        return found

    def payloads(self, Py_ssize_t lo, Py_ssize_t hi):
        """Give each record's LogRecord message without its tag, and its scope."""
        cdef list found = []
        cdef Py_ssize_t i
        data = memoryview(self)
        for i in range(max(lo, 0), min(hi, self.n)):
            begin = payload_start(data, self.start_of(i))
            found.append((data[begin:self.start_of(i + 1)], self.scopes[self.index[i].scope]))
        return iter(found)

    def cut(self, Py_ssize_t lo, Py_ssize_t max_bytes, Py_ssize_t max_records):
        """Give the largest ``hi`` within both bounds; at least ``lo + 1``."""
        cdef Py_ssize_t low = lo + 1
        cdef Py_ssize_t high = lo + min(max_records, self.n - lo)    # in this order: nothing overflows
        cdef Py_ssize_t middle, limit = self.start_of(lo) + min(max_bytes, self.length)
        while low < high:
            middle = (low + high + 1) // 2
            if self.start_of(middle) <= limit:
                low = middle
            else:
                high = middle - 1
        return low
