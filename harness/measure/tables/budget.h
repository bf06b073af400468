/* budget: rows of where a pair's difference at a layer comes from. */
#ifndef DS_MEASURE_TABLES_BUDGET_H
#define DS_MEASURE_TABLES_BUDGET_H
#include "measure/tables/table.h"

/* Where a pair's difference at one layer of one prompt comes from: measure/budget.h. */
typedef struct Budget {
  char prompt[TEXT_NAME], base[TEXT_NAME], other[TEXT_NAME];
  int32_t layer;
  double base_l2; /* |block_out of the base|_2 */
  double in_l2;   /* of the difference that the layer is given: of the two block_in */
  double total_l2, local_l2, inherited_l2, interaction_l2;
  double local_share, inherited_share,
      interaction_share; /* <part, total> / <total, total>: together 1; NaN where total is 0 */
  double gain;           /* inherited_l2 / in_l2; NaN where nothing is given */
  /* Of the median token: the median over tokens of each size beside the base's token
   * (measure/row_error.h), and of a token's own gain, over the tokens that are given something. */
  double in_median, total_median, local_median, inherited_median, interaction_median, gain_median;
} Budget;

/* The same over prompts: means over those whose values are finite, of sizes and of the gain
 * geometric means (of one that is 0 in some prompt and not in all, the mean), each with its
 * interval of 95 % (measure/sample.h). Layer -1: the mean over the layers, of each prompt, of the
 * share that is local. */
typedef struct BudgetLayer {
  char base[TEXT_NAME], other[TEXT_NAME];
  int32_t layer;
  int32_t prompts;
  char left_out[TEXT_REASON]; /* prompts with values that are not finite: "p2, p7 and 3 more" */
  double in, in_low, in_high; /* in_l2 / base_l2, and so on */
  double total, total_low, total_high;
  double local, local_low, local_high;
  double inherited, inherited_low, inherited_high;
  double interaction, interaction_low, interaction_high;
  double local_share, local_share_low, local_share_high;
  double inherited_share, inherited_share_low, inherited_share_high;
  double interaction_share, interaction_share_low, interaction_share_high;
  double gain, gain_low, gain_high;
  double gain_needed; /* prompts that would tell a gain of this size from 1 */
  double in_median, in_median_low, in_median_high;
  double total_median, total_median_low, total_median_high;
  double local_median, local_median_low, local_median_high;
  double inherited_median, inherited_median_low, inherited_median_high;
  double interaction_median, interaction_median_low, interaction_median_high;
  double gain_median, gain_median_low, gain_median_high;
  double local_parting, local_parting_low,
      local_parting_high; /* local over local_median, prompt by prompt */
  double gain_parting, gain_parting_low, gain_parting_high;
} BudgetLayer;

extern const Table table_budget, table_budget_layers;
#endif
