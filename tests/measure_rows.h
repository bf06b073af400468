/* measure_rows: for the tests of harness/measure: rows filled with junk first, scratch of exactly
 * the promised size, and comparisons of doubles that say what, where, got and want. */
#ifndef DS_TESTS_MEASURE_ROWS_H
#define DS_TESTS_MEASURE_ROWS_H
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/stats.h"
#include "tests/exhausted.h"

static inline Arena new_arena(void) {
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 28, exhausted, &st), "%s", st.text);
  return arena;
}

/* Scratch of exactly the size that stats_scratch_bytes promises. */
static inline Arena exact_scratch(const Arena *arena, size_t n, size_t parts) {
  Arena scratch = *arena;
  scratch.end = scratch.next + stats_scratch_bytes(n, parts);
  cr_assert(scratch.end <= arena->end);
  return scratch;
}

static inline TensorStats tensor_row(const Tensor *t, float scale) {
  Arena arena = new_arena();
  TensorStats row;
  memset(&row, 0xa5, sizeof row);
  stats_tensor(
      t, scale, &row,
      exact_scratch(&arena, (size_t)t->rows * (size_t)t->cols, (size_t)t->rows + (size_t)t->cols));
  arena_release(&arena);
  return row;
}

static inline PairStats pair_row(const Tensor *base, const Tensor *other) {
  Arena arena = new_arena();
  PairStats row;
  memset(&row, 0xa5, sizeof row);
  stats_pair(base, other, &row,
             exact_scratch(&arena, (size_t)base->rows * (size_t)base->cols,
                           (size_t)base->rows + (size_t)base->cols));
  arena_release(&arena);
  return row;
}

static inline void near_(const char *what, double got, double want, double tolerance, int line) {
  bool same = (isnan(got) && isnan(want)) || got == want || fabs(got - want) <= tolerance;
  cr_assert(same, "line %d: %s: got %.17g (%a), want %.17g (%a), tolerance %g", line, what, got,
            got, want, want, tolerance);
}
#define NEAR(got, want, tolerance) near_(#got, got, want, tolerance, __LINE__)
#define SAME(got, want) near_(#got, (double)(got), (double)(want), 0, __LINE__)
#endif
