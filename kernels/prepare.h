/* prepare: weights made ready on the device itself, from the bytes of a checkpoint to what the
 * operators there read: the same bits as on the host (weight_range_to_f64, model_prepare,
 * linear_cuda_pack). Between widening and rounding they are float64, for the rewrite:
 * reference/ops64.h has what folds and rotates them.
 *
 *   widened:   float16, bfloat16, float32 or float64 -> float64, exact
 *   range:     max |float32(value)|, and what float32 cannot hold
 *   rounded:   float32(value), nearest even
 *   quantised: q8_even(float32(value), scale)
 *   panels:    those of linear_cuda_pack
 *
 * All pointers are on the device and the caller's, 64-byte aligned, but where `host` says so.
 * Everything is queued behind cuda_to_device_ahead's copies, on their side: a mark of theirs
 * (cuda_mark_ahead) says that it is done. Nothing is allocated. */
#ifndef DS_KERNELS_PREPARE_H
#define DS_KERNELS_PREPARE_H
#include "kernels/cuda.h"

typedef enum Stored { STORED_F16, STORED_BF16, STORED_F32, STORED_F64 } Stored;

/* What is found out about a weight on the way. */
typedef struct PreparedRange {
  uint64_t beyond; /* the first element that float32 cannot hold; UINT64_MAX: none */
  uint32_t most;   /* the bits of max |value| as float32, NaN left out */
} PreparedRange;

/* values [n] = stored [n]; they must not overlap. */
void prepare_widen(Cuda *cuda, const void *stored, Stored as, size_t n, double *values);
void prepare_range(Cuda *cuda, const double *values, size_t n, PreparedRange *range);
/* host [count] = range [count]. */
void prepare_ranges_back(Cuda *cuda, PreparedRange *host, const PreparedRange *range, int count);
/* Row-major, in either format that has a room; NULL for values: zeros. */
void prepare_values(Cuda *cuda, const double *values, size_t n, float scale, float *f32,
                    int8_t *i8);
/* values [out, in], or NULL for zeros, into panels of linear_cuda_packed_bytes. */
void prepare_linear(Cuda *cuda, const double *values, int out, int in, float scale, float *f32,
                    int8_t *i8);

#endif
