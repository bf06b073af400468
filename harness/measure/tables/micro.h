/* micro: rows of operators that ran alone, and of the scan's state over the tokens. */
#ifndef DS_MEASURE_TABLES_MICRO_H
#define DS_MEASURE_TABLES_MICRO_H
#include "measure/tables/table.h"

/* One output tensor of one operator that ran alone: its float32 arithmetic against float64 on the
 * very same inputs. d = got - want; want is the float64 result before any rounding to the output's
 * type. */
typedef struct MicroRow {
  int32_t item; /* number of the operator's run: the other micro tables refer to it */
  char operator_name[TEXT_TENSOR];
  char setting[TEXT_NAME];  /* types in and out, order: "u:i8 rest:i8 blocked f16" */
  char modes[TEXT_MODES];   /* the modes whose computation this is: "0 2-0" */
  char input[TEXT_TENSOR];  /* captured, normal, … */
  char prompt[TEXT_NAME];   /* captured: where; else "" */
  int32_t layer;            /* captured: where; else -1 */
  char shape[24];           /* "171x512x16" */
  char output[TEXT_TENSOR]; /* the output tensor's name */
  char type[TEXT_TYPE];     /* f32, f16, i8 */
  char kernel[TEXT_KERNEL]; /* witness */
  int32_t as_in_run; /* captured: 1 where every bit is that of the full run, 0 where not; -1: no
                        such tensor */
  int64_t n;
  double mean_want, mean_got, mean_diff, mean_rel, std_want, std_got, std_diff, std_rel;
  double min_want, min_got, min_diff, min_rel, max_want, max_got, max_diff, max_rel;
  double max_abs, mean_abs, rmse, rel_l2, sqnr_db, cosine, pearson, max_rel_error,
      mean_rel_error; /* as in PairStats */
  int64_t zero_want;  /* elements where want is 0: no relative error */
  double ulp_max,
      ulp_mean; /* |d| in units of the last place of `type` at want; of i8: in steps of the scale */
  double p50, p90, p95, p99, p999; /* quantiles of |d| */
  double misrounded;               /* share of elements that are not want, rounded once to `type` */
  int64_t first_index,
      worst_index; /* row-major: the first misrounded, the first of the largest |d|; -1: none */
  int64_t nonfinite;
  double used_max, used_median; /* |d| / bound, the provable bound on |d| */
  int64_t used_index;           /* of used_max; -1 where all are 0 */
  int64_t over_bound;           /* elements beyond their bound: each is a bug */
  int64_t unbounded; /* elements that nothing is promised of: float32 may overflow on the way */
  double time_us, time_mad_us; /* of the whole operator: median and spread */
  int64_t runs;                /* that the median is of */
  int64_t bytes;               /* inputs read once and outputs written once */
  double gb_s, copy_ratio; /* bytes / time; time / that of a plain copy that moves the same bytes */
} MicroRow;

/* A bin of the distribution of an output's error: low <= x < high. */
typedef struct MicroBin {
  int32_t item;
  char output[TEXT_TENSOR];
  char kind[TEXT_TENSOR]; /* "ulp": |d| in units of the last place; "log10_rel": log10 |d / want|,
                             both not 0 */
  double low, high;
  int64_t count;
} MicroBin;

/* One of the worst elements of an output, with what it was made from. */
typedef struct MicroWorst {
  int32_t item;
  char output[TEXT_TENSOR];
  int32_t rank, row, col; /* rank 0: the largest |d| */
  double got, want, error, bound, used;
  char inputs[256]; /* "x[t-3..t] = -3 12 5 7 (0.05), w = …" */
} MicroWorst;

/* How the error of the scan's state develops over the tokens. Fits are of log rms error over log
 * token; intervals are of 95 % for independent residuals, which those of neighbouring tokens are
 * not. */
typedef struct StateDrift {
  int32_t item;
  int32_t tokens, channels, states;
  double rms_first, rms_last,
      max_last; /* error after the first and the last token, over channels and states */
  double power, power_low, power_high,
      power_residual;                  /* rms ~ token^power; rms residual of the fit in log10 */
  double level, level_low, level_high; /* rms ~ level (1 - exp(-token / tokens_to_level)) */
  double tokens_to_level, level_residual;
  char law[TEXT_TENSOR]; /* "power", "saturation", "none" (no error, or too few tokens) */
  int32_t worst_channel, worst_state; /* of the largest |error| after the last token; -1: none */
  double worst_error, worst_used;     /* and its share of the bound */
  double worst_decay,
      worst_memory;          /* mean of exp(delta A); tokens after which 1/e of an input is left */
  double memory_correlation; /* Spearman's, over (channel, state): memory against |error| */
  double pearson_min;        /* smallest over the tokens: what correlation alone would say */
  double ulp_first, ulp_last,
      used_max; /* mean ULP after the first and the last token; largest share of bound */
  int64_t over_bound;
  double rms_median_first, rms_median_last; /* StateError's, after the first and the last token */
} StateDrift;

/* The scan's state after one token, over channels and states. */
typedef struct StateError {
  int32_t item, token;
  double rms, max, rms_state, rel_l2, pearson, ulp_mean, used_max;
  double rms_median,
      rel_l2_median; /* medians over channels of a channel's RMS error and of its relative L2 */
} StateError;

extern const Table table_micro, table_micro_histogram, table_micro_worst, table_state_drift,
    table_state_error;
#endif
