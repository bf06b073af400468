/* drift: how the rows of a pair develop over the layers, prompts pooled. */
#ifndef DS_MEASURE_DRIFT_H
#define DS_MEASURE_DRIFT_H
#include "base/arena.h"
#include "measure/resample.h"
#include "measure/tables.h"

/* From all pair rows of a run (any order); result in the arena, ordered by pair (as first met), tensor (as in trace.h),
 * layer. `draws` of as many prompts as the rows have, or NULL: no intervals. */
Drift *drift_of(Arena *arena, const PairStats *rows, size_t count, const Resampling *draws, size_t *drift_count);
#endif
