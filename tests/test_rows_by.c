/* rows_by: the rows of two texts, in their order, are those that a look at every row finds. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/rows_by.h"
#include "tests/exhausted.h"

typedef struct Row {
  int32_t number;
  char a[8], b[12];
} Row;

enum { ROWS = 3000 };

static Arena arena_here(void) {
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)16 << 20, exhausted, &st), "%s", st.text);
  return arena;
}

Test(rows_by, rows_of_two_texts_are_found_in_their_order) {
  static Row row[ROWS];
  Arena arena = arena_here();
  for (int i = 0; i < ROWS; i++) {
    row[i].number = i;
    snprintf(row[i].a, sizeof row[i].a, "%d", i * 31 % 7);
    snprintf(row[i].b, sizeof row[i].b, "x%d", i * 17 % 13);
  }
  const RowsBy by = rows_by(&arena, row, ROWS, sizeof *row, offsetof(Row, a), offsetof(Row, b));
  int seen = 0;
  for (int a = 0; a < 8; a++)
    for (int b = 0; b < 14; b++) {
      char of_a[8], of_b[12];
      snprintf(of_a, sizeof of_a, "%d", a);
      snprintf(of_b, sizeof of_b, "x%d", b);
      int64_t found = rows_by_first(&by, of_a, of_b);
      for (int i = 0; i < ROWS; i++) {
        if (strcmp(row[i].a, of_a) || strcmp(row[i].b, of_b)) continue;
        cr_assert_eq(found, i, "after %d rows of %s, %s", seen, of_a, of_b);
        found = rows_by_next(&by, found);
        seen++;
      }
      cr_expect_eq(found, -1);
    }
  cr_expect_eq(seen, ROWS);
}

Test(rows_by, of_no_rows_none_is_found) {
  Arena arena = arena_here();
  const RowsBy by = rows_by(&arena, NULL, 0, sizeof(Row), offsetof(Row, a), offsetof(Row, b));
  cr_expect_eq(rows_by_first(&by, "a", "b"), -1);
}
