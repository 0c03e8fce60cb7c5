# The scan that decides whether a text must be scrubbed: most texts are told clean at about two comparisons a byte.
#
#     two bytes side by side ─► in the set of anchors? ─► does the literal around that anchor match?
#     two bytes every ten    ─► a digit? ─► how long is the run around it?

cdef enum:
    MAX_LITERALS = 128
    LONG_RUN = 12             # digits that ``scrub`` may change
    STRIDE = 10               # of the search for digits: a long run holds a digit in any two neighbours of its bytes


cdef struct Literal:
    const char* s
    Py_ssize_t n
    Py_ssize_t anchor         # where in it the pair of bytes stands that it is found by
    int next                  # another literal of the same anchor pair, or -1


# How common a byte is in ordinary text; a literal is looked for by the pair of its bytes that is the least so.
COMMON = {letter: rank for rank, letter in enumerate(reversed("etaoinsrhldcumfpgwybvkxjqz"))}


cdef class Suspicion:
    """Tells in one pass whether a text may hold what a redactor looks for; never misses, may be wrong the other way."""

    cdef uint8_t anchors[8192]   # a bit for each pair of bytes
    cdef uint8_t folded[256]     # ASCII case folding
    cdef list owners             # keeps the memory of the literals
    cdef Literal literals[MAX_LITERALS]
    cdef int heads[256]          # by a pair's hash: the first literal to try, or -1
    cdef int count
    cdef bint digits
    cdef bint always

    def __cinit__(self, redaction):
        cdef int c
        memset(self.anchors, 0, sizeof(self.anchors))
        for c in range(256):
            self.folded[c] = <uint8_t>(c + 32) if 65 <= c <= 90 else <uint8_t>c
            self.heads[c] = -1
        self.count = 0
        self.owners = []
        self.digits = redaction.digits
        literals = [literal.lower().encode() for literal in redaction.literals]
        self.always = redaction.always or len(literals) > MAX_LITERALS or any(len(literal) < 2 for literal in literals)
        if not self.always:
            for literal in literals:
                self._add(literal)

    cdef _add(self, bytes literal):
        cdef Literal* entry = &self.literals[self.count]
        cdef int c, d, pair
        self.owners.append(literal)
        entry.s = PyBytes_AS_STRING(literal)
        entry.n = PyBytes_GET_SIZE(literal)
        entry.anchor = min(range(entry.n - 1), key=lambda i: commonness(literal[i]) + commonness(literal[i + 1]))
        pair = hash_of(<uint8_t>literal[entry.anchor], <uint8_t>literal[entry.anchor + 1])
        entry.next = self.heads[pair]
        self.heads[pair] = self.count
        self.count += 1
        for c in spellings(literal[entry.anchor]):
            for d in spellings(literal[entry.anchor + 1]):
                self.anchors[(c << 5) | (d >> 3)] |= <uint8_t>(1 << (d & 7))

    cdef bint of(self, const char* s, Py_ssize_t n) noexcept:
        cdef Py_ssize_t i
        cdef uint8_t c, d
        if self.always:
            return True
        if self.digits and n >= LONG_RUN and has_long_run(s, n):
            return True
        if n < 2 or self.count == 0:
            return False
        d = <uint8_t>s[0]
        for i in range(1, n):
            c, d = d, <uint8_t>s[i]
            if (self.anchors[(c << 5) | (d >> 3)] >> (d & 7)) & 1 and self._literal_at(s, n, i - 1):
                return True
        return False

    cdef bint _literal_at(self, const char* s, Py_ssize_t n, Py_ssize_t at) noexcept:
        # Whether a literal lies around the anchor pair at this place.
        cdef int k = self.heads[hash_of(self.folded[<uint8_t>s[at]], self.folded[<uint8_t>s[at + 1]])]
        cdef Py_ssize_t j, begin
        cdef Literal* literal
        while k >= 0:
            literal = &self.literals[k]
            begin = at - literal.anchor
            if begin >= 0 and begin + literal.n <= n:
                for j in range(literal.n):
                    if self.folded[<uint8_t>s[begin + j]] != <uint8_t>literal.s[j]:
                        break
                else:
                    return True
            k = literal.next
        return False

    def matches(self, str text):
        """Tell whether the text may hold something to redact (for tests)."""
        data = text.encode("utf-8", "surrogatepass")
        return self.of(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


cdef int commonness(int byte):
    # Punctuation and digits are rarer than letters, a blank is the commonest of all.
    return 40 if byte == 32 else COMMON.get(chr(byte), 8 if 48 <= byte <= 57 else 2)


cdef list spellings(int byte):
    return [byte, byte - 32] if 97 <= byte <= 122 else [byte]


cdef inline int hash_of(uint8_t c, uint8_t d) noexcept:
    return (c * 31 + d) & 255


cdef inline bint is_digit(char c) noexcept:
    return 48 <= <uint8_t>c <= 57


cdef inline bint is_separator(char c) noexcept:
    return c == 32 or c == 45


cdef bint has_long_run(const char* s, Py_ssize_t n) noexcept:
    # Whether there are so many digits in a row, single spaces and dashes between them allowed.
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t begin, end
    cdef int run
    while i + 1 < n:
        if not is_digit(s[i]) and not is_digit(s[i + 1]):
            i += STRIDE
            continue
        begin = i if is_digit(s[i]) else i + 1
        while begin > 0 and (is_digit(s[begin - 1]) or (
                is_separator(s[begin - 1]) and begin > 1 and is_digit(s[begin - 2]))):
            begin -= 1
        run = 0
        end = begin
        while end < n and (is_digit(s[end]) or (
                is_separator(s[end]) and end > begin and is_digit(s[end - 1]) and end + 1 < n and is_digit(s[end + 1]))):
            run += is_digit(s[end])
            end += 1
        if run >= LONG_RUN:
            return True
        i = end + 1
    return False
