/* capture: an operator with the inputs that it had in a layer of the model, under a mode, and what
 * the full run then gave. The error seen is the operator's own, not what came with its inputs. The
 * inputs are those of the calls that the run made (kernels/watch.h), so nothing here knows a family
 * or a mode. */
#ifndef DS_STUDY_MICRO_CAPTURE_H
#define DS_STUDY_MICRO_CAPTURE_H
#include "kernels/watch.h"
#include "study/micro/operator.h"

enum { CAPTURES_MAX = OP_TYPES_MOST };

typedef struct Capture {
  Operator o;
  const Tensor *in_run[OPERATOR_OUTPUTS]; /* what the full run gave for each output; NULL where it
                                             gave none */
} Capture;

/* Fills `list` with every use of the operator among the calls that were seen (of one layer; linear:
 * its projections, at most CAPTURES_MAX of them) and returns how many; 0 where there is none
 * (hadamard without the rewrite). Tensors are the calls': they must stay. */
int micro_capture(Arena *arena, MicroOp op, const Watch *watch, Capture list[CAPTURES_MAX]);

#endif
