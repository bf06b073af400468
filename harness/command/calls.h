/* calls: a table of operators that does what another one does and remembers every call, so that a call that a block
 * made can be made again, to time it, and be counted. One watch at a time. */
#ifndef DS_COMMAND_CALLS_H
#define DS_COMMAND_CALLS_H
#include <stdint.h>

#include "kernels/ops.h"

enum { CALLS_MAX = 32 };

typedef enum CallKind {
  CALL_EMBEDDING,
  CALL_RMSNORM,
  CALL_LINEAR,
  CALL_CONV1D,
  CALL_SCAN,
  CALL_HADAMARD,
  CALL_QUANTISE,
  CALL_QUANTISE_DYNAMIC,
  CALL_DEQUANTISE,
  CALL_NARROW,
  CALL_RESIDUAL
} CallKind;

/* What it was given, by value: the tensors' memory must still be there when the call is made again. */
typedef struct Call {
  const Ops *ops;
  CallKind kind;
  Tensor in[8], out[4]; /* in the order of the operator's arguments, ScanInputs and ScanOutputs */
  int ins, outs;
  const float *table; /* embedding's, or rmsnorm's gain */
  const int32_t *token;
  float eps;
  Linear linear;
  Conv1d conv;
  ScanOrder order;
  ScanPrecision precision;
  Rounding rounding;
  Precision to;
  void *scratch;
} Call;

typedef struct Calls {
  Ops ops; /* the watching table */
  const Ops *behind;
  Call call[CALLS_MAX];
  int count;
} Calls;

const Ops *calls_watch(Calls *calls, const Ops *behind);
void call_again(Call *call);
/* The tensor that names a call: the last one it wrote; of the scan, the gated output. */
const Tensor *call_output(const Call *call);

/* What a call must move and compute at least. */
typedef struct CallCost {
  int64_t bytes;       /* inputs, weights and outputs, once each */
  int64_t float_steps; /* float32 instructions, an fma being one */
  int64_t i8_macs;     /* products of int8, added up in int32 */
} CallCost;
CallCost call_cost(const Call *call);
void cost_add(CallCost *sum, CallCost cost, int times);

#endif
