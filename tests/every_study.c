/* What test_crash and its like ask of the program's own rooms, whose names the made model's would
 * meet. */
#include "tests/every_study.h"

#include <stdlib.h>

#include "experiment/estimate.h"
#include "report/changes.h"
#include "walk/subject.h"

long long every_least_memory(Arena scratch, const char *path, Status *st) {
  Spec spec;
  Subject subject = {0};
  if (!spec_read(&scratch, path, &spec, st) || !subject_check(&scratch, &spec, &subject, st))
    return 0;
  return (long long)estimate_of(&spec, &subject, NULL, false, scratch).memory.least;
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
