/* drift: how the rows of a pair develop over the layers, prompts pooled. */
#ifndef DS_MEASURE_DRIFT_H
#define DS_MEASURE_DRIFT_H
#include "base/arena.h"
#include "family/trace.h"
#include "measure/tables/drift.h"
#include "measure/tables/stats.h"

/* Fewer prompts give the pooled relative L2 no interval: where single tokens carry the squared
 * error, a few prompts have none of them (coverage: measure/shape.h). The geometric mean over
 * prompts stands beside it, with its own. */
enum { DRIFT_POOLED_LEAST = 16 };

/* From all pair rows of a run (any order); result in the arena, ordered by pair (as first met),
 * tensor (as in the family's table), layer. */
Drift *drift_of(Arena *arena, const Tensors *tensors, const PairStats *rows, size_t count,
                size_t *drift_count);
#endif
