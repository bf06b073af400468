/* pairs_there: the statistics of a layer whose sides are all computed on a device, queued there
 * behind them: two layers of prompts at a time, which take turns; internal to study/pairs. */
#ifndef DS_STUDY_PAIRS_THERE_H
#define DS_STUDY_PAIRS_THERE_H
#include "measure/jobs.h"
#include "source/cuda.h"

typedef struct PairsTurn {
  void *room, *pinned; /* there, and here what comes back */
  size_t room_bytes, pinned_bytes;
  int prompt, layer; /* whose results are on their way; layer ABSENT: none */
} PairsTurn;

typedef struct PairsThere {
  Cuda *cuda;
  PairsTurn turn[2];
  int queued; /* so far */
} PairsThere;

/* Queues them where the device can do all of them and has the memory: whether so. Else the host
 * will. */
bool pairs_there_queue(PairsThere *there, int prompt, int layer, const StatsJob *job, int jobs);
/* Whether they were queued: then what came back, to be taken once. */
const void *pairs_there_take(PairsThere *there, int prompt, int layer);
void pairs_there_free(PairsThere *there);
#endif
