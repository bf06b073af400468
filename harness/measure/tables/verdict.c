#include "measure/tables/verdict.h"

#include "measure/tables/columns.h"

#define ROW Verdict
TABLE(
    verdict, 2,
    "Verdicts: did both modes take effect, where do they first differ, how large is it at the end",
    X(base), X(other), X(effect), X(reason), X(tensors), X(tensors_identical),
    X(tensors_same_kernel), X(first_layer), X(first_tensor), X(first_prompt), X(first_rel_l2),
    X(block_out_first), X(block_out_last), X(worst_layer), X(block_out_worst), X(logits_rel_l2),
    X(nonfinite), X(top1_agreement), X(top1_low), X(top1_high), X(top1_rows), X(top1_left_out));
#undef ROW

#define ROW GateRow
TABLE(gates, 7, "Gates: limits of the spec, and what was measured", X(base), X(other), X(tensor),
      X(layers), X(measure), X(at_least), X(limit), X(measured), X(worst_layer), X(passed),
      X(passing), X(reason));
#undef ROW
