#include "measure/tables/ends.h"

#include "measure/tables/columns.h"

/* Of END_FIELDS. */
#define END_COLUMNS                                                                                \
  X(pooled), INTERVAL(block_out), CHANGE(block_out_factor), INTERVAL(token_median),                \
      CHANGE(token_median_factor), INTERVAL(parting_factor), INTERVAL(kl), CHANGE(kl_factor),      \
      INTERVAL(bits), CHANGE(bits_change)

#define ROW Swap
TABLE(swap, 4, "Stage swaps: a mode with some stages set as in the other of its pair", X(base),
      X(other), X(start), X(stages), X(count), X(rank), X(refused), X(identical), X(prompts),
      X(left_out), X(moved), END_COLUMNS);
#undef ROW

#define ROW SwapEffect
TABLE(swap_effect, 3,
      "Effects of stages and of pairs of stages, in the mean over all combinations of the others",
      X(base), X(other), X(stages), X(order), X(rank), X(contexts), X(possible), X(prompts),
      X(left_out), CHANGE(block_out_factor), CHANGE(token_median_factor), INTERVAL(parting_factor),
      CHANGE(kl_factor), CHANGE(bits_change));
#undef ROW

#define ROW Restoration
TABLE(restore, 4, "Layers that matter: restored one by one until the end comes below a limit",
      X(mode), X(to), X(by), X(step), X(layer), X(stages), X(of), X(limit), X(reached), X(prompts),
      X(left_out), X(pooled), INTERVAL(block_out), INTERVAL(token_median),
      INTERVAL(block_out_factor), INTERVAL(token_median_factor), INTERVAL(parting_factor),
      INTERVAL(kl), INTERVAL(bits), X(candidates), X(next_layer), X(next_stages), X(next_block_out),
      X(next_token_median), X(first_block_out), X(first_token_median));
#undef ROW

#define ROW Mend
TABLE(mend, 4, "What would mend it: a mode with other activation scales", X(mode), X(choice),
      X(layer), X(scale), X(value_before), X(value), X(local_before), X(local), X(identical),
      X(prompts), X(left_out), END_COLUMNS);
#undef ROW

#define ROW MendLayer
TABLE(mend_layers, 5,
      "What would mend it, layer by layer: the error of block_out with other activation scales",
      X(mode), X(choice), X(layer), X(scale), X(at_layer), X(rel_l2));
#undef ROW

#define ROW GridPoint
TABLE(grid, 3, "Modes by alphas of the calibration by lengths of the prompts", X(mode), X(alpha),
      X(length), X(own), X(as_alpha), X(prompts), X(left_out), END_COLUMNS);
#undef ROW
