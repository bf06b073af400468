/* grain: of which precision the values of a tensor are, by the values alone: nobody saw the
 * program that made them. */
#ifndef DS_MEASURE_GRAIN_H
#define DS_MEASURE_GRAIN_H
#include "base/arena.h"
#include "kernels/tensor.h"

typedef struct Grain {
  double as_f16, as_bf16; /* shares of the finite values that float16 and bfloat16 hold exactly; NaN
                           * where none is finite */
  double grid; /* the scale of the coarsest int8 grid that every value lies on: x = (float)q *
                * scale, |q| <= 128; NaN where there is none, a value is not finite, or fewer than
                * GRAIN_LEVELS different magnitudes say so */
  int levels;  /* so many different magnitudes above 0 it has; 0 where there is no grid */
} Grain;
enum { GRAIN_LEVELS = 4 };

Grain grain_of(const Tensor *t);

#endif
