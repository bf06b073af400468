/* alone: a spec's micro section without the full run. */
#include <string.h>

#include "base/file.h"
#include "base/folder.h"
#include "experiment/experiment.h"
#include "experiment/provenance.h"
#include "experiment/run.h"
#include "report/standing.h"
#include "study/calibrate_subject.h"
#include "study/micro/micro.h"

/* What a run of the micro section alone is: not the run of the same spec. */
static void alone_key(RunKey *key, Arena scratch) {
  const char *text = arena_printf(&scratch, "micro %s", key->spec.hex);
  key->spec = digest_of(text, strlen(text));
}

static bool check_other(const char *path, const RunKey *key, Arena scratch, Status *st) {
  uint64_t standing;
  TRY(store_standing(path, key, false, &standing, scratch,
                     st)); /* an unfinished one is as much somebody's */
  if (!file_exists(path)) return true;
  RunKey found;
  TRY(run_key_there(path, &found, scratch, st));
  if (!strcmp(found.spec.hex, key->spec.hex)) return true;
  return FAIL(st, "%s: is the result of another run; --fresh replaces it, -o names another folder",
              path);
}

bool experiment_micro(Arena *arena, const Spec *spec, const char *folder, const char *command,
                      bool fresh, Progress *progress, const char **path, int *lock, Status *st) {
  Subject subject;
  MicroRows rows;
  Store *store;
  RunKey key;
  *path = arena_printf(arena, "%s/results.h5", folder);
  *lock = -1;
  if (spec->micro_count == 0)
    return FAIL(st, "%s: key 'micro' is missing: no operator is to run alone", spec->path);
  TRY(subject_check(arena, spec, &subject, st));
  TRY(micro_check(spec, &subject, *arena, st));
  TRY(run_key(spec, &subject, &key, *arena, st));
  alone_key(&key, *arena);
  TRY(folder_lock(folder, false, lock, st));
  TRY(fresh ? run_may_replace(*path, st) : check_other(*path, &key, *arena, st));
  TRY(calibrate_may_leave(&subject, folder, *arena, st) && report_may_stand(folder, *arena, st) &&
      experiment_load(arena, spec, folder, progress, &subject, st) &&
      layers_ride_all(subject.layers, st));
  Study study = {.spec = spec, .subject = &subject, .progress = progress};
  TRY(micro_run(arena, &study, &rows, st));

  StoreShape shape = {.layers = subject.model.layers}; /* no prompts: tables alone */
  TRY(store_open(arena, *path, &key, &shape, true, false, &store, st));
  TableRows table[MICRO_TABLES];
  micro_rows_tables(&rows, table);
  int attributes;
  const Device none = {
      0}; /* operators alone run on the CPU; a device gives the same bits (verify) */
  const Attribute *attribute =
      provenance_attributes(arena, spec, &subject, &none, command, &attributes);
  bool ok = store_finish(store, attribute, attributes, table, MICRO_TABLES, *arena, st);
  store_close(store);
  return ok;
}
