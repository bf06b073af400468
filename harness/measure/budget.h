/* budget: where the difference of two modes at the end of a layer comes from. With x the inputs and f the blocks of
 * base and other, as vectors over the whole of block_out, in float64: total       = f_other(x_other) - f_base(x_base)
 *   local       = f_other(x_base) - f_base(x_base)     what the layer makes by itself
 *   inherited   = f_base(x_other) - f_base(x_base)     what it passes on of the difference that it is given
 *   interaction = (f_other(x_other) - f_base(x_other)) - (f_other(x_base) - f_base(x_base))
 * The interaction is a difference of differences, not what is left over, so that total = local + inherited +
 * interaction is a claim about the vectors that came in, and `closure` is its test. A float32 block given the
 * reference's float64 input rounds it first: that rounding is the block's own, and belongs to local. */
#ifndef DS_MEASURE_BUDGET_H
#define DS_MEASURE_BUDGET_H
#include "base/arena.h"
#include "measure/tables.h"
#include "model/trace.h"

typedef struct BudgetTensors {
  const Tensor *base_in, *other_in;   /* x */
  const Tensor *base_out, *other_out; /* each side's block on its own input */
  const Tensor *other_at_base;        /* f_other(x_base) */
  const Tensor *base_at_other;        /* f_base(x_other) */
} BudgetTensors;

/* Fills all but prompt, base, other and layer. */
void budget_of(const BudgetTensors *t, Budget *row, Arena scratch);
/* The rows of one pair at one layer as one, as if the prompts were one vector; its prompt is empty. count >= 1. */
Budget budget_pool(const Budget *const *rows, size_t count);
#endif
