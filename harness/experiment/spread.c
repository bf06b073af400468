#include "experiment/spread.h"

#include <string.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/ranks.h"

/* A finished result of the same run is reported again; of another run it is left alone. */
static bool look_for_finished(const char *path, const RunKey *key, bool *finished, Arena scratch,
                              Status *st) {
  *finished = false;
  if (!file_exists(path)) return true;
  RunKey found;
  TRY(run_key_there(path, &found, scratch, st));
  const char *differs = run_key_difference(&found, key);
  if (differs)
    return FAIL(st,
                "%s: is the result of another run (%s differs); --fresh replaces it, -o names "
                "another folder",
                path, differs);
  *finished = true;
  return true;
}

static bool begin_here(const Experiment *e, const RunOptions *options, RunOutcome *outcome,
                       Arena scratch, Status *st) {
  TRY(folder_lock(options->folder, false, &outcome->lock,
                  st)); /* before anything is written or believed */
  if (options->fresh) return run_may_replace(outcome->results, st);
  return look_for_finished(outcome->results, &e->key, &outcome->already_done, scratch, st);
}

bool spread_begin(const Experiment *e, const RunOptions *options, RunOutcome *outcome,
                  Arena scratch, Status *st) {
  if (ranks()->rank == 0) begin_here(e, options, outcome, scratch, st);
  int done = outcome->already_done;
  TRY(ranks_tell(&done, st));
  return outcome->already_done = done != 0, true;
}

bool spread_device(const Experiment *e, bool shared, Status *st) {
  int other;
  unsigned char id[sizeof e->device.cuda.uuid + sizeof(int)] = {0};
  const int own = ranks()->rank;
  memcpy(id, &own, e->device.found ? 0 : sizeof own); /* on the CPU nobody is like it */
  memcpy(id + sizeof own, e->device.cuda.uuid, sizeof e->device.cuda.uuid);
  if (!e->device.found) id[sizeof id - 1] = 1;
  TRY(ranks_alike(id, sizeof id, &other, st));
  return other < 0 || shared ||
         FAIL(st,
              "rank %d and this one have the same device (%s): fewer ranks, --backend cpu, or "
              "--share-device",
              other, e->device.cuda.name);
}

/* What rank 0 has made must be seen from here. */
static bool join(Arena *arena, Experiment *e, const char *results, const StoreShape *shape,
                 Status *st) {
  const char *journal = arena_printf(arena, "%s.parts/run.json", results);
  if (!file_exists(journal))
    return FAIL(st,
                "%s: is not seen here, and rank 0 has made it: ranks share a file system; without "
                "one, `run --shard I/N` and `merge`",
                journal);
  return store_join(arena, results, &e->key, shape, e->spec->durability == DURABILITY_POWER,
                    &e->store, st);
}

bool spread_store(Arena *arena, Experiment *e, const RunOptions *options, const char *results,
                  const StoreShape *shape, Status *st) {
  const bool power = e->spec->durability == DURABILITY_POWER;
  if (ranks()->rank == 0)
    store_open(arena, results, &e->key, shape, options->fresh, power, &e->store, st);
  TRY(ranks_meet(st));
  if (ranks()->rank) join(arena, e, results, shape, st);
  return ranks_meet(st);
}

/* --- dealing: ranks meet when what they have written stands ----------------------------------- */

static bool begin(void *context, int items, Status *st) {
  (void)context;
  return ranks_deal()->begin(ranks_deal()->context, items, st);
}

static bool take(void *context, int most, int *item, int *count, Status *st) {
  (void)context;
  return ranks_deal()->take(ranks_deal()->context, most, item, count, st);
}

static bool meet(void *context, Status *st) {
  const Experiment *e = context;
  return store_settle(e->store, ranks()->hosts > 1, st) &&
         ranks_deal()->meet(ranks_deal()->context, st);
}

const Deal *spread_deal(Experiment *e) {
  e->dealt = (Deal){.context = e, .begin = begin, .take = take, .meet = meet};
  return ranks_deal() ? &e->dealt : NULL;
}

Deal spread_deal_once(const Experiment *e) {
  Deal once = e->deal ? *e->deal : (Deal){0};
  once.forgets = ranks()->rank > 0;
  return once;
}

bool spread_times(Experiment *e, Status *st) {
  TRY(ranks_sum(&e->pairs.stats_s, 1, st));
  TRY(ranks_sum(&e->pairs.budget_s, 1, st));
  for (int s = 0; s < e->pairs.walked; s++) TRY(ranks_sum(&e->pairs.side[s].time_s, 1, st));
  return true;
}
