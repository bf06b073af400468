/* ops: every operator as a call that is data, so that whoever runs a block names no backend, and
 * whoever looks at what a block does (kernels/watch.h) needs no line for each operator. Same
 * operators, same arithmetic, same bits on every backend; only where the tensors live differs. On a
 * device calls are queued in order, and `kernel` is set at the call. */
#ifndef DS_KERNELS_OPS_H
#define DS_KERNELS_OPS_H
#include "kernels/conv1d.h"
#include "kernels/linear.h"
#include "kernels/narrow.h"
#include "kernels/q8.h"
#include "kernels/scan.h"
#include "kernels/tensor.h"
#include "kernels/witness.h"

/* The list of operators: kind, name in tables, number of inputs and of outputs (at most CALL_INS
 * and CALL_OUTS), and the output that a call is named by. */
#define OPS_EACH(X)                                                                                \
  X(EMBEDDING, "embedding", 0, 1, 0)                                                               \
  X(RMSNORM, "rmsnorm", 2, 1, 0)                                                                   \
  X(LINEAR, "linear", 1, 1, 0)                                                                     \
  X(CONV1D, "conv1d", 3, 2, 1)                                                                     \
  X(SCAN, "scan", 8, 4, 2)                                                                         \
  X(HADAMARD, "hadamard", 1, 1, 0)                                                                 \
  X(QUANTISE, "quantise", 1, 1, 0)                                                                 \
  X(QUANTISE_DYNAMIC, "quantise", 1, 1, 0)                                                         \
  X(DEQUANTISE, "dequantise", 1, 1, 0)                                                             \
  X(NARROW, "narrow", 1, 1, 0)                                                                     \
  X(RESIDUAL, "residual", 2, 1, 0)

#define OP_KIND(kind, name, ins, outs, main) OP_##kind,
typedef enum OpKind { OPS_EACH(OP_KIND) OP_COUNT } OpKind;
#undef OP_KIND

typedef struct OpInfo {
  const char *name;
  int ins, outs, main;
} OpInfo;
extern const OpInfo op_info[OP_COUNT];

enum { CALL_INS = 8, CALL_OUTS = 4 };
/* Places of inputs: of most operators; of the scan. Its outputs are delta, y, gated and state. */
enum { IN_X, IN_GAIN = 1, IN_WEIGHT = 1, IN_BIAS, IN_BRANCH = 1 };
enum { SCAN_U, SCAN_DT, SCAN_B, SCAN_C, SCAN_Z, SCAN_A_LOG, SCAN_D, SCAN_BIAS };

/* What one operator is given. Only what its kind takes is set. */
typedef struct Call {
  OpKind kind;
  Tensor in[CALL_INS];    /* read, weights among them; data NULL where the operator goes without
                             (rmsnorm's gain) */
  Tensor *out[CALL_OUTS]; /* written; the caller's: the operator sets kernel, nans and, where it
                             finds it, scale */
  Linear linear;          /* the weight of a linear, in panels */
  const float *table;     /* embedding: [vocab, D] */
  const int32_t *token;   /* embedding: [T] */
  float eps;              /* rmsnorm */
  Precision precision;    /* conv1d: of its accumulator; narrow: what it rounds to */
  ScanOrder order;
  ScanPrecision stages; /* scan */
  Rounding rounding;    /* quantise */
  void *scratch;        /* scan: scan_scratch_bytes */
} Call;

/* The operators of one backend. */
typedef struct Ops {
  const char *backend; /* "cpu", "cuda" */
  void *context; /* what run and clear are handed; it stays where it is as long as this is used */
  void (*run)(void *context, Call *call);
  /* On a device: queues the zeroing of `bytes`, before operators that count into them (nans_at).
   * NULL on the CPU, where operators set Tensor.nans and Tensor.scale themselves. */
  void (*clear)(void *context, void *memory, size_t bytes);
} Ops;

extern const Ops ops_cpu;

/* --- one call each: the arguments of the operators' own headers ------------------------------- */

void op_embedding(const Ops *ops, const float *table, const int32_t *token, Tensor *y);
void op_rmsnorm(const Ops *ops, const Tensor *x, const float *gain, float eps, Tensor *y);
void op_linear(const Ops *ops, const Linear *w, const Tensor *x, Tensor *y);
void op_conv1d(const Ops *ops, const Conv1d *w, const Tensor *x, Tensor *pre, Tensor *silu);
void op_scan(const Ops *ops, const ScanInputs *in, ScanOrder order, const ScanOutputs *out,
             void *scratch);
void op_hadamard(const Ops *ops, const Tensor *x, Tensor *y);
void op_quantise(const Ops *ops, const Tensor *x, Rounding rounding, Tensor *y);
void op_quantise_dynamic(const Ops *ops, const Tensor *x, Tensor *y);
void op_dequantise(const Ops *ops, const Tensor *x, Tensor *y);
void op_narrow(const Ops *ops, const Tensor *x, Precision to, Tensor *y);
void op_residual_add(const Ops *ops, const Tensor *x, const Tensor *branch, Tensor *y);

/* --- and back, for a backend's run ------------------------------------------------------------ */

/* Views into `call`. */
Conv1d call_conv1d(const Call *call);
ScanInputs call_scan_inputs(const Call *call);
ScanOutputs call_scan_outputs(const Call *call);

#endif
