/* verdict: rows of what a pair's numbers say in short, and of the limits that the spec set. */
#ifndef DS_MEASURE_TABLES_VERDICT_H
#define DS_MEASURE_TABLES_VERDICT_H
#include "measure/tables/table.h"

/* What a pair's numbers say, for the three lines that matter and the report's words. */
typedef struct Verdict {
  char base[TEXT_NAME], other[TEXT_NAME];
  char effect[16]; /* "differs", "identical" (every tensor, bit by bit), "same_kernels" (and values
                    * differ: a fault),
                    * "" where nothing was compared */
  char reason[24]; /* why the settings ask for an equality (verdict_reason), whatever the effect is;
                      "" where none is known */
  int32_t tensors, tensors_identical, tensors_same_kernel; /* counted over prompts and layers */
  int32_t first_layer; /* first differing tensor in the order of computation, over all prompts; -2:
                          none */
  char first_tensor[TEXT_TENSOR], first_prompt[TEXT_NAME];
  double first_rel_l2;
  double block_out_first,
      block_out_last;  /* pooled relative L2 of block_out at layer 0 and at the last layer */
  int32_t worst_layer; /* of block_out; -1 where it differs at none */
  double block_out_worst;
  double logits_rel_l2;
  int64_t nonfinite; /* elements left out of the pair's figures, over all its tensors: not finite on
                        either side */
  double top1_agreement; /* share of top1_rows where both logits have the same arg max */
  double top1_low,
      top1_high; /* its 95 % interval over prompts, each one cluster of positions (interval.h) */
  int64_t top1_rows,
      top1_left_out; /* positions whose logits are finite on both sides, and all others */
} Verdict;

/* A limit of the spec, and what was measured. */
typedef struct GateRow {
  char base[TEXT_NAME], other[TEXT_NAME]; /* base "": the limit is on one mode, `other` */
  char tensor[TEXT_TENSOR], layers[8];    /* "23", "all"; "" where the tensor stands once */
  char measure[16];                       /* the key of the limit in the spec */
  int32_t at_least;                       /* 1: the measured value may not be less; 0: not more */
  double limit, measured;                 /* measured: of `all` layers the worst */
  int32_t worst_layer;                    /* where that is; -1 where the tensor stands once */
  int32_t passed;
  double passing;  /* the tightest limit of three digits that would pass; NaN where none would */
  char reason[16]; /* why it fails whatever the limit: "not_measured", "no_shape", "not_finite";
                      else "" */
} GateRow;

extern const Table table_verdict, table_gates;
#endif
