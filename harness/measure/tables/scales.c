#include "measure/tables/scales.h"

#include "measure/tables/columns.h"

#define ROW ScaleRow
TABLE(scales, 4, "Scales: of activations and weights, and those that a mode takes from each prompt",
      X(prompt), X(mode), X(layer), X(name), X(statistic), X(scale));
#undef ROW

#define ROW ScaleChoice
TABLE(scale_choices, 4,
      "Scales that could be: what each does by itself to the calibration's values", X(layer),
      X(scale), X(tensor), X(choice), X(value), X(grid_end), X(values), X(beyond),
      X(rel_l2_clipped), X(rel_l2_rounded), X(rel_l2));
#undef ROW

#define ROW Clipping
TABLE(clipping, 4, "Clipping and rounding: the error of each tensor beyond its grid, and on it",
      X(prompt), X(mode), X(tensor), X(layer), X(scale), X(grid_end), X(n), X(beyond), X(channels),
      X(worst_channel), X(furthest), X(furthest_token), X(furthest_channel), X(furthest_value),
      X(error_share), X(rel_l2), X(rel_l2_clipped), X(rel_l2_rounded), X(nonfinite));
#undef ROW
