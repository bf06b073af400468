/* capture: an operator with the inputs that it had in a layer of the model, under a mode, and what the full run then
 * gave. The error seen is the operator's own, not what came with its inputs. */
#ifndef DS_STUDY_MICRO_CAPTURE_H
#define DS_STUDY_MICRO_CAPTURE_H
#include "family/trace.h"
#include "study/micro/operator.h"
#include "walk/subject.h"

enum { CAPTURES_MAX = 4 };

typedef struct Capture {
  Operator o;
  const Tensor *in_run[OPERATOR_OUTPUTS]; /* the full run's tensor of each output; NULL where it has none */
} Capture;

/* Fills `list` with every use of the operator in this layer (linear: the four projections) and returns how many; 0
 * where the model has none (hadamard without the rewrite). The trace must stay. */
int micro_capture(Arena *arena, const Subject *subject, MicroOp op, const Mode *mode, int layer, const Trace *trace,
                  Capture list[CAPTURES_MAX]);

#endif
