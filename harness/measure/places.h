/* places: the pair rows of a run in the order in which they are read: by pair, tensor, layer,
 * prompt. */
#ifndef DS_MEASURE_PLACES_H
#define DS_MEASURE_PLACES_H
#include <stdbool.h>

#include "base/arena.h"
#include "family/trace.h"
#include "measure/tables/stats.h"

typedef struct Place {
  int pair, prompt; /* counted as first met */
  int tensor;       /* of the family; ABSENT: none of its */
  int layer;
  size_t row;
} Place;

/* In the arena. Rows may come in any order; each prompt has at most one of a pair, tensor and
 * layer. */
Place *places_of(Arena *arena, const Tensors *tensors, const PairStats *rows, size_t count);
/* The end of those from `from` on that have the pair and tensor of place[from], and its layer where
 * `layer`. */
size_t places_alike(const Place *place, size_t count, size_t from, bool layer);

/* What pools: |other - base|^2 and |base|^2 of the finite elements. The first comes from rmse,
 * which is also there where a base is all zero and rel_l2 is not. Both are 0 of a row without any
 * finite element. */
typedef struct Squares {
  double error, base;
} Squares;
Squares squares_of(const PairStats *row);
/* Relative L2; NaN where the base is zero. */
double squares_ratio(Squares sum);
#endif
