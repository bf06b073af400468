/* ends: rows of modes made for a question (stages swapped, layers restored, other scales), and of
 * what each does to the end of the model. */
#ifndef DS_MEASURE_TABLES_ENDS_H
#define DS_MEASURE_TABLES_ENDS_H
#include "measure/tables/table.h"

/* The figures of an end, and what it changes, as fields of a row: the relative L2 of the last
 * block_out against fp64, all prompts as one (pooled) and prompt by prompt; the same of its median
 * token (measure/row_error.h); block_out's factor over token_median's (measure/ends.h); mean
 * KL(fp64 || mode) and -log2 p, in bits a token. */
#define END_FIELDS                                                                                 \
  double pooled;                                                                                   \
  double block_out, block_out_low, block_out_high;                                                 \
  double block_out_factor, block_out_factor_low, block_out_factor_high, block_out_factor_holm,     \
      block_out_factor_needed;                                                                     \
  double token_median, token_median_low, token_median_high;                                        \
  double token_median_factor, token_median_factor_low, token_median_factor_high,                   \
      token_median_factor_holm, token_median_factor_needed;                                        \
  double parting_factor, parting_factor_low, parting_factor_high;                                  \
  double kl, kl_low, kl_high;                                                                      \
  double kl_factor, kl_factor_low, kl_factor_high, kl_factor_holm, kl_factor_needed;               \
  double bits, bits_low, bits_high;                                                                \
  double bits_change, bits_change_low, bits_change_high, bits_change_holm, bits_change_needed

/* A mode of a pair with some stages set as in the other: what it does to the end of the model,
 * prompt by prompt (measure/ends.h). Figures are means over prompts, of error and KL geometric
 * ones, with intervals of 95 %; `factor` and `change` are beside the mode that it starts from:
 * `holm` is the probability that nothing changes, of all of the pair's rows asked at once; `needed`
 * prompts would tell a change of this size. */
typedef struct Swap {
  char base[TEXT_NAME], other[TEXT_NAME]; /* the pair */
  char start[TEXT_NAME];                  /* which of the two it starts from */
  char stages[TEXT_STAGES]; /* "conv_out + scan_u": set as in the other one; "": none, the mode as
                               it is */
  int32_t count;            /* of these stages */
  int32_t rank; /* of a stage alone: 1: the largest factor of block_out from this end; 0: no rank */
  char refused[TEXT_REASON]; /* why there is no such mode; "": it ran */
  int32_t identical; /* 1: last block_out and logits are, bit by bit, those of the mode it starts
                        from */
  int32_t prompts;   /* that the figures are of */
  char left_out[TEXT_REASON]; /* the others, which are not finite: "p2, p7 and 3 more" */
  double moved; /* relative L2 of the last block_out against the mode that it starts from, pooled */
  END_FIELDS;
} Swap;

/* From all combinations: what a stage does in the mean over the settings of the others, and what
 * two do beyond each alone. From base to other: of error and KL a factor, of bits a difference;
 * columns as those of Swap. */
typedef struct SwapEffect {
  char base[TEXT_NAME], other[TEXT_NAME];
  char stages[TEXT_STAGES]; /* "conv_out", or "conv_out x scan_u" */
  int32_t order;            /* 1: a stage, 2: an interaction of two */
  int32_t rank;             /* of its order: 1: the largest in block_out */
  int32_t contexts,
      possible; /* settings of the other stages that the mean is over; some may be refused */
  int32_t prompts;
  char left_out[TEXT_REASON];
  double block_out_factor, block_out_factor_low, block_out_factor_high, block_out_factor_holm,
      block_out_factor_needed;
  double token_median_factor, token_median_factor_low, token_median_factor_high,
      token_median_factor_holm, token_median_factor_needed;
  double parting_factor, parting_factor_low, parting_factor_high;
  double kl_factor, kl_factor_low, kl_factor_high, kl_factor_holm, kl_factor_needed;
  double bits_change, bits_change_low, bits_change_high, bits_change_holm, bits_change_needed;
} SwapEffect;

/* One step of restoring layers of a mode, or stages of layers, to another mode: each time the one
 * that brings the last block_out nearest to fp64, beside those restored before. Every row is of a
 * run of its own; figures as in Swap. */
typedef struct Restoration {
  char mode[TEXT_NAME], to[TEXT_NAME], by[TEXT_TYPE]; /* layer, stage */
  int32_t step;             /* units restored; 0: none; -1: every layer is */
  int32_t layer;            /* the one restored in this step; -1: none */
  char stages[TEXT_STAGES]; /* by stage: which of its stages */
  char of[TEXT_TENSOR];     /* "total": limit and choice are of block_out; "median_token": of
                               token_median */
  double limit;
  int32_t reached; /* 1: it is at most the limit */
  int32_t prompts;
  char left_out[TEXT_REASON];
  double pooled;
  double block_out, block_out_low, block_out_high;
  double token_median, token_median_low, token_median_high;
  double block_out_factor, block_out_factor_low,
      block_out_factor_high; /* beside the step before, and so on; NaN where
                              * there is none */
  double token_median_factor, token_median_factor_low, token_median_factor_high;
  double parting_factor, parting_factor_low, parting_factor_high;
  double kl, kl_low, kl_high;
  double bits, bits_low, bits_high;
  int32_t candidates; /* tried in this step; 0 where none was */
  int32_t next_layer; /* the second best; -1: none */
  char next_stages[TEXT_STAGES];
  double next_block_out, next_token_median;
  double first_block_out, first_token_median; /* by layer: with the first `step` layers restored in
                                                 its place; else NaN */
} Restoration;

/* A mode with other activation scales than the calibrated ones (study/mend.h), and what that does
 * to its end. Figures as in Swap; factors and changes are beside the mode as it is. */
typedef struct Mend {
  char mode[TEXT_NAME],
      choice[TEXT_TENSOR];    /* as in ScaleChoice; "calibrated": the mode as it is */
  int32_t layer;              /* of the one scale that is other; -1: all that the choice is for */
  char scale[TEXT_TENSOR];    /* its name; "": all */
  double value_before, value; /* of one scale: as calibrated, and here; else NaN */
  double local_before, local; /* its tensor's rel_l2 of ScaleChoice with either; else NaN */
  int32_t identical; /* 1: last block_out and logits are, bit by bit, those of the mode as it is */
  int32_t prompts;
  char left_out[TEXT_REASON];
  END_FIELDS;
} Mend;

/* The same layer by layer. */
typedef struct MendLayer {
  char mode[TEXT_NAME], choice[TEXT_TENSOR];
  int32_t layer;
  char scale[TEXT_TENSOR];
  int32_t at_layer;
  double rel_l2; /* of block_out against fp64 there, all prompts as one */
} MendLayer;

/* A point of a grid: a mode with its scales as a calibration at `alpha` makes them, on the first
 * `length` tokens of every prompt (study/grid.h). Figures as in Swap; factors and changes are
 * beside the same mode and length at the calibration's own alpha, over the prompts in which both
 * are finite, and NaN where the grid has it not. */
typedef struct GridPoint {
  char mode[TEXT_NAME];
  double alpha;    /* NaN: nothing is calibrated */
  int32_t length;  /* 0: whole prompts */
  int32_t own;     /* 1: the alpha is the calibration's own */
  double as_alpha; /* the first alpha with the same scales, of those that the mode depends on:
                      its run is this one's; `alpha` where there is no earlier one */
  int32_t prompts;
  char left_out[TEXT_REASON];
  END_FIELDS;
} GridPoint;

extern const Table table_swap, table_swap_effect, table_restore, table_mend, table_mend_layers,
    table_grid;
#endif
