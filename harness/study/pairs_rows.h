/* pairs_rows: the rows of a layer of a prompt, each with its names and the tensors that it is
 * computed from, whoever computes it; internal to study/pairs. */
#ifndef DS_STUDY_PAIRS_ROWS_H
#define DS_STUDY_PAIRS_ROWS_H
#include "measure/jobs.h"
#include "study/pairs.h"

/* A layer that is being measured. */
typedef struct Shown {
  const Pairs *of;
  const WalkPlace *at;
  const Trace *trace; /* [sides] */
  const Trace *back;  /* of rewritten weights, undone: study/undone.h */
} Shown;

/* Every row of tensors, then of pairs, then of grids, to be filled by whoever does these jobs. */
StatsJob *pairs_jobs(const Shown *shown, LayerRows *rows, int *jobs, Arena *arena);
/* When they are done: the squares of the stream's tokens, as the pairs' rows were made from them.
 */
void pairs_token_rows(const StatsJob *job, int jobs, LayerRows *rows, Arena *arena);
/* The scales that modes took from this prompt by themselves. */
void pairs_scale_rows(const Shown *shown, LayerRows *rows, Arena *arena);

#endif
