/* tensors: a family's table of tensors as rows of a results file, and back. */
#ifndef DS_MEASURE_TENSORS_H
#define DS_MEASURE_TENSORS_H
#include "base/arena.h"
#include "family/trace.h"
#include "measure/tables/run.h"

/* Of the stored tensors, in their order. In the arena. */
TableRows tensors_rows(Arena *arena, const Tensors *tensors);
/* What such rows say, in any order of places; rows past TENSORS_MOST, and dimensions and scales
 * past what a family may have, are left out. In the arena, and into the rows. */
Tensors tensors_of_rows(Arena *arena, const TensorRow *row, size_t count);
#endif
