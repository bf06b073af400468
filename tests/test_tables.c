/* tables: the columns are the rows' members, all of them, each once. */
#include "family/family.h"
#include "family/mamba1.h"
#include "measure/tables.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void expect_covered(const Table *t) {
  size_t end = 0;
  for (int i = 0; i < t->columns; i++) {
    const Column *c = &t->column[i];
    size_t want = c->type == COLUMN_I32 ? 4 : c->type == COLUMN_TEXT ? c->size : 8;
    cr_assert_eq(c->size, want, "%s.%s: size %zu, type wants %zu", t->name, c->name, c->size, want);
    cr_assert(c->offset >= end && c->offset - end < 8,
              "%s.%s: at %zu, the column before ends at %zu", t->name, c->name, c->offset, end);
    cr_assert(c->type != COLUMN_I32 || c->offset == end, "%s.%s: a member before it is no column",
              t->name, c->name);
    for (int k = 0; k < i; k++)
      cr_assert_str_neq(t->column[k].name, c->name, "%s has it twice", t->name);
    end = c->offset + c->size;
  }
  cr_assert(end <= t->row_size && t->row_size - end < 8, "%s: columns end at %zu of %zu", t->name,
            end, t->row_size);
  cr_assert(t->title && strlen(t->title) > 0);
}

Test(tables, columns_cover_their_rows_and_sizes_match_types) {
  for (const Table *const *t = tables; *t; t++) expect_covered(*t);
  expect_covered(&table_token_errors);
  expect_covered(&table_judged);
}

Test(tables, modes_have_a_column_a_stage_in_the_order_of_the_stages) {
  cr_assert_eq(table_modes.columns, MODE_COLUMNS + family_mamba1.stages);
  for (int s = 0; s < family_mamba1.stages; s++) {
    cr_expect_str_eq(table_modes.column[MODE_COLUMNS + s].name, family_mamba1.stage[s].key);
    for (int v = 0; family_mamba1.stage[s].values[v]; v++)
      cr_expect_lt(strlen(family_mamba1.stage[s].values[v]),
                   table_modes.column[MODE_COLUMNS + s].size, "%s",
                   family_mamba1.stage[s].values[v]);
  }
}

Test(tables, keys_come_first_and_first_values_are_columns) {
  cr_assert_str_eq(table_pair_stats.column[0].name, "prompt");
  cr_assert_str_eq(table_pair_stats.column[4].name, "layer");
  cr_assert_eq(table_pair_stats.column[4].type, COLUMN_I32);
  int found = 0;
  TensorStats row = {.first = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}};
  for (int i = 0; i < table_tensor_stats.columns; i++) {
    const Column *c = &table_tensor_stats.column[i];
    if (strncmp(c->name, "first_", 6) || !isdigit((unsigned char)c->name[6])) continue;
    cr_assert_eq(*(double *)((char *)&row + c->offset), atoi(c->name + 6), "%s", c->name);
    found++;
  }
  cr_assert_eq(found, FIRST_VALUES);
}
