/* timed_ops: the operators of a backend, each with a clock around it. Projections are told apart by the weights they
 * take. One pass at a time: the counts are this module's. */
#ifndef DS_STUDY_TIMED_OPS_H
#define DS_STUDY_TIMED_OPS_H
#include "model/model.h"

typedef enum Operator {
  OP_EMBEDDING,
  OP_NORM,
  OP_IN_PROJ,
  OP_CONV1D,
  OP_X_PROJ,
  OP_DT_PROJ,
  OP_SCAN,
  OP_HADAMARD,
  OP_OUT_PROJ,
  OP_QUANTISE,
  OP_DEQUANTISE,
  OP_NARROW,
  OP_RESIDUAL,
  OP_HEAD,
  OP_COUNT
} Operator;
extern const char *const operator_names[OP_COUNT];

typedef struct OperatorTime {
  double time_s;
  int calls;
  double bytes; /* of tensors and weights, each read or written once */
} OperatorTime;

/* Sets all counts to zero. Run blocks with a copy of `model` that has these ops; `wait` is called before the clock is
 * read, NULL where an operator is done when it returns. */
const Ops *timed_ops_start(const Model *model, void (*wait)(void));
/* [OP_COUNT] since the start. */
const OperatorTime *timed_ops_read(void);

#endif
