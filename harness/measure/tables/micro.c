#include "measure/tables/micro.h"

#include "measure/tables/columns.h"

#define ROW MicroRow
TABLE(micro, 9,
      "Isolated operators: error against float64 on the same inputs, share of the provable bound, "
      "time",
      X(item), NAMED("operator", operator_name), X(setting), X(modes), X(input), X(prompt),
      X(layer), X(shape), X(output), X(type), X(kernel), X(as_in_run), X(n), X(mean_want),
      X(mean_got), X(mean_diff), X(mean_rel), X(std_want), X(std_got), X(std_diff), X(std_rel),
      X(min_want), X(min_got), X(min_diff), X(min_rel), X(max_want), X(max_got), X(max_diff),
      X(max_rel), X(max_abs), X(mean_abs), X(rmse), X(rel_l2), X(sqnr_db), X(cosine), X(pearson),
      X(max_rel_error), X(mean_rel_error), X(zero_want), X(ulp_max), X(ulp_mean), X(p50), X(p90),
      X(p95), X(p99), X(p999), X(misrounded), X(first_index), X(worst_index), X(nonfinite),
      X(used_max), X(used_median), X(used_index), X(over_bound), X(unbounded), X(time_us),
      X(time_mad_us), X(runs), X(bytes), X(gb_s), X(copy_ratio));
#undef ROW

#define ROW MicroBin
TABLE(micro_histogram, 4, "Isolated operators: distribution of the error", X(item), X(output),
      X(kind), X(low), X(high), X(count));
#undef ROW

#define ROW MicroWorst
TABLE(micro_worst, 3, "Isolated operators: the worst elements, with their inputs", X(item),
      X(output), X(rank), X(row), X(col), X(got), X(want), X(error), X(bound), X(used), X(inputs));
#undef ROW

#define ROW StateDrift
TABLE(state_drift, 1, "The scan's state: how its error develops over the tokens", X(item),
      X(tokens), X(channels), X(states), X(rms_first), X(rms_last), X(max_last), INTERVAL(power),
      X(power_residual), INTERVAL(level), X(tokens_to_level), X(level_residual), X(law),
      X(worst_channel), X(worst_state), X(worst_error), X(worst_used), X(worst_decay),
      X(worst_memory), X(memory_correlation), X(pearson_min), X(ulp_first), X(ulp_last),
      X(used_max), X(over_bound), X(rms_median_first), X(rms_median_last));
#undef ROW

#define ROW StateError
TABLE(state_error, 2, "The scan's state: its error after each token", X(item), X(token), X(rms),
      X(max), X(rms_state), X(rel_l2), X(pearson), X(ulp_mean), X(used_max), X(rms_median),
      X(rel_l2_median));
#undef ROW
