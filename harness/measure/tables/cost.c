#include "measure/tables/cost.h"

#include "measure/tables/columns.h"

#define ROW Cost
TABLE(cost, 4, "Cost: time of a prefill and of its operators", X(mode), X(backend),
      NAMED("operator", operator_name), X(length), X(repeats), X(calls), X(time_s), X(mad_s),
      X(share), X(tokens_per_s), X(speed_to_fp32), X(bytes), X(time_to_copy));
#undef ROW

#define ROW CostBytes
TABLE(cost_bytes, 1, "Cost: bytes that each mode needs", X(mode), X(weight_bytes), X(scale_bytes),
      X(activation_bytes), X(peak_activation_bytes), X(state_bytes), X(to_fp32));
#undef ROW

#define ROW Speed
TABLE(speed, 5,
      "Speed: operators and whole passes, against a copy of as many bytes and against the roofline",
      X(what), X(kernel), X(mode), X(backend), X(T), X(median_s), X(mad_s), X(bytes), X(ratio_copy),
      X(ratio_roofline));
#undef ROW
