/* drift: rows of a pair over the layers: each layer's size, and the shape that they make. */
#ifndef DS_MEASURE_TABLES_DRIFT_H
#define DS_MEASURE_TABLES_DRIFT_H
#include "measure/tables/stats.h"

/* A tensor of a pair at one layer, over all prompts, as if they were one tensor. Definitions at
 * zero and of what is not finite are those of PairStats. */
typedef struct Drift {
  char base[TEXT_NAME], other[TEXT_NAME], tensor[TEXT_TENSOR];
  int32_t layer, prompts;
  int32_t identical;             /* 1: in every prompt */
  double rel_l2;                 /* pooled: sqrt(sum |d|^2 / sum |base|^2) */
  double rel_l2_min, rel_l2_max; /* over prompts that have one */
  double rel_l2_low,
      rel_l2_high; /* 95 % interval of rel_l2; NaN with fewer than 16 prompts (measure/drift.h) */
  double growth;   /* rel_l2 / rel_l2 of the layer before; NaN at the first, or after 0 or NaN */
  double sqnr_db, max_abs;
  double cosine_min; /* over prompts that have one */
  double ulp_mean, differing;
  double differing_low,
      differing_high; /* 95 % interval over prompts, each one cluster of elements (interval.h) */
  double rel_l2_mean, rel_l2_mean_low,
      rel_l2_mean_high; /* geometric mean of the prompts' relative L2, 95 % interval */
  double token_median, token_median_low,
      token_median_high;       /* geometric mean over prompts of token_median, its 95 % interval
                                  (interval.h) */
  double token_p90, token_p99; /* geometric means over prompts */
  double token_worst_share; /* the largest share of a prompt's squared error that one token has */
  int64_t token_worst, tokens_left_out; /* that token; left out of all prompts together */
  char worst_prompt[TEXT_NAME];         /* where that token stands; "" where there is none */
  double tokens_effective; /* geometric mean over prompts, as are the first three and the last
                            * here: */
  PartErrors channel;      /* worst: of the largest share that one has in a prompt; left_out: of all
                            * together */
  int64_t n, nonfinite;    /* elements, and those left out of all but `identical` and `differing` */
} Drift;

/* How the difference of a tensor of a pair develops over the layers (measure/shape.h): measured
 * quantities of the median token's curve, each with a 95 % interval over prompts, and the shape
 * that they make. */
typedef struct DriftShape {
  char base[TEXT_NAME], other[TEXT_NAME], tensor[TEXT_TENSOR];
  int32_t prompts,
      left_out;   /* that the figures are of; left out: with a layer that is not finite */
  char shape[16]; /* "identical", "flat", "accumulates", "jumps", "saturates", "rises_falls",
                   * "falls", "mixed"; "": none, see reason */
  int32_t layer;  /* where: jumps, saturates, rises_falls; else -1 */
  int32_t layer_low,
      layer_high; /* where it lies in 95 % of the draws that have that shape; -1 with one prompt */
  char rival[16]; /* the shape that draws have next often; "": none */
  int32_t rival_layer; /* where that is oftenest; else -1 */
  char reason[16]; /* of no shape: "few_layers", "starts_apart", "zeros", "no_tokens", "not_finite";
                      else "" */
  double agreement; /* share of draws of prompts that have the shape; NaN with one prompt */
  int32_t told;     /* 1: agreement is at least the limit, or this is of one prompt alone; 0: cannot
                     * tell */
  int32_t first_layer,
      last_layer; /* of the curve: from the first layer that differs in any prompt; -1: none */
  int32_t latest_start; /* the first layer that differs in every prompt; -1: none. Later than
                         * first_layer only where reason is "starts_apart" */
  double first;         /* relative error of the median token there, geometric means over prompts */
  double last, last_low, last_high;
  double growth, growth_low,
      growth_high;    /* last / first, as are all factors below, prompt by prompt */
  double growth_p;    /* that the mean over prompts neither grows nor declines (Student's t) */
  double growth_holm; /* the same where all pairs of the run are asked at once */
  int32_t peak_layer; /* the largest of the mean curve */
  double rise, rise_low, rise_high; /* peak / first */
  double fall, fall_low, fall_high; /* last / peak: at most 1 */
  int32_t step_layer; /* the largest step up of the mean curve leads into this layer; -1: none up */
  double step, step_low, step_high;
  double step_share;     /* log step / sum of the logarithms of all steps up of the mean curve */
  int32_t settled_layer; /* the first from which on the mean curve stays near its end */
  double quarter, quarter_low, quarter_high; /* growth over the last quarter of the layers */
  double rate; /* factor a layer of the line through the logarithms: a description, no promise that
                  it is one */
  double pooled_growth, pooled_growth_low,
      pooled_growth_high; /* growth of the relative L2 of all tokens together */
  double parting;        /* relative L2 over the median token's error, where it is the most; below 1
                            nowhere above */
  int32_t parting_layer; /* there */
  double needed; /* prompts that would tell the shape, or growth from none; 0: both are told; -1: no
                    number would */
} DriftShape;

extern const Table table_drift, table_drift_shape;
#endif
