/* exhausted: what a test's arena does where it has no room: it says so, and ends the test. */
#ifndef DS_TESTS_EXHAUSTED_H
#define DS_TESTS_EXHAUSTED_H
#include <stdio.h>
#include <stdlib.h>

static inline void exhausted(size_t wanted, size_t reserved) {
  fprintf(stderr, "test arena exhausted: wanted %zu of %zu bytes\n", wanted, reserved);
  abort();
}
#endif
