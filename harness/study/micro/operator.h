/* operator: one operator with its inputs and outputs, outside the model: runs it, computes what
 * float64 makes of the very same inputs, and the bound on what float32 may make of them. */
#ifndef DS_STUDY_MICRO_OPERATOR_H
#define DS_STUDY_MICRO_OPERATOR_H
#include <stdbool.h>

#include "base/arena.h"
#include "family/family.h"
#include "kernels/ops.h"
#include "reference/bounds.h"

typedef enum MicroOp {
  MICRO_CONV1D,
  MICRO_SCAN,
  MICRO_LINEAR,
  MICRO_RMSNORM,
  MICRO_HADAMARD,
  MICRO_EXP, /* from here on: float32 functions of one number */
  MICRO_SILU,
  MICRO_SOFTPLUS,
  MICRO_OPS
} MicroOp;

/* The inputs stand as in a Call; a linear's weight, row-major, is the second. */
enum { X = IN_X, WEIGHT = IN_WEIGHT, BIAS = IN_BIAS, GAIN = IN_GAIN };
enum { OPERATOR_INPUTS = CALL_INS, OPERATOR_OUTPUTS = CALL_OUTS };

/* What of a mode's settings the operator sees. */
typedef OpTypes MicroSetting;

typedef struct Output {
  const char *name;
  Tensor got;
  BoundOut ref; /* want and bound: operator_reference */
} Output;

typedef struct Operator {
  MicroOp op;
  MicroSetting setting;
  float eps;                  /* rmsnorm */
  Tensor in[OPERATOR_INPUTS]; /* data NULL: the operator goes without it */
  Output out[OPERATOR_OUTPUTS];
  int outs;
  void *panels; /* linear: the packed weight */
} Operator;

extern const char *const micro_op_names[MICRO_OPS + 1]; /* ends with NULL */
int micro_op_of(const char *name);                      /* -1 where there is none */
/* The settings of every call of the operator in a block of this family under a mode; returns how
 * many; and none twice. A function of one number is float32 everywhere, and counts as one call. */
int micro_calls(MicroOp op, const Family *family, const Mode *mode,
                MicroSetting call[OP_TYPES_MOST]);
int micro_settings(MicroOp op, const Family *family, const Mode *mode,
                   MicroSetting setting[OP_TYPES_MOST]);
const char *micro_setting_text(Arena *arena, MicroOp op, const MicroSetting *setting);
bool micro_setting_equal(MicroOp op, const MicroSetting *a, const MicroSetting *b);

/* Outputs for the inputs that stand in `o`, their memory full of junk; `scale`: of an int8
 * output. */
void operator_prepare(Arena *arena, Operator *o, float scale);
void operator_run(const Operator *o, Tensor *const out[OPERATOR_OUTPUTS], Arena scratch);
/* The same into the operator's own outputs. */
void operator_run_own(Operator *o, Arena scratch);
/* want and bound of every output. */
void operator_reference(Arena *arena, Operator *o);
/* A tensor as the bounds take it: int8 as whole numbers with their scale. */
BoundIn operator_bound_in(Arena *arena, const Tensor *t);
/* What a scan's bound is made from; its outputs are for the caller to set. in [OPERATOR_INPUTS]:
 * operator_bound_in of each. */
BoundScan operator_bound_scan(const Operator *scan, const BoundIn *in);
/* Inputs read once, outputs written once. */
int64_t operator_bytes(const Operator *o);
/* What went into element (row, col) of output `which`, in words. */
void operator_describe(const Operator *o, int which, int row, int col, char *text, size_t size);

#endif
