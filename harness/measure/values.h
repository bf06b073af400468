/* values: the values of a block as they lie, or made once into a room of the caller's. */
#ifndef DS_MEASURE_VALUES_H
#define DS_MEASURE_VALUES_H
#include "family/trace.h"
#include "measure/block.h"

/* Side by side, row-major: float32 where every value is one, else double. */
typedef struct Values {
  const float *f;
  const double *d;
} Values;

typedef struct ValuesRoom {
  float f[BLOCK_ELEMENTS];
  double d[BLOCK_ELEMENTS];
} ValuesRoom;

Values values_of(const Tensor *t, const BlockPlace *at, ValuesRoom *room);
/* All as float32, rounded where they are doubles: their own, or in the room. */
const float *values_f32(Values values, size_t n, ValuesRoom *room);
/* All as double. */
const double *values_f64(Values values, size_t n, ValuesRoom *room);

#endif
