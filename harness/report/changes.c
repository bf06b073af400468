#include "report/changes.h"

#include "measure/compare.h"

typedef struct Run {
  TableSide *side; /* one for each of tables[], in that order */
  RunKey key;
} Run;

static bool read_run(Arena *arena, const char *path, Run *run, Status *st) {
  Results results;
  int count = 0;
  while (tables[count]) count++;
  run->side = ARENA_NEW(arena, TableSide, count);
  TRY(results_open(path, &results, *arena, st));
  bool ok = results_key(&results, &run->key, st);
  for (int i = 0; ok && i < count; i++) {
    void *rows = NULL;
    bool *there = ARENA_NEW(arena, bool, tables[i]->columns);
    ok = results_rows(arena, &results, tables[i], &rows, &run->side[i].count, st) &&
         (!run->side[i].count || results_columns(&results, tables[i], there, st));
    run->side[i].rows = rows;
    run->side[i].there = there;
  }
  results_close(&results);
  return ok;
}

static void write_cells(FILE *out, const Table *table, const TableChanges *c, Arena scratch) {
  for (int i = 0; i < c->cells; i++) {
    const CellChange *cell = &c->cell[i];
    fprintf(out, "  %s: %s %s -> %s\n", row_name(&scratch, table, cell->before), cell->column->name,
            cell_text(&scratch, cell->column, cell->before),
            cell_text(&scratch, cell->column, cell->after));
  }
  if (c->rows_changed > (size_t)c->cells)
    fprintf(out, "  … and %zu more rows\n", c->rows_changed - (size_t)c->cells);
}

static void write_columns(FILE *out, const char *where, const Column *const *column, int columns) {
  for (int i = 0; i < columns; i++) fprintf(out, "%s%s", i ? ", " : where, column[i]->name);
  if (columns) fprintf(out, "\n");
}

/* What only the second file has is more, not other: it is said, and changes nothing. */
static bool compare_table(FILE *out, const Table *table, const TableSide *before,
                          const TableSide *after, size_t *rows, Arena scratch) {
  if (!before->count && !after->count) return false;
  if (!before->count || !after->count) {
    fprintf(out, "%s: only %s (rows: %zu)\n", table->name, before->count ? "before" : "after",
            before->count + after->count);
    return before->count > 0;
  }
  TableChanges c = table_changes(&scratch, table, before, after);
  fprintf(out, "%s: %zu of %zu rows changed", table->name, c.rows_changed, c.rows);
  if (c.only_before || c.only_after)
    fprintf(out, ", %zu only before, %zu only after", c.only_before, c.only_after);
  fprintf(out, "\n");
  write_cells(out, table, &c, scratch);
  write_columns(out, "  columns only before: ", c.column_before, c.columns_before);
  write_columns(out, "  columns only after: ", c.column_after, c.columns_after);
  *rows += c.rows_changed;
  return c.rows_changed || c.only_before || c.only_after || c.columns_before;
}

bool changes_write(FILE *out, const char *before_path, const char *after_path, bool *changed,
                   Arena scratch, Status *st) {
  Run before, after;
  TRY(read_run(&scratch, before_path, &before, st));
  TRY(read_run(&scratch, after_path, &after, st));
  const char *differs = run_key_difference(&before.key, &after.key);
  size_t rows = 0;
  int compared = 0, others = 0;
  fprintf(out, "before: %s\nafter:  %s\n", before_path, after_path);
  if (differs) fprintf(out, "the two runs differ in: %s (and perhaps more)\n", differs);
  for (int i = 0; tables[i]; i++) {
    compared += before.side[i].count > 0;
    others += compare_table(out, tables[i], &before.side[i], &after.side[i], &rows, scratch);
  }
  if (others)
    fprintf(out,
            "changed: %zu rows, in %d of the %d tables that both have or the first has alone\n",
            rows, others, compared);
  else
    fprintf(out,
            "nothing changed: every cell of %d tables is the same, times and memory left out\n",
            compared);
  *changed = others > 0;
  return true;
}
