#include "measure/tables/drift.h"

#include "measure/tables/columns.h"

#define ROW Drift
TABLE(drift, 4, "Drift: how a pair's difference develops over the layers, prompts pooled", X(base),
      X(other), X(tensor), X(layer), X(prompts), X(identical), X(rel_l2), X(rel_l2_min),
      X(rel_l2_max), X(rel_l2_low), X(rel_l2_high), X(growth), X(sqnr_db), X(max_abs),
      X(cosine_min), X(ulp_mean), INTERVAL(differing), INTERVAL(rel_l2_mean),
      INTERVAL(token_median), X(token_p90), X(token_p99), X(token_worst_share), X(token_worst),
      X(tokens_left_out), X(worst_prompt), X(tokens_effective), PARTS(channel), X(n), X(nonfinite));
#undef ROW

#define ROW DriftShape
TABLE(drift_shape, 3,
      "Shapes of drift: how a pair's difference develops over the layers, with intervals over "
      "prompts",
      X(base), X(other), X(tensor), X(prompts), X(left_out), X(shape), INTERVAL(layer), X(rival),
      X(rival_layer), X(reason), X(agreement), X(told), X(first_layer), X(last_layer),
      X(latest_start), X(first), INTERVAL(last), INTERVAL(growth), X(growth_p), X(growth_holm),
      X(peak_layer), INTERVAL(rise), INTERVAL(fall), X(step_layer), INTERVAL(step), X(step_share),
      X(settled_layer), INTERVAL(quarter), X(rate), INTERVAL(pooled_growth), X(parting),
      X(parting_layer), X(needed));
#undef ROW
