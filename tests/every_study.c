/* What test_crash and its like ask of the program's own rooms, whose names the made model's would
 * meet. */
#include "tests/every_study.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/estimate.h"
#include "measure/compare.h"
#include "report/changes.h"
#include "store/store.h"
#include "walk/subject.h"

long long every_least_memory(Arena scratch, const char *path, Status *st) {
  Spec spec;
  Subject subject = {0};
  if (!spec_read(&scratch, path, &spec, st) || !subject_check(&scratch, &spec, &subject, st))
    return 0;
  return (long long)estimate_of(&spec, &subject, NULL, false, scratch).memory.least;
}

/* Marks that are gone are there again. */
static void mark(const Table *table, const void *alone, void *gone_on, size_t rows) {
  const size_t at =
      table == &table_pair_stats ? offsetof(PairStats, checked) : offsetof(TensorStats, checked);
  if (table != &table_pair_stats && table != &table_tensor_stats) return;
  for (size_t i = 0; i < rows; i++) {
    const char *from = (const char *)alone + i * table->row_size + at;
    char *to = (char *)gone_on + i * table->row_size + at;
    if (*(const int32_t *)(const void *)from == 1) memcpy(to, from, sizeof(int32_t));
  }
}

bool went_on_the_same(Arena *arena, const char *alone, const char *gone_on, const char **said) {
  const char *path[] = {alone, gone_on};
  Results file[2];
  Status st = {0};
  bool ok = true;
  *said = "";
  for (int i = 0; i < 2; i++)
    if (!results_open(path[i], &file[i], *arena, &st))
      return *said = arena_printf(arena, "%s", st.text), false;
  for (const Table *const *t = tables; ok && *t; t++) {
    TableSide side[2] = {0};
    void *rows[2] = {0};
    Arena scratch = *arena;
    for (int i = 0; i < 2; i++) {
      ok &= results_rows(&scratch, &file[i], *t, &rows[i], &side[i].count, &st);
      side[i].rows = rows[i];
    }
    ok &= side[0].count == side[1].count;
    if (ok) mark(*t, rows[0], rows[1], side[0].count);
    const TableChanges c = ok ? table_changes(&scratch, *t, &side[0], &side[1]) : (TableChanges){0};
    ok &= !c.rows_changed && !c.only_before;
    if (!ok)
      *said = arena_printf(arena, "%s: %s%s", (*t)->name, st.text,
                           c.cells ? row_name(&scratch, *t, c.cell->before) : "");
  }
  for (int i = 0; i < 2; i++) results_close(&file[i]);
  return ok;
}

bool every_cell_equal(Arena *arena, const char *a, const char *b, const char **said) {
  bool changed = true;
  Status st = {0};
  char *text = NULL;
  size_t count = 0;
  FILE *out = open_memstream(&text, &count);
  bool ok = changes_write(out, LANGUAGE_ENGLISH, a, b, &changed, *arena, &st);
  fclose(out);
  *said = arena_printf(arena, "%s%s", st.text, text);
  free(text);
  return ok && !changed;
}
