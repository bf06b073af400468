#include "measure/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char clocks[] =
    " performance.time_s performance.bytes micro.time_us micro.time_mad_us micro.runs micro.gb_s "
    "micro.copy_ratio cost.time_s cost.mad_s cost.share cost.tokens_per_s cost.speed_to_fp32 "
    "cost.time_to_copy ";

bool column_is_clock(const Table *table, const Column *column) {
  char name[128] = " ";
  strncat(strncat(strncat(strncat(name, table->name, 50), ".", 2), column->name, 50), " ", 2);
  return strstr(clocks, name) != NULL;
}

static const char *cell_of(const Column *column, const void *row) {
  return (const char *)row + column->offset;
}

static double double_in(const Column *column, const void *row) {
  return table_double(row, column->offset);
}

static int64_t whole_in(const Column *column, const void *row) {
  int32_t i32;
  int64_t i64;
  if (column->type == COLUMN_I32) return memcpy(&i32, cell_of(column, row), sizeof i32), i32;
  return memcpy(&i64, cell_of(column, row), sizeof i64), i64;
}

/* NaN stands behind all numbers. */
static int order_of(const Column *column, const void *a, const void *b) {
  if (column->type == COLUMN_TEXT) return strcmp(cell_of(column, a), cell_of(column, b));
  if (column->type != COLUMN_F64) {
    int64_t x = whole_in(column, a), y = whole_in(column, b);
    return (x > y) - (x < y);
  }
  double x = double_in(column, a), y = double_in(column, b);
  if (isnan(x) || isnan(y)) return (isnan(x) != 0) - (isnan(y) != 0);
  return (x > y) - (x < y);
}

static bool same_cell(const Column *column, const void *a, const void *b) {
  bool zeros = column->type == COLUMN_F64 && double_in(column, a) == 0 && double_in(column, b) == 0;
  if (zeros) return memcmp(cell_of(column, a), cell_of(column, b), column->size) == 0;
  return order_of(column, a, b) == 0;
}

/* qsort has no context: what orders the rows stands beside each. */
typedef struct Row {
  const Table *table;
  const bool *told; /* [keys]: those that both files have */
  const void *at;
} Row;

static int by_key(const void *left, const void *right) {
  const Row *a = left, *b = right;
  int order = 0;
  for (int i = 0; i < a->table->keys && !order; i++)
    if (a->told[i]) order = order_of(&a->table->column[i], a->at, b->at);
  return order;
}

static Row *sorted(Arena *arena, const Table *table, const bool *told, const char *rows,
                   size_t count) {
  Row *row = ARENA_NEW(arena, Row, count);
  for (size_t i = 0; i < count; i++) row[i] = (Row){table, told, rows + i * table->row_size};
  qsort(row, count, sizeof *row, by_key);
  return row;
}

static bool has(const TableSide *side, int column) { return !side->there || side->there[column]; }

/* Columns that only one of the files has. */
static void find_columns(Arena *arena, TableChanges *c, const Table *table, const TableSide *before,
                         const TableSide *after) {
  c->column_before = ARENA_NEW(arena, const Column *, table->columns);
  c->column_after = ARENA_NEW(arena, const Column *, table->columns);
  for (int i = 0; i < table->columns; i++) {
    const Column *column = &table->column[i];
    if (has(before, i) && !has(after, i)) c->column_before[c->columns_before++] = column;
    if (has(after, i) && !has(before, i)) c->column_after[c->columns_after++] = column;
  }
}

static bool is_listed(const Column *const *list, int count, const Column *column) {
  for (int i = 0; i < count; i++)
    if (list[i] == column) return true;
  return false;
}

/* The first cell that differs; NULL: none. */
static const Column *changed_column(const TableChanges *c, const Table *table, const void *a,
                                    const void *b) {
  for (int i = table->keys; i < table->columns; i++) {
    const Column *column = &table->column[i];
    bool one_side = is_listed(c->column_before, c->columns_before, column) ||
                    is_listed(c->column_after, c->columns_after, column);
    if (!one_side && !column_is_clock(table, column) && !same_cell(column, a, b)) return column;
  }
  return NULL;
}

TableChanges table_changes(Arena *arena, const Table *table, const TableSide *before,
                           const TableSide *after) {
  TableChanges c = {.cell = ARENA_NEW(arena, CellChange, CHANGES_LISTED)};
  find_columns(arena, &c, table, before, after);
  bool *told = ARENA_NEW(arena, bool, table->keys);
  for (int i = 0; i < table->keys; i++) told[i] = has(before, i) && has(after, i);
  const Row *a = sorted(arena, table, told, before->rows, before->count);
  const Row *b = sorted(arena, table, told, after->rows, after->count);
  size_t i = 0, j = 0;
  while (i < before->count || j < after->count) {
    int order = i == before->count ? 1 : j == after->count ? -1 : by_key(&a[i], &b[j]);
    if (order < 0) c.only_before++, i++;
    if (order > 0) c.only_after++, j++;
    if (order) continue;
    const Column *column = changed_column(&c, table, a[i].at, b[j].at);
    c.rows++;
    c.rows_changed += column != NULL;
    if (column && c.cells < CHANGES_LISTED)
      c.cell[c.cells++] = (CellChange){a[i].at, b[j].at, column};
    i++, j++;
  }
  return c;
}

/* Nine digits where they are the number, else all seventeen. */
static const char *double_text(Arena *arena, double x) {
  const char *text = arena_printf(arena, "%.9g", x);
  return isnan(x) || strtod(text, NULL) == x ? text : arena_printf(arena, "%.17g", x);
}

const char *cell_text(Arena *arena, const Column *column, const void *row) {
  switch (column->type) {
    case COLUMN_TEXT: return arena_printf(arena, "'%.*s'", (int)column->size, cell_of(column, row));
    case COLUMN_F64: return double_text(arena, double_in(column, row));
    default: return arena_printf(arena, "%lld", (long long)whole_in(column, row));
  }
}

const char *row_name(Arena *arena, const Table *table, const void *row) {
  const char *name = "";
  for (int i = 0; i < table->keys; i++) {
    const Column *column = &table->column[i];
    const char *cell = column->type == COLUMN_TEXT ? arena_printf(arena, "%s", cell_of(column, row))
                                                   : cell_text(arena, column, row);
    name = arena_printf(arena, "%s%s%s", name, i ? " / " : "", *cell ? cell : "-");
  }
  return name;
}
