/* gates: the limits that a spec sets, held against what was measured. */
#ifndef DS_STUDY_GATES_H
#define DS_STUDY_GATES_H
#include "measure/tables.h"
#include "spec/spec.h"

/* All rows of the run that gates look at. */
typedef struct Measured {
  const TensorStats *tensor;
  const PairStats *pair;
  const Drift *drift;
  const DriftShape *shape;
  const Verdict *verdict;
  const Evaluation *evaluation;
  size_t tensors, pairs, drifts, shapes, verdicts, evaluations;
  int layers;
  const Tensors *traced; /* the model's */
} Measured;

/* One row a gate, in the spec's order; in the arena. A tensor that is identical everywhere grows by
 * a factor of 1; one without a shape (measure/shape.h) has no factor, and was not measured. What
 * was not measured, or has elements that are not finite, does not pass, whatever the limit. */
GateRow *gates_of(Arena *arena, const Spec *spec, const Measured *m);
/* The tightest limit of three significant digits that `value` keeps. */
double gates_passing(double value, bool at_least);
#endif
