/* fuzz: what reads bytes of somebody else, fed with any bytes. A target is one function and one
 * file, whose first lines say what its input is and what must hold. `make check-fuzz` mutates
 * inputs under the sanitizers; `make check` runs the seeds and every past finding
 * (tests/fuzz/seeds) through the same functions. */
#ifndef DS_TESTS_FUZZ_H
#define DS_TESTS_FUZZ_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/file.h"

/* Whether the input is accepted; must return, and leave nothing behind. */
typedef bool FuzzTarget(const uint8_t *data, size_t count);

typedef struct Fuzzed {
  const char *name;
  FuzzTarget *run;
  Bytes (*made)(Arena *arena); /* an input that is accepted, as this very program writes it; NULL:
                                  all seeds are files */
} Fuzzed;
extern const Fuzzed fuzz_targets[]; /* ends with a NULL name */
const Fuzzed *fuzz_find(const char *name);

/* An empty arena for an input of `count` bytes: `least` bytes and a fixed multiple of the input's.
 * A parser that wants more than that has believed a number before it looked at it, and ends here.
 */
Arena fuzz_arena(size_t count, size_t least);

/* What is not so is a finding. */
#define FUZZ_CHECK(holds, ...)                                                                     \
  do {                                                                                             \
    if (holds) break;                                                                              \
    fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                \
    fprintf(stderr, __VA_ARGS__);                                                                  \
    fputc('\n', stderr);                                                                           \
    abort();                                                                                       \
  } while (0)

/* A refusal is one line of UTF-8 that begins with the file; `path` NULL: with anything. */
void fuzz_refused(const Status *st, const char *path);

/* The bytes up to the next line "%%", which are taken from `rest`; all of it where there is none.
 */
Bytes fuzz_part(Bytes *rest);

/* Bytes with nothing behind them, in memory of their own, and with a NUL behind them as file_read
 * gives them; to be freed. */
char *fuzz_exact(Bytes bytes);
char *fuzz_ended(Bytes bytes);

#endif
