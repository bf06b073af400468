/* evaluate_there: the positions of windows that a device runs, computed there behind a window's
 * last layer, so that no logits come back: two windows at a time, which take turns; internal to
 * study/evaluate. */
#ifndef DS_STUDY_EVALUATE_THERE_H
#define DS_STUDY_EVALUATE_THERE_H
#include "measure/positions.h"
#include "source/cuda.h"

typedef struct PositionsTurn {
  char *room, *pinned; /* there and here: positions of every side, then the targets */
  int window;          /* whose positions are on their way; ABSENT: none */
} PositionsTurn;

typedef struct PositionsThere {
  Cuda *cuda; /* NULL: windows run on this host */
  int sides, T;
  PositionsTurn turn[2];
  int queued; /* so far */
} PositionsThere;

/* Of windows of T tokens; the reference is the first side. False, with the reason, where there is
 * no room. */
bool positions_there_begin(Cuda *cuda, int sides, int T, PositionsThere *there, Status *st);
/* trace [sides]: of the last layer. */
void positions_there_queue(PositionsThere *there, const PromptShape *window, int number,
                           const Trace *const *trace);
/* [T], of one of the last two windows that were queued. */
const EvaluationPosition *positions_there_take(const PositionsThere *there, int number, int side);
void positions_there_free(PositionsThere *there);
#endif
