#include "measure/tables/stats.h"

#include "measure/tables/columns.h"

#define ROW TensorStats
#define FIRST(i) NAMED("first_" #i, first[i])
TABLE(tensor_stats, 4, "Tensors: one tensor of one mode, layer and prompt", X(prompt), X(mode),
      X(tensor), X(layer), X(rows), X(cols), X(n), X(mean), X(std), X(min), X(max), FIRST(0),
      FIRST(1), FIRST(2), FIRST(3), FIRST(4), FIRST(5), FIRST(6), FIRST(7), FIRST(8), FIRST(9),
      X(nonfinite), X(first_nonfinite), X(zeros), X(q8_nans), X(scale), X(on_grid), X(saturated),
      X(type), X(kernel), X(checked), X(digest));
#undef ROW
_Static_assert(FIRST_VALUES == 10, "the columns first_0 to first_9 are named one by one");

#define ROW PairStats
TABLE(pair_stats, 5, "Pairs: one tensor in two modes, layer by layer", X(prompt), X(base), X(other),
      X(tensor), X(layer), X(identical), X(same_kernel), X(n), X(mean_base), X(mean_other),
      X(mean_diff), X(mean_rel), X(std_base), X(std_other), X(std_diff), X(std_rel), X(min_base),
      X(min_other), X(min_diff), X(min_rel), X(max_base), X(max_other), X(max_diff), X(max_rel),
      X(max_abs), X(mean_abs), X(rmse), X(rel_l2), X(sqnr_db), X(cosine), X(pearson),
      X(max_rel_error), X(mean_rel_error), X(zero_base), X(ulp_max), X(ulp_mean), X(ulp_type),
      X(p50), X(p90), X(p95), X(p99), X(p999), X(differing), X(first_index), X(worst_index),
      X(nonfinite), X(top1_agreement), X(top1_rows), X(top1_left_out), X(base_l2), X(checked),
      PARTS(token), PARTS(channel));
#undef ROW

#define ROW TokenErrors
#define ERROR(i) NAMED("error2_" #i, error2[i])
#define BASE(i) NAMED("base2_" #i, base2[i])
#define SIXTEEN(Y)                                                                                 \
  Y(0), Y(1), Y(2), Y(3), Y(4), Y(5), Y(6), Y(7), Y(8), Y(9), Y(10), Y(11), Y(12), Y(13), Y(14),   \
      Y(15)
TABLE(token_errors, 5, "Tokens: what each carries of a pair's difference after a layer", X(prompt),
      X(base), X(other), X(layer), X(first), SIXTEEN(ERROR), SIXTEEN(BASE));
#undef ROW
_Static_assert(TOKENS_A_ROW == 16, "the columns of sixteen tokens are named one by one");

#define ROW JudgedRow
TABLE(judged, 5, "Judged: rows that GSL's own functions have computed again", X(prompt), X(base),
      X(other), X(tensor), X(layer));
#undef ROW
