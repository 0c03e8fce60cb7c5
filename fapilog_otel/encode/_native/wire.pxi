# Varints, the clock, and the scan that decides whether a text must be scrubbed.

cdef extern from *:
    """
    /* OTLP's fixed64 is little-endian, whatever the machine is. */
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define fapilog_little_endian(value) __builtin_bswap64(value)
    #else
    #define fapilog_little_endian(value) (value)
    #endif
    """
    uint64_t little_endian "fapilog_little_endian" (uint64_t value) noexcept nogil


cdef inline int varint_len(uint64_t value) noexcept nogil:
    cdef int n = 1
    if value < 0x80:    # most lengths
        return 1
    if value < 0x4000:
        return 2
    while value >= 0x80:
        value >>= 7
        n += 1
    return n


cdef inline char* put_varint(char* p, uint64_t value) noexcept nogil:
    if value < 0x80:    # most lengths
        p[0] = <char>value
        return p + 1
    while value >= 0x80:
        p[0] = <char>(value | 0x80)
        p += 1
        value >>= 7
    p[0] = <char>value
    return p + 1


cdef inline char* put_text(char* p, char tag, const char* s, Py_ssize_t n) noexcept nogil:
    p[0] = tag
    p = put_varint(p + 1, <uint64_t>n)
    memcpy(p, s, n)
    return p + n


cdef inline char* put_fixed64(char* p, char tag, uint64_t value) noexcept nogil:
    p[0] = tag
    value = little_endian(value)
    memcpy(p + 1, &value, 8)
    return p + 9


cdef inline Py_ssize_t text_len(Py_ssize_t n) noexcept nogil:
    return 1 + varint_len(<uint64_t>n) + n


cdef extern from *:
    """
    #if defined(_WIN32)
    #include <windows.h>
    static unsigned long long fapilog_now_ns(void) {
        FILETIME t;
        GetSystemTimePreciseAsFileTime(&t);
        return ((((unsigned long long)t.dwHighDateTime << 32) | t.dwLowDateTime) - 116444736000000000ULL) * 100ULL;
    }
    #else
    #include <time.h>
    static unsigned long long fapilog_now_ns(void) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return (unsigned long long)t.tv_sec * 1000000000ULL + (unsigned long long)t.tv_nsec;
    }
    #endif
    """
    uint64_t now_ns "fapilog_now_ns" () noexcept nogil


cdef enum:
    MAX_LITERALS = 128


cdef class Suspicion:
    """Tells in one pass whether a text may hold what a redactor looks for; never misses, may be wrong the other way."""

    cdef uint8_t kinds[256]      # bits: 1 digit, 2 separator, 8 first letter of a literal
    cdef uint64_t pairs[256][4]  # for each first letter, the set of second letters with which a literal begins
    cdef list owners             # keeps the memory of the literals
    cdef const char* literals[MAX_LITERALS]
    cdef Py_ssize_t sizes[MAX_LITERALS]
    cdef int first[256]          # literals are sorted: those that begin with a letter are first[c] up to end[c]
    cdef int end[256]
    cdef int count
    cdef bint always

    def __cinit__(self, redaction):
        cdef int c
        memset(self.kinds, 0, 256)
        memset(self.pairs, 0, sizeof(self.pairs))
        memset(self.end, 0, sizeof(self.end))
        self.count = 0
        self.owners = []
        self.always = redaction.always or len(redaction.literals) > MAX_LITERALS
        if redaction.digits:
            for c in b"0123456789":
                self.kinds[c] = 1
            self.kinds[32] = 2
            self.kinds[45] = 2
        if not self.always:
            for literal in sorted(literal.lower().encode() for literal in redaction.literals):
                self._add(literal)

    cdef _add(self, bytes literal):
        cdef int c, d
        if len(literal) < 2:
            self.always = True
            return
        c = literal[0]
        if not self.end[c]:
            self.first[c] = self.count
        self.end[c] = self.count + 1
        self.owners.append(literal)
        self.literals[self.count] = PyBytes_AS_STRING(literal)
        self.sizes[self.count] = PyBytes_GET_SIZE(literal)
        self.count += 1
        start = literal[:2]
        for c in start[:1] + start[:1].upper():
            self.kinds[c] = self.kinds[c] | 8
            for d in start[1:] + start[1:].upper():
                self.pairs[c][d >> 6] |= <uint64_t>1 << (d & 63)

    cdef bint of(self, const char* s, Py_ssize_t n) noexcept:
        cdef Py_ssize_t i
        cdef int run = 0
        cdef bint separated = False
        cdef uint8_t kind, c, d
        if self.always:
            return True
        for i in range(n):
            c = <uint8_t>s[i]
            kind = self.kinds[c]
            if kind == 0:
                run = 0
                continue
            if kind & 8 and i + 1 < n:
                d = <uint8_t>s[i + 1]
                if (self.pairs[c][d >> 6] >> (d & 63)) & 1 and self._literal_at(s + i, n - i):
                    return True
            if kind & 1:
                run += 1
                separated = False
                if run >= 12:
                    return True
            elif kind & 2 and run and not separated:
                separated = True
            else:
                run = 0
        return False

    cdef bint _literal_at(self, const char* s, Py_ssize_t n) noexcept:
        cdef int k
        cdef Py_ssize_t j
        cdef const char* literal
        cdef uint8_t c = <uint8_t>s[0]
        if 65 <= c <= 90:
            c += 32
        for k in range(self.first[c], self.end[c]):
            if self.sizes[k] > n:
                continue
            literal = self.literals[k]
            for j in range(1, self.sizes[k]):
                c = <uint8_t>s[j]
                if 65 <= c <= 90:
                    c += 32
                if c != <uint8_t>literal[j]:
                    break
            else:
                return True
        return False

    def matches(self, str text):
        """Tell whether the text may hold something to redact (for tests)."""
        data = text.encode("utf-8", "surrogatepass")
        return self.of(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
