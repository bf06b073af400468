/* spread: an experiment over several ranks (base/ranks.h), which share a file system. Rank 0 begins
 * the results file and ends it; between, each walks the prompts that are dealt to it and writes
 * what they leave into the same file and journal. With one rank all of it is as if it were not
 * there. */
#ifndef DS_EXPERIMENT_SPREAD_H
#define DS_EXPERIMENT_SPREAD_H
#include "experiment/run.h"

/* The folder's lock, and whether the result is there already, are rank 0's to find; all know. */
bool spread_begin(const Experiment *e, const RunOptions *options, RunOutcome *outcome,
                  Arena scratch, Status *st);
/* Two ranks on one device take turns and are no faster: refused, unless asked for. */
bool spread_device(const Experiment *e, bool shared, Status *st);
/* Opened by rank 0, joined by the others. */
bool spread_store(Arena *arena, Experiment *e, const RunOptions *options, const char *results,
                  const StoreShape *shape, Status *st);
/* How prompts are dealt out, of e, which must stay; NULL with one rank. */
const Deal *spread_deal(Experiment *e);
/* The same of e->deal, but that rank 0 alone looks for what the others did. */
Deal spread_deal_once(const Experiment *e);
/* The seconds that all ranks took, at rank 0. */
bool spread_times(Experiment *e, Status *st);
#endif
