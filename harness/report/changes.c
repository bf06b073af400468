#include "report/changes.h"

#include <string.h>

#include "measure/compare.h"
#include "report/markdown.h"

typedef struct Run {
  TableSide *side; /* one for each of tables[], in that order */
  RunKey key;
} Run;

static bool read_run(Arena *arena, const char *path, Run *run, Status *st) {
  Results results;
  int count = 0;
  while (tables[count]) count++;
  run->side = ARENA_NEW(arena, TableSide, count);
  TRY(results_take(arena, path, NULL, &results, st));
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

static void write_cells(FILE *out, Language l, const Table *table, const TableChanges *c,
                        Arena scratch) {
  for (int i = 0; i < c->cells; i++) {
    const CellChange *cell = &c->cell[i];
    fprintf(out, "  %s: %s %s -> %s\n", row_name(&scratch, table, cell->before), cell->column->name,
            cell_text(&scratch, cell->column, cell->before),
            cell_text(&scratch, cell->column, cell->after));
  }
  if (c->rows_changed > (size_t)c->cells)
    fprintf(out, say(l, "  … and %s more\n"),
            md_count(l, &scratch, (long)(c->rows_changed - (size_t)c->cells), "row"));
}

static void write_columns(FILE *out, const char *where, const Column *const *column, int columns) {
  for (int i = 0; i < columns; i++) fprintf(out, "%s%s", i ? ", " : where, column[i]->name);
  if (columns) fprintf(out, "\n");
}

/* What only the second file has is more, not other: it is said, and changes nothing. */
static bool compare_table(FILE *out, Language l, const Table *table, const TableSide *before,
                          const TableSide *after, size_t *rows, Arena scratch) {
  if (!before->count && !after->count) return false;
  if (!before->count || !after->count) {
    fprintf(out,
            before->count ? say(l, "%s: only before (rows: %zu)\n")
                          : say(l, "%s: only after (rows: %zu)\n"),
            table->name, before->count + after->count);
    return before->count > 0;
  }
  TableChanges c = table_changes(&scratch, table, before, after);
  fprintf(out, say(l, "%s: %zu of %s changed"), table->name, c.rows_changed,
          md_count(l, &scratch, (long)c.rows, "row"));
  if (c.only_before || c.only_after)
    fprintf(out, say(l, ", %zu only before, %zu only after"), c.only_before, c.only_after);
  fprintf(out, "\n");
  write_cells(out, l, table, &c, scratch);
  write_columns(out, say(l, "  columns only before: "), c.column_before, c.columns_before);
  write_columns(out, say(l, "  columns only after: "), c.column_after, c.columns_after);
  *rows += c.rows_changed;
  return c.rows_changed || c.only_before || c.only_after || c.columns_before;
}

/* What the keys of two runs differ in: one of run_key_names. */
static const char *key_words(Language l, const char *key) {
  static const char *const word[RUN_KEYS] = WORDS("spec", "weights", "text", "program");
  for (int i = 0; i < RUN_KEYS; i++)
    if (!strcmp(key, word[i])) return say(l, word[i]);
  return key;
}

bool changes_write(FILE *out, Language l, const char *before_path, const char *after_path,
                   bool *changed, Arena scratch, Status *st) {
  Run before, after;
  TRY(read_run(&scratch, before_path, &before, st));
  TRY(read_run(&scratch, after_path, &after, st));
  const char *differs = run_key_difference(&before.key, &after.key);
  size_t rows = 0;
  int compared = 0, others = 0;
  fprintf(out, say(l, "before: %s\nafter:  %s\n"), before_path, after_path);
  if (differs)
    fprintf(out, say(l, "the two runs differ in: %s (and perhaps more)\n"), key_words(l, differs));
  for (int i = 0; tables[i]; i++) {
    compared += before.side[i].count > 0;
    others += compare_table(out, l, tables[i], &before.side[i], &after.side[i], &rows, scratch);
  }
  if (others)
    fprintf(out,
            say(l, "changed: %s, in %d of the %d tables that both have or the first has alone\n"),
            md_count(l, &scratch, (long)rows, "row"), others, compared);
  else
    fprintf(out,
            say(l, "nothing changed: every cell of %s is the same, times and memory left out\n"),
            md_count(l, &scratch, compared, "table"));
  *changed = others > 0;
  return true;
}
