/* variants: operators on the device in a shape that is asked for, whatever the program would
 * choose. */
#ifndef DS_TESTS_GPU_VARIANTS_H
#define DS_TESTS_GPU_VARIANTS_H
#include "kernels/cuda.h"

#ifdef __cplusplus
extern "C" {
#endif
/* tile: a row of the table of w's format in kernels/tiles.h. */
void linear_with_tile(Cuda *cuda, int tile, const Linear *w, const Tensor *x, Tensor *y);
#ifdef __cplusplus
}
#endif
#endif
