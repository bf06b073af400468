/* ops: the operators of one backend as one table, so that whoever runs a block names no backend. Same operators, same
 * arithmetic, same bits; only where the tensors live differs. On a device, calls are queued in order and `kernel` is
 * set at the call. */
#ifndef DS_KERNELS_OPS_H
#define DS_KERNELS_OPS_H
#include "kernels/conv1d.h"
#include "kernels/linear.h"
#include "kernels/narrow.h"
#include "kernels/q8.h"
#include "kernels/scan.h"
#include "kernels/tensor.h"

/* Which one is wanted. */
typedef enum { BACKEND_AUTO, BACKEND_CPU, BACKEND_CUDA } Backend;

typedef struct Ops {
  const char *backend; /* "cpu", "cuda" */
  /* On a device: queues the zeroing of `bytes`, before operators that count into them (nans_at). NULL on the CPU, where
   * operators set Tensor.nans and Tensor.scale themselves. */
  void (*clear)(void *memory, size_t bytes);
  void (*embedding)(const float *table, const int32_t *token, Tensor *y);
  void (*rmsnorm)(const Tensor *x, const float *gain, float eps, Tensor *y);
  void (*linear)(const Linear *w, const Tensor *x, Tensor *y);
  void (*conv1d)(const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu);
  void (*scan)(const ScanInputs *in, ScanOrder order, const ScanOutputs *out, void *scratch);
  void (*hadamard)(const Tensor *x, Tensor *y);
  void (*quantise)(const Tensor *x, Rounding rounding, Tensor *y);
  /* Half to even at absmax(x) / 127 (1 where that is 0), which becomes y's scale. */
  void (*quantise_dynamic)(const Tensor *x, Tensor *y);
  void (*dequantise)(const Tensor *x, Tensor *y);
  void (*narrow)(const Tensor *x, Precision to, Tensor *y);
  void (*residual_add)(const Tensor *x, const Tensor *branch, Tensor *y);
} Ops;

/* Every operator of the table. What is made of all of them (a table that watches or times another one) is made by this
 * list, so that an operator that it forgets does not compile; ops.c holds the list against the struct. */
#define OPS_EACH(X)                                                                                                    \
  X(embedding)                                                                                                         \
  X(rmsnorm)                                                                                                           \
  X(linear) X(conv1d) X(scan) X(hadamard) X(quantise) X(quantise_dynamic) X(dequantise) X(narrow) X(residual_add)

extern const Ops ops_cpu;

#endif
