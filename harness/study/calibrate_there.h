/* calibrate_there: the statistics of windows that a device runs, computed there behind each layer
 * of a window: two windows at a time, which take turns; internal to study/calibrate. */
#ifndef DS_STUDY_CALIBRATE_THERE_H
#define DS_STUDY_CALIBRATE_THERE_H
#include "measure/observe.h"
#include "source/cuda.h"

typedef struct ScalesTurn {
  void *room, *pinned; /* there, and here what comes back */
  int window, layer;   /* whose results are on their way; layer ABSENT: none */
} ScalesTurn;

typedef struct ScalesThere {
  Cuda *cuda; /* NULL: windows run on this host */
  const Family *family;
  ObserveTensor tensor[SCALES_MOST];
  ObserveList list; /* of these, scale by scale */
  ScalesTurn turn[2];
  int queued; /* so far */
} ScalesThere;

/* Of windows of T tokens; alpha [alphas] stays the caller's; it stays where it is. False, with the
 * reason, where there is no room. */
bool scales_there_begin(Cuda *cuda, const Config *config, int T, const double *alpha, int alphas,
                        bool choices, ScalesThere *there, Status *st);
void scales_there_queue(ScalesThere *there, int window, int layer, const Trace *trace);
/* What came back of a scale's tensor, in one of the last two windows that were queued. */
Observed scales_there_take(const ScalesThere *there, int window, int layer, int scale);
void scales_there_free(ScalesThere *there);

#endif
