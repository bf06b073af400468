/* cost: rows of the time that modes and operators take, and of the bytes that they need. */
#ifndef DS_MEASURE_TABLES_COST_H
#define DS_MEASURE_TABLES_COST_H
#include "measure/tables/table.h"

/* Time of one operator, or of the whole ("total"), in one prefill of `length` tokens under a mode:
 * median over repeats, and its spread. The total is taken without a clock around each operator. */
typedef struct Cost {
  char mode[TEXT_NAME], backend[TEXT_TYPE], operator_name[TEXT_TENSOR];
  int32_t length, repeats, calls; /* calls: in one prefill */
  double time_s, mad_s;
  double share;         /* of the operators' sum; total: 1 */
  double tokens_per_s;  /* total; else NaN */
  double speed_to_fp32; /* fp32's time for the same operator and length over this, repeat by repeat,
                           median */
  double bytes;         /* of tensors and weights, each read or written once */
  double time_to_copy;  /* time over that of a plain copy of as many bytes, repeat by repeat,
                         * median */
} Cost;

/* What a mode needs, counted from its settings. */
typedef struct CostBytes {
  char mode[TEXT_NAME];
  int64_t weight_bytes, scale_bytes;
  int64_t activation_bytes,
      peak_activation_bytes; /* a token: all that a layer makes; what is live at once */
  int64_t state_bytes;       /* a sequence */
  double to_fp32;            /* weights, scales and state of fp32 over this mode's */
} CostBytes;

/* How fast something ran: the median of repeats and their spread. Printed, not stored. */
typedef struct Speed {
  char what[TEXT_NAME]; /* the tensor that an operator made, or "forward", "forward, captured" */
  char kernel[TEXT_KERNEL]; /* of an operator */
  char mode[TEXT_NAME];
  char backend[TEXT_TYPE]; /* cpu, cuda */
  int32_t T;
  double median_s, mad_s;
  int64_t bytes;     /* inputs, weights and outputs, once each; of a captured pass, what went to the
                      * host */
  double ratio_copy; /* median_s over the time of copying as many bytes there; of a captured pass,
                        to the host */
  double ratio_roofline; /* median_s over the least time that bytes and arithmetic allow; of a
                          * captured pass, over the larger of the pass alone and the copy to the
                          * host; NaN where the peak is unknown */
} Speed;

extern const Table table_cost, table_cost_bytes, table_speed;
#endif
