/* Two tables are the same where every cell is, but for clocks; what differs is named by row and
 * column. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/compare.h"
#include "measure/tables.h"
#include "tests/exhausted.h"

static Arena new_arena(void) {
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 24, exhausted, &st));
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
  TableSide before = {a, as, NULL}, after = {b, bs, NULL};
  return table_changes(arena, &table_drift, &before, &after);
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
    char *cells[] = {(char *)&a[7] + which->offset, (char *)&b[7] + which->offset};
    if (which->type == COLUMN_F64) /* elsewhere it may be NaN, or 0, in every row */
      memcpy(cells[0], &(double){1}, sizeof(double)),
          memcpy(cells[1], &(double){2}, sizeof(double));
    else
      cells[1][0] ^= 2;
    TableChanges c = changes(&arena, a, ROWS, b, ROWS);
    cr_expect_eq(c.rows_changed, 1, "%s", which->name);
    cr_assert_eq(c.cells, 1);
    cr_expect_eq(c.cell[0].column, which);
    cr_expect_str_eq(row_name(&arena, &table_drift, c.cell[0].before),
                     "fp64 / 2-0 / block_out / 3");
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

static int column_named(const char *name) {
  for (int i = 0; i < table_drift.columns; i++)
    if (!strcmp(table_drift.column[i].name, name)) return i;
  cr_assert_fail("no column %s", name);
  return -1;
}

Test(compare, rows_and_columns_of_one_file_alone_are_counted_apart) {
  Arena arena = new_arena();
  Drift a[ROWS], b[ROWS];
  bool in_a[128], in_b[128];
  make(a);
  make(b);
  memset(in_a, true, sizeof in_a);
  memset(in_b, true, sizeof in_b);
  in_a[column_named("token_median")] = in_b[column_named("cosine_min")] = false;
  for (int i = 0; i < ROWS; i++) b[i].token_median = 0.01, a[i].cosine_min = 1;
  TableSide before = {a, ROWS, in_a}, after = {b, ROWS - 3, in_b};
  TableChanges c = table_changes(&arena, &table_drift, &before, &after);
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
  TableSide before = {a, 2, NULL}, after = {b, 2, NULL};
  TableChanges c = table_changes(&arena, &table_performance, &before, &after);
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
