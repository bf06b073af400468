/* stats: rows of one tensor, and of one tensor in two modes; and what the journal keeps beside
 * them until a run ends. */
#ifndef DS_MEASURE_TABLES_STATS_H
#define DS_MEASURE_TABLES_STATS_H
#include "measure/tables/table.h"

enum { FIRST_VALUES = 10, TOKENS_A_ROW = 16 };

/* One tensor of one mode, layer and prompt; values dequantised, in double. n >= 1. */
typedef struct TensorStats {
  char prompt[TEXT_NAME], mode[TEXT_NAME], tensor[TEXT_TENSOR];
  int32_t layer;
  int32_t rows, cols;
  int64_t n;
  double mean, std, min, max; /* of the finite values, NaN where there is none; std of the
                               * population: 0 of one value, or of equal ones */
  double first[FIRST_VALUES]; /* as they are; NaN past the end */
  int64_t nonfinite;          /* NaN or infinite */
  int64_t first_nonfinite;    /* row-major index of the first of them; -1: none */
  int64_t zeros;              /* of either sign */
  int64_t q8_nans; /* NaNs that the quantisation which wrote this tensor turned into 0: the
                    * tensor does not show them. A tensor that is another one handed on has none
                    * of its own */
  double scale;    /* the static scale whose grid this tensor is compared with; NaN: none */
  double on_grid,
      saturated; /* shares of all n: x == dq(q8(x, scale)), |x| >= 127 scale; NaN where there is no
                  * scale. A NaN is off the grid, an infinity also saturated */
  char type[TEXT_TYPE];     /* its own, however the file stores it: f32, f16, i8, f64 */
  char kernel[TEXT_KERNEL]; /* witness */
  int32_t checked; /* 1: GSL's own functions computed this row too, and agreed (measure/judge.h), or
                      they alone did */
  char digest[TEXT_DIGEST]; /* XXH3-128 of its own bytes, however the file stores it */
} TensorStats;

/* What is said of the errors of the parts of a tensor, its rows or its columns:
 * measure/row_error.h. */
typedef struct PartErrors {
  double median, p90,
      p99;            /* quantiles over parts of a part's relative error; NaN where none is left */
  int64_t worst;      /* the first part with the largest |d|_2; -1: none has any */
  double worst_share; /* its share of the squared error of all; NaN where worst is -1 */
  int64_t left_out;   /* with a value that is not finite */
  double effective; /* so many parts carry the squared error: (sum e^2)^2 / sum e^4; NaN where worst
                       is -1 */
} PartErrors;

/* One tensor of two modes; d = other - base. Elements that are not finite on either side are left
 * out of every figure but `identical`, `differing` and `first_index`, and are counted: where all
 * are, those figures are NaN. n >= 1. Whether two tensors are the same, `identical` alone says: a
 * size of 0 does not, since it knows nothing of elements left out nor of the sign of a zero, and
 * against float64 an identical tensor has the size of its rounding. */
typedef struct PairStats {
  char prompt[TEXT_NAME], base[TEXT_NAME], other[TEXT_NAME], tensor[TEXT_TENSOR];
  int32_t layer;
  int32_t identical;   /* 1: equal float32 bits after dequantisation, everywhere; a NaN equals every
                          other NaN */
  int32_t same_kernel; /* 1: the same witness on both sides */
  int64_t n;
  /* As in TensorStats. diff = other - base; rel = |diff| / |base|: 0 where both are 0, NaN where
   * base alone is. */
  double mean_base, mean_other, mean_diff, mean_rel;
  double std_base, std_other, std_diff, std_rel;
  double min_base, min_other, min_diff, min_rel;
  double max_base, max_other, max_diff, max_rel;
  double max_abs, mean_abs, rmse; /* of d */
  double rel_l2;  /* |d|_2 / |base|_2; 0 where |d|_2 is 0, NaN where |base|_2 alone is */
  double sqnr_db; /* -20 log10 rel_l2: +Inf where |d|_2 is 0, NaN where |base|_2 alone is */
  double cosine;  /* in [-1, 1]; NaN where one side is all 0: it has no direction */
  double pearson; /* in [-1, 1]; NaN where one side is constant, and so of n = 1 */
  double max_rel_error,
      mean_rel_error;       /* of |d| / |base| where base is not 0; NaN where it is 0 everywhere */
  int64_t zero_base;        /* elements where it is 0 */
  double ulp_max, ulp_mean; /* steps of ulp_type between the two values; both zeros are one value */
  char ulp_type[TEXT_TYPE]; /* f16 where both are stored so, else f32 */
  double p50, p90, p95, p99, p999; /* quantiles of |d| */
  double differing;                /* share of all n elements whose float32 bits differ */
  int64_t first_index,
      worst_index;   /* row-major, of all elements: the first whose bits differ, the first of the
                      * largest |d|; -1 where identical, worst also where no finite d is above 0 */
  int64_t nonfinite; /* elements left out */
  double top1_agreement; /* logits: share of top1_rows whose arg max agrees; NaN of none, and of
                            others */
  int64_t top1_rows,
      top1_left_out;  /* logits: rows that are finite on both sides, and all other rows; else 0 */
  double base_l2;     /* |base|_2, so that prompts can be pooled */
  int32_t checked;    /* as in TensorStats */
  PartErrors token;   /* a row each; NaN and -1 for tensors whose rows are no tokens */
  PartErrors channel; /* a column each, of all tokens; of a tensor whose rows are no tokens, a
                       * row each */
} PairStats;

/* What the tokens of one prompt carry of a pair's difference after one layer (block_out), so many
 * tokens a row: a token is a row of the tensor, its squares are those of measure/row_error.h and as
 * they are: NaN or infinite where one of its values is. Kept with each layer until the run ends,
 * for what is made of tokens then; no results file has it. */
typedef struct TokenErrors {
  char prompt[TEXT_NAME], base[TEXT_NAME], other[TEXT_NAME];
  int32_t layer;
  int32_t first;               /* token: a multiple of TOKENS_A_ROW */
  double error2[TOKENS_A_ROW]; /* |other - base|^2 of token first + i; NaN past the prompt's end */
  double base2[TOKENS_A_ROW];  /* |base|^2 */
} TokenErrors;

/* A row of a tensor or a pair that GSL's own functions have computed again, and agreed. Kept with
 * the layer that was measured when that was known, any layer, until the run ends: what was still
 * waiting when a run was killed is then said to be `checked` by no row. No results file has it. */
typedef struct JudgedRow {
  char prompt[TEXT_NAME], base[TEXT_NAME], other[TEXT_NAME]; /* other "": of a tensor, base's */
  char tensor[TEXT_TENSOR];
  int32_t layer;
} JudgedRow;

extern const Table table_tensor_stats, table_pair_stats;
extern const Table table_token_errors, table_judged; /* of the journal alone */
#endif
