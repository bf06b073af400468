/* rows_by: the rows of a table that have the same two texts, in their order, found without a look
 * at the others: a report asks for the rows of a pair, or of a mode's tensor, again and again. */
#ifndef DS_REPORT_ROWS_BY_H
#define DS_REPORT_ROWS_BY_H
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

typedef struct RowsBy {
  const char *rows;
  size_t count, row_size, a, b; /* offsets of the two texts */
  size_t slots;
  uint64_t seed;  /* nobody's who makes a file: no order depends on it */
  int64_t *first; /* [slots]: the first row of its texts, at their digest or behind it; -1: none */
  int64_t *next;  /* [count]: the next row of the same two texts; -1: none */
} RowsBy;

/* In the arena. */
RowsBy rows_by(Arena *arena, const void *rows, size_t count, size_t row_size, size_t a, size_t b);
/* The first row, and the one behind a row; -1: there is none. */
int64_t rows_by_first(const RowsBy *by, const char *a, const char *b);
static inline int64_t rows_by_next(const RowsBy *by, int64_t row) { return by->next[row]; }
#endif
