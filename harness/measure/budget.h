/* budget: where the difference of two modes at the end of a layer comes from. With x the inputs and
 * f the blocks of base and other, as vectors over the whole of block_out, in float64:
 *   total       = f_other(x_other) - f_base(x_base)
 *   local       = f_other(x_base) - f_base(x_base)     what the layer makes by itself
 *   inherited   = f_base(x_other) - f_base(x_base)     what it passes on of what it is given
 *   interaction = (f_other(x_other) - f_base(x_other)) - (f_other(x_base) - f_base(x_base))
 * That total is their sum is true of any six vectors: it shows nothing. What is tested is that each
 * part is that of the blocks themselves (tests/test_budget.c), and what a run checks is that the
 * difference a layer is given is, to the bit, the total of the layer before. A float32 block given
 * the reference's float64 input rounds it first: that rounding is the block's own, and belongs to
 * local.
 *
 * Sizes over all of block_out may be those of a few tokens. So each is also said of the median
 * token: the median over tokens t of |part_t| / |f_base(x_base)_t|, and of inherited_t / given_t, a
 * token's own gain. (A token inherits what its forerunners were given too: of one given little the
 * gain may be large.) What a size of all tokens together is times that of the median one is its
 * parting. */
#ifndef DS_MEASURE_BUDGET_H
#define DS_MEASURE_BUDGET_H
#include "base/arena.h"
#include "family/trace.h"
#include "measure/tables/budget.h"

typedef struct BudgetTensors {
  const Tensor *base_in, *other_in;   /* x */
  const Tensor *base_out, *other_out; /* each side's block on its own input */
  const Tensor *other_at_base;        /* f_other(x_base) */
  const Tensor *base_at_other;        /* f_base(x_other) */
} BudgetTensors;

/* Fills all but prompt, base, other and layer. */
void budget_of(const BudgetTensors *t, Budget *row, Arena scratch);
/* Over prompts: a row a pair and layer, and one of layer -1 for the pair; pairs as first met. In
 * the arena. */
BudgetLayer *budget_layers(Arena *arena, const Budget *row, size_t count, size_t *layers);
/* The first row that is given another difference than the layer before it left, and that layer's
 * row; NULL where every layer is given what was left. Rows of a prompt in the order of its
 * layers. */
const Budget *budget_broken_chain(const Budget *row, size_t count, const Budget **before);
#endif
