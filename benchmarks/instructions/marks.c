/* Tells callgrind what to count. Loaded by the counted process with ctypes.PyDLL, so that the interpreter's lock is
   held over every call and no other thread gets between two marks. */
#include <valgrind/callgrind.h>

int marks_under_valgrind(void) { return RUNNING_ON_VALGRIND != 0; }

void marks_begin(void) { CALLGRIND_START_INSTRUMENTATION; CALLGRIND_ZERO_STATS; }

void marks_zero(void) { CALLGRIND_ZERO_STATS; }

void marks_dump(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }

void marks_end(void) { CALLGRIND_STOP_INSTRUMENTATION; }
