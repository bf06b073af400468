/* Two tables are the same where every cell is, but for clocks; what differs is named by row and column. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/compare.h"

static void no_room(size_t wanted, size_t reserved) {
  (void)wanted, (void)reserved;
  abort();
}

static Arena new_arena(void) {
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 24, no_room, &st));
  return arena;
}

enum { ROWS = 40 };

static void make(Drift row[ROWS]) {
  memset(row, 0, ROWS * sizeof *row);
  for (int i = 0; i < ROWS; i++) {
    strcpy(row[i].base, "fp64");
    strcpy(row[i].other, i % 2 ? "2-0" : "2-4");
    strcpy(row[i].tensor, "block_out");
    row[i].layer = i / 2;
    row[i].prompts = 1;
    row[i].rel_l2 = 1e-3 * (i + 1);
    row[i].growth = i < 2 ? NAN : 1.5;
    row[i].rel_l2_low = row[i].rel_l2_high = NAN;
  }
}

static TableChanges changes(Arena *arena, const Drift *a, size_t as, const Drift *b, size_t bs) {
  return table_changes(arena, &table_drift, a, as, b, bs);
}

Test(compare, the_same_rows_in_another_order_are_the_same) {
  Arena arena = new_arena();
  Drift a[ROWS], b[ROWS];
  make(a);
  for (int i = 0; i < ROWS; i++) b[i] = a[ROWS - 1 - i];
  TableChanges c = changes(&arena, a, ROWS, b, ROWS);
  cr_expect_eq(c.rows, ROWS);
  cr_expect_eq(c.rows_changed, 0);
  cr_expect_eq(c.only_before + c.only_after, 0);
  cr_expect_eq(c.columns_before + c.columns_after, 0);
}

Test(compare, any_one_cell_is_found_and_named) {
  for (int column = table_drift.keys; column < table_drift.columns; column++) {
    Arena arena = new_arena();
    Drift a[ROWS], b[ROWS];
    const Column *which = &table_drift.column[column];
    make(a);
    make(b);
    for (int i = 0; i < ROWS; i++) { /* no column is empty everywhere */
      char *cells[] = {(char *)&a[i] + which->offset, (char *)&b[i] + which->offset};
      for (int k = 0; k < 2; k++)
        if (which->type == COLUMN_F64)
          memcpy(cells[k], &(double){2}, sizeof(double));
        else
          cells[k][0] = 1;
    }
    ((char *)&b[7])[which->offset] ^= 2;
    TableChanges c = changes(&arena, a, ROWS, b, ROWS);
    cr_expect_eq(c.rows_changed, 1, "%s", which->name);
    cr_assert_eq(c.cells, 1);
    cr_expect_eq(c.cell[0].column, which);
    cr_expect_str_eq(row_name(&arena, &table_drift, c.cell[0].before), "fp64 / 2-0 / block_out / 3");
    arena_release(&arena);
  }
}

Test(compare, nan_equals_nan_and_minus_zero_is_another_zero) {
  Arena arena = new_arena();
  Drift a[ROWS], b[ROWS];
  make(a);
  make(b);
  b[5].rel_l2_low = -NAN;
  a[6].max_abs = 0.0, b[6].max_abs = -0.0;
  TableChanges c = changes(&arena, a, ROWS, b, ROWS);
  cr_expect_eq(c.rows_changed, 1);
  cr_expect_eq(c.cell[0].before, &a[6]);
}

Test(compare, rows_and_columns_of_one_file_alone_are_counted_apart) {
  Arena arena = new_arena();
  Drift a[ROWS], b[ROWS];
  make(a);
  make(b);
  for (int i = 0; i < ROWS; i++) a[i].token_median = NAN, b[i].token_median = 0.01, b[i].cosine_min = NAN;
  for (int i = 0; i < ROWS; i++) a[i].cosine_min = 1;
  TableChanges c = changes(&arena, a, ROWS, b, ROWS - 3);
  cr_expect_eq(c.only_before, 3);
  cr_expect_eq(c.only_after, 0);
  cr_expect_eq(c.rows_changed, 0);
  cr_assert_eq(c.columns_after, 1);
  cr_expect_str_eq(c.column_after[0]->name, "token_median");
  cr_assert_eq(c.columns_before, 1);
  cr_expect_str_eq(c.column_before[0]->name, "cosine_min");
}

Test(compare, clocks_do_not_count) {
  Arena arena = new_arena();
  Performance a[2] = {{"load", 1, 5}, {"total", 2, 7}}, b[2] = {{"load", 3, 6}, {"total", 9, 8}};
  TableChanges c = table_changes(&arena, &table_performance, a, 2, b, 2);
  cr_expect_eq(c.rows, 2);
  cr_expect_eq(c.rows_changed, 0);
}

/* Without a key all rows of a table would be one. */
Test(compare, every_table_has_a_key_in_front_of_what_was_measured) {
  for (int i = 0; tables[i]; i++) {
    cr_expect(tables[i]->keys > 0 && tables[i]->keys < tables[i]->columns, "%s", tables[i]->name);
    for (int k = 0; k < tables[i]->keys; k++)
      cr_expect_not(column_is_clock(tables[i], &tables[i]->column[k]), "%s", tables[i]->name);
  }
}
