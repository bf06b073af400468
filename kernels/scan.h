/* scan: the selective scan (SSM) with softplus, skip and gate, from state zero. */
#ifndef DS_KERNELS_SCAN_H
#define DS_KERNELS_SCAN_H
#include "kernels/room.h"
#include "kernels/tensor.h"

typedef enum ScanOrder { SCAN_SEQUENTIAL, SCAN_BLOCKED } ScanOrder;

/* Each input is f32 or i8 with its scale (dequantised first), any stride. */
typedef struct ScanInputs {
  const Tensor *u;       /* [T, E] */
  const Tensor *dt;      /* [T, E], before bias and softplus */
  const Tensor *B, *C;   /* [T, N] */
  const Tensor *z;       /* [T, E] */
  const Tensor *A_log;   /* [E, N] */
  const Tensor *D;       /* [1, E] */
  const Tensor *dt_bias; /* [1, E] */
} ScanInputs;

typedef struct ScanOutputs {
  Tensor *delta; /* [T, E] f32 */
  Tensor *y;     /* [T, E] f32, before the gate */
  Tensor *gated; /* [T, E] f32 or f16 */
  Tensor *state; /* [E, N] f32, after the last token */
} ScanOutputs;

/* Bytes of working memory that scan needs for these sizes and omp_get_max_threads() threads. */
size_t scan_scratch_bytes(int T, int E, int N, ScanOrder order);
void scan(const ScanInputs *in, ScanOrder order, const ScanOutputs *out, void *scratch);
#endif
