/* run: the state of an experiment while it runs; internal to experiment/. */
#ifndef DS_EXPERIMENT_RUN_H
#define DS_EXPERIMENT_RUN_H
#include "experiment/experiment.h"
#include "source/cuda.h"
#include "store/store.h"
#include "study/clipped.h"
#include "study/cost.h"
#include "study/evaluate.h"
#include "study/events.h"
#include "study/grid.h"
#include "study/mend.h"
#include "study/micro/rows.h"
#include "study/pairs.h"
#include "study/restore.h"
#include "study/swap.h"
#include "study/tasks.h"

typedef struct Experiment {
  const Spec *spec;
  Subject subject;
  RunKey key;
  Device device;   /* where one was found, the modes run there */
  Foreign foreign; /* sides made elsewhere */
  double read_s;   /* spent on reading them */
  Clipped *clipped;
  Pairs pairs;
  EventRows events;
  EvaluationRows evaluation;
  TaskRows tasks;
  SwapRows swaps;
  RestoreRows restored;
  MendRows mended;
  GridRows grid;
  CostRows cost;
  MicroRows micro;
  Store *store;
  Shard shard;
  Deal parted, dealt; /* of the shard; of the ranks */
  const Deal *deal;   /* how prompts are dealt out; NULL: all are this process's */
  Progress *progress;
} Experiment;

/* What this run is: a finished or unfinished one of another key is another run. */
bool run_key(const Spec *spec, const Subject *subject, RunKey *key, Arena scratch, Status *st);

/* How many prompts this process stores, or shares in storing. */
static inline int run_prompts(const Experiment *e) {
  return deal_share(e->deal, e->spec->prompt_count);
}

/* The key of a finished result, which may be anything: it is read in a child. */
bool run_key_there(const char *results, RunKey *key, Arena scratch, Status *st);
/* Whether --fresh may replace what stands there: a result of whatever run, or nothing. */
bool run_may_replace(const char *results, Status *st);

/* stored.c: what the run's own file and journal hold, for studies that follow; `e` must stay. */
StoredTensors run_stored(Experiment *e);

/* layers.c: the walk of all prompts under all modes and the reference; every layer is measured and
 * stored. Behind it GSL's judges are still at work, until run_judged waits for them, or
 * pairs_leave. */
bool run_layers(Experiment *e, Arena scratch, Status *st);
bool run_judged(Experiment *e, Arena scratch, Status *st);

/* The mark `checked` is taken off rows that nobody has judged: they were waiting as a run was
 * killed. `judged`: the rows that the layers' entries tell. */
void run_settle_judged(const Experiment *e, const StoredRows *judged, TensorStats *tensor,
                       size_t tensors, PairStats *pair, size_t pairs, Arena scratch);

/* tables.c: what follows from the rows of all layers, the rows of the run itself, and the results
 * file. */
bool run_results(Arena *arena, Experiment *e, const RunOptions *options, double start_s,
                 Status *st);

#endif
