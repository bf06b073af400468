#include "report/rows_by.h"

#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

static const char *text_of(const RowsBy *by, int64_t row, size_t offset) {
  return by->rows + (size_t)row * by->row_size + offset;
}

/* Where a row of these texts stands, or is to stand. */
static size_t slot_of(const RowsBy *by, const char *a, const char *b) {
  const uint64_t first = XXH3_64bits_withSeed(a, strlen(a), by->seed);
  size_t slot = XXH3_64bits_withSeed(b, strlen(b), first) % by->slots;
  for (;; slot = (slot + 1) % by->slots) {
    const int64_t row = by->first[slot];
    if (row < 0 || (!strcmp(text_of(by, row, by->a), a) && !strcmp(text_of(by, row, by->b), b)))
      return slot;
  }
}

/* From the last row on, so that each finds those behind it. */
RowsBy rows_by(Arena *arena, const void *rows, size_t count, size_t row_size, size_t a, size_t b) {
  RowsBy by = {.rows = rows, .count = count, .row_size = row_size, .a = a, .b = b};
  by.slots = 2 * count + 1;
  if (getrandom(&by.seed, sizeof by.seed, 0) < 0) by.seed = (uint64_t)(uintptr_t)arena;
  by.first = ARENA_NEW(arena, int64_t, by.slots);
  by.next = ARENA_NEW(arena, int64_t, count);
  for (size_t i = 0; i < by.slots; i++) by.first[i] = -1;
  for (size_t i = count; i-- > 0;) {
    const size_t slot = slot_of(&by, text_of(&by, (int64_t)i, a), text_of(&by, (int64_t)i, b));
    by.next[i] = by.first[slot];
    by.first[slot] = (int64_t)i;
  }
  return by;
}

int64_t rows_by_first(const RowsBy *by, const char *a, const char *b) {
  return by->first[slot_of(by, a, b)];
}
