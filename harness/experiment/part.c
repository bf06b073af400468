#include "experiment/part.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const note_name = "part";

const char *part_results(Arena *arena, const char *folder, const Shard *shard) {
  return arena_printf(arena, "%s/shard_%d_of_%d.h5", folder, shard->shard, shard->shards);
}

const bool *part_here(Arena *arena, const Shard *shard, int prompts) {
  bool *here = ARENA_NEW(arena, bool, prompts);
  for (int p = 0; p < prompts; p++) here[p] = shard_has(shard, p);
  return here;
}

/* --- what a part is of ------------------------------------------------------------------------ */

bool part_note(Store *store, const Spec *spec, const Shard *shard, bool whole, Status *st) {
  json_t *note = json_pack("{s:b, s:i, s:i, s:s, s:s, s:I, s:i, s:b}", "whole", whole, "shard",
                           shard->shard, "shards", shard->shards, "spec_path", spec->path,
                           "spec_raw", spec->raw, "seed", (json_int_t)spec->seed, "backend",
                           (int)spec->backend, "ignore_unused", spec->ignore_unused);
  char *text = note ? json_dumps(note, JSON_COMPACT) : NULL;
  json_decref(note);
  if (!text) return FAIL(st, "%s: cannot be noted in its parts", spec->path);
  const bool ok = store_note(store, note_name, text, strlen(text), st);
  free(text);
  return ok;
}

/* One that was found. */
typedef struct Found {
  const char *results;
  RunKey key;
  Shard shard;
  json_t *note;
} Found;

static bool get_shard(const json_t *note, Shard *shard) {
  const json_int_t at = json_integer_value(json_object_get(note, "shard")),
                   count = json_integer_value(json_object_get(note, "shards"));
  if (count < 1 || count > SHARDS_MOST || at < 1 || at > count) return false;
  *shard = (Shard){.shard = (int)at, .shards = (int)count};
  return true;
}

static bool look_at(Arena *arena, const char *results, Found *found, Status *st) {
  const void *bytes;
  size_t count;
  Status why = {0};
  *found = (Found){.results = results};
  if (!store_look(arena, results, &found->key, note_name, &bytes, &count, &why))
    return FAIL(st, "%s.parts: is no part of a study, or one that was hardly begun (%s)", results,
                why.text);
  found->note = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, NULL);
  if (!get_shard(found->note, &found->shard))
    return FAIL(st, "%s.parts: its note does not say which part of a study it is", results);
  if (!json_is_true(json_object_get(found->note, "whole")))
    return FAIL(st, "%s.parts: shard %d/%d is not whole: --shard %d/%d goes on with it", results,
                found->shard.shard, found->shard.shards, found->shard.shard, found->shard.shards);
  return true;
}

/* --- those of a folder ------------------------------------------------------------------------ */

/* "…/shard_3_of_8.h5" of "shard_3_of_8.h5.parts". */
static const char *results_of(Arena *arena, const char *folder, const char *name) {
  int shard, shards, end = 0;
  if (sscanf(name, "shard_%9d_of_%9d.h5.parts%n", &shard, &shards, &end) != 2 || !end || name[end])
    return NULL;
  return arena_printf(arena, "%s/%.*s", folder, end - (int)strlen(".parts"), name);
}

static bool list_folder(Arena *arena, const char *folder, Found *found, int *count, Status *st) {
  DIR *list = opendir(folder);
  const int before = *count;
  bool ok = true;
  if (!list) return FAIL(st, "%s: cannot be read: %s", folder, strerror(errno));
  for (struct dirent *entry; ok && (entry = readdir(list));) {
    const char *results = results_of(arena, folder, entry->d_name);
    if (results && *count == SHARDS_MOST)
      ok = FAIL(st, "%s: more than %d parts", folder, SHARDS_MOST);
    else if (results)
      ok = look_at(arena, results, &found[*count], st), ++*count;
  }
  closedir(list);
  return ok && (*count > before ||
                FAIL(st, "%s: holds no part of a study (shard_I_of_N.h5.parts)", folder));
}

static int by_shard(const void *a, const void *b) {
  const Shard *x = &((const Found *)a)->shard, *y = &((const Found *)b)->shard;
  return (x->shard > y->shard) - (x->shard < y->shard);
}

/* Which shards are not there: "2, 5 to 7". */
static const char *missing(Arena *arena, const Found *found, int count, int shards) {
  const char *text = "";
  for (int at = 1, i = 0; at <= shards; at++) {
    if (i < count && found[i].shard.shard == at) {
      i++;
      continue;
    }
    int last = at;
    while (last < shards && !(i < count && found[i].shard.shard == last + 1)) last++;
    text = arena_printf(arena, last > at ? "%s%s%d to %d" : "%s%s%d", text, *text ? ", " : "", at,
                        last);
    at = last;
  }
  return text;
}

/* Sorted, of one run, each once, all of them. */
static bool check_all(Found *found, int count, Arena scratch, Status *st) {
  const int shards = found[0].shard.shards;
  for (int i = 1; i < count; i++) {
    const char *differs = run_key_difference(&found[0].key, &found[i].key);
    if (differs)
      return FAIL(st, "%s.parts: is a part of another run than %s.parts (%s differs)",
                  found[i].results, found[0].results, differs);
    if (found[i].shard.shards != shards)
      return FAIL(st, "%s.parts: is one of %d parts, and %s.parts one of %d", found[i].results,
                  found[i].shard.shards, found[0].results, shards);
  }
  qsort(found, (size_t)count, sizeof *found, by_shard);
  for (int i = 1; i < count; i++)
    if (found[i].shard.shard == found[i - 1].shard.shard)
      return FAIL(st, "%s.parts: shard %d/%d is %s.parts too", found[i].results,
                  found[i].shard.shard, shards, found[i - 1].results);
  if (count < shards)
    return FAIL(st, "of %d shards these are missing: %s", shards,
                missing(&scratch, found, count, shards));
  return true;
}

/* As the parts were given it. */
static bool take_spec(Arena *arena, const Found *found, Spec *spec, Status *st) {
  const json_t *note = found->note;
  const json_int_t backend = json_integer_value(json_object_get(note, "backend"));
  const char *path = json_string_value(json_object_get(note, "spec_path")),
             *raw = json_string_value(json_object_get(note, "spec_raw"));
  if (!path || !raw || backend < BACKEND_AUTO || backend > BACKEND_CUDA)
    return FAIL(st, "%s.parts: its note lacks the spec that it was given", found->results);
  const char *own_path = arena_printf(arena, "%s", path), *own = arena_printf(arena, "%s", raw);
  TRY(spec_parse(arena, own_path, own, strlen(own), spec, st));
  spec->seed = json_integer_value(json_object_get(note, "seed"));
  spec->backend = (Backend)backend;
  spec->ignore_unused = json_is_true(json_object_get(note, "ignore_unused"));
  return true;
}

static bool find(Arena *arena, const char *const *folder, int folders, Found *found, int *count,
                 Parts *parts, Spec *spec, Status *st) {
  for (int i = 0; i < folders; i++) TRY(list_folder(arena, folder[i], found, count, st));
  TRY(check_all(found, *count, *arena, st));
  parts->count = *count;
  parts->results = ARENA_NEW(arena, const char *, *count);
  for (int i = 0; i < *count; i++) parts->results[i] = found[i].results;
  parts->key = found[0].key;
  return take_spec(arena, &found[0], spec, st);
}

bool parts_find(Arena *arena, const char *const *folder, int folders, Parts *parts, Spec *spec,
                Status *st) {
  int count = 0;
  Found *found = calloc(SHARDS_MOST, sizeof *found);
  if (!found) return FAIL(st, "merge: no memory for %d parts", SHARDS_MOST);
  const bool ok = find(arena, folder, folders, found, &count, parts, spec, st);
  for (int i = 0; i < count; i++) json_decref(found[i].note);
  free(found);
  return ok;
}

bool parts_fit(const Parts *parts, const RunKey *key, Status *st) {
  const char *differs = run_key_difference(&parts->key, key);
  return !differs ||
         FAIL(st,
              "%s.parts: was made with other %s: parts are put together by the very program that "
              "made them, of the same spec, model and texts",
              parts->results[0], differs);
}

bool parts_take(Store *store, const Parts *parts, int prompts, Arena scratch, Status *st) {
  for (int i = 0; i < parts->count; i++) {
    const Shard shard = {.shard = i + 1, .shards = parts->count};
    Arena own = scratch;
    TRY(store_take(store, parts->results[i], part_here(&own, &shard, prompts), own, st));
  }
  return true;
}
