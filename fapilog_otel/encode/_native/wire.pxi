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
