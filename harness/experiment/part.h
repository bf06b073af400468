/* part: a study in parts that are made by themselves, on whatever machine and in whatever order,
 * and are one run again: of every list of prompts a part has each shards-th. A part is a run's
 * store that nobody finishes, FOLDER/shard_I_of_N.h5.partial and .parts, with a note that says what
 * it is of. */
#ifndef DS_EXPERIMENT_PART_H
#define DS_EXPERIMENT_PART_H
#include "base/deal.h"
#include "base/run_key.h"
#include "spec/spec.h"
#include "store/store.h"

/* Where the part's store is, without ".partial". */
const char *part_results(Arena *arena, const char *folder, const Shard *shard);
/* Which of so many prompts are the part's. */
const bool *part_here(Arena *arena, const Shard *shard, int prompts);
/* What it is of; again, with `whole`, when all of it is there. */
bool part_note(Store *store, const Spec *spec, const Shard *shard, bool whole, Status *st);

typedef struct Parts {
  const char **results; /* [count]: of shard 1, 2 … */
  int count;
  RunKey key; /* of all of them */
} Parts;
/* All parts of one run that lie in these folders, and its spec as they were given it. Refused where
 * they are of different runs, one is missing, there twice or not whole: each is named. */
bool parts_find(Arena *arena, const char *const *folder, int folders, Parts *parts, Spec *spec,
                Status *st);
/* Refused where the run that is to take them is another. */
bool parts_fit(const Parts *parts, const RunKey *key, Status *st);
bool parts_take(Store *store, const Parts *parts, int prompts, Arena scratch, Status *st);
#endif
