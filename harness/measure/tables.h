/* tables: the rows that a run says, one struct a table, one description for all that write or read
 * it (results file, CSV, report). Text is UTF-8, NUL-padded; a double that does not apply is NaN;
 * an index that does not apply is -1. `layer`: 0 … layers-1; -1 for embedding; `layers` for norm_f
 * and logits. `mad`, the spread of times, is in every table 1.4826 times the median absolute
 * deviation: that of normal values is their standard deviation. */
#ifndef DS_MEASURE_TABLES_H
#define DS_MEASURE_TABLES_H
#include <stddef.h>
#include <stdint.h>

#include "family/mode.h"

enum {
  TEXT_NAME = 40,
  TEXT_TENSOR = NAME_BYTES_MAX + 1, /* as long as what others call theirs */
  TEXT_WEIGHT = 24,                 /* or a tensor's name */
  TEXT_LONG_NAME = 96,
  TEXT_TYPE = 8,
  TEXT_KERNEL = 96,
  TEXT_DIGEST = 40,
  TEXT_STAGES = 160,
  TEXT_REASON = 160,
  TEXT_SETTING = 16,
  TEXT_PIECE = 16,             /* a character, or a token's id */
  TEXT_CONTEXT = 48,           /* with what stands around it */
  TEXT_MODES = 64 * TEXT_NAME, /* as many as a micro section may list */
  FIRST_VALUES = 10,
  TOKENS_A_ROW = 16
};

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
  int64_t
      q8_nans;  /* NaNs that the quantisation which wrote this tensor turned into 0: the tensor does
                 * not  show them. A tensor that is another one handed on has none of its own */
  double scale; /* the static scale whose grid this tensor is compared with; NaN: none */
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
                      * largest   |d|; -1 where identical, worst also where no finite d is above 0 */
  int64_t nonfinite; /* elements left out */
  double top1_agreement; /* logits: share of top1_rows whose arg max agrees; NaN of none, and of
                            others */
  int64_t top1_rows,
      top1_left_out; /* logits: rows that are finite on both sides, and all other rows; else 0 */
  double base_l2;    /* |base|_2, so that prompts can be pooled */
  int32_t checked;   /* as in TensorStats */
  PartErrors token;  /* a row each; NaN and -1 for tensors whose rows are no tokens */
  PartErrors
      channel; /* a column each, of all tokens; of a tensor whose rows are no tokens, a row each */
} PairStats;

/* What a static grid does to one tensor of a mode (measure/clipping.h): its error against the
 * float64 reference in elements whose reference lies beyond an end of the grid, which are clipped,
 * and in all others, which are rounded and have what came in with them. The reference's element is
 * that of the same tensor, or of the one that it is made of. Of weights (prompt and mode "") the
 * int8 form against float64, which all modes share. A channel is a column; of a tensor whose rows
 * are no tokens, as of a weight, a row. */
typedef struct Clipping {
  char prompt[TEXT_NAME], mode[TEXT_NAME], tensor[TEXT_WEIGHT];
  int32_t layer;
  double scale, grid_end; /* grid_end: 127 scale; the other end is at -128 scale */
  int64_t n, beyond;      /* all elements; those whose reference lies beyond an end */
  int32_t channels,
      worst_channel; /* how many have one beyond; that with the most squared error in them, or -1 */
  double furthest;   /* the largest |reference| over its end; NaN: none lies beyond */
  int32_t furthest_token,
      furthest_channel;  /* where; token -1 where rows are no tokens; both -1: none lies beyond */
  double furthest_value; /* of the reference, there */
  double error_share;    /* of the squared error, in elements beyond; NaN where there is no error */
  double
      rel_l2; /* |error|_2 / |reference|_2; 0 where there is none, NaN where the reference is 0 */
  double rel_l2_clipped,
      rel_l2_rounded; /* of the elements beyond, and of the rest, over the same |reference|_2 */
  int64_t nonfinite;  /* on either side: left out */
} Clipping;

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
  double
      tokens_effective; /* geometric mean over prompts, as are the first three and the last here: */
  PartErrors
      channel; /* worst: of the largest share that one has in a prompt; left_out: of all together */
  int64_t n, nonfinite; /* elements, and those left out of all but `identical` and `differing` */
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
  int32_t
      told; /* 1: agreement is at least the limit, or this is of one prompt alone; 0: cannot tell */
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

/* A token that carries much of a layer's squared error of block_out, from the first layer in which
 * it does to the one in which it no longer does (measure/events.h); and, of the largest, what it
 * was traced to (study/trace.h). */
typedef struct Event {
  char base[TEXT_NAME], other[TEXT_NAME], prompt[TEXT_NAME];
  int32_t token;
  int32_t layer;                                 /* the first */
  char piece[TEXT_PIECE], context[TEXT_CONTEXT]; /* its text */
  int32_t last_layer,
      healed_layer;         /* healed: the first after it that is none any more; -1: it lasts */
  int32_t rank;             /* of the pair: 1: carries most, at its peak, of |base|_2 */
  double share, peak_share; /* of the layer's squared error: there, and at most */
  int32_t peak_layer;
  double error,
      error_median;    /* relative error of the token, and of the median one, in the first layer */
  int32_t grown_layer; /* where, up to the first layer, its squared error grew most: traced there */
  char through[TEXT_REASON]; /* tensors of that layer of whose squared error the token has more than
                                the share */
  char origin[16]; /* "element": one makes at least half of it; "spread": none; "": not traced */
  char repaired[TEXT_NAME], to[TEXT_NAME]; /* the side whose element is given the other's value */
  char tensor[TEXT_TENSOR];                /* the element; of "spread" the one that comes nearest */
  int32_t element_token, element_channel;
  double value, value_to; /* there, in `repaired` and in `to` */
  double grid_end;        /* of the grid that the element has in `repaired`; NaN: it has none */
  int32_t clipped;        /* 1: value_to lies beyond it */
  double removed;         /* share of the token's squared error in that layer that goes with it */
  char made[TEXT_TENSOR]; /* the later tensor of the layer in which the token's error is most in one
                             channel, */
  int32_t made_channel;
  double made_value, made_to; /* and that channel's value in both */
} Event;

/* What the repair of an element does: `repaired` ran again with its value in `to`. Relative errors
 * are those of the pair: of other against base. */
typedef struct Repair {
  char base[TEXT_NAME], other[TEXT_NAME], prompt[TEXT_NAME];
  int32_t layer;
  char tensor[TEXT_TENSOR];
  int32_t token, channel;
  int32_t event_token; /* whose error is looked at: of an element that the spec names, its own */
  char repaired[TEXT_NAME], to[TEXT_NAME];
  double value, value_to;
  int32_t asked;               /* 1: named by the spec; 0: traced from an event */
  double rel_l2, rel_l2_after; /* of that layer's block_out */
  double share, share_after;   /* of the token, of that layer's squared error */
  double removed;              /* share of the token's squared error there that went with it */
  double last_rel_l2, last_rel_l2_after; /* of the last block_out */
  double logits_rel_l2, logits_rel_l2_after;
  double kl, kl_after; /* mean over the tokens of KL(base || other), in bits */
} Repair;

/* The same, layer by layer. */
typedef struct RepairLayer {
  char base[TEXT_NAME], other[TEXT_NAME], prompt[TEXT_NAME];
  int32_t layer; /* of the repaired element */
  char tensor[TEXT_TENSOR];
  int32_t token, channel, event_token;
  char repaired[TEXT_NAME], to[TEXT_NAME];
  int32_t at_layer;
  double rel_l2, rel_l2_after; /* of block_out */
  double share, share_after;   /* of the token */
} RepairLayer;

/* The relative error of a token in a layer, of the prompt of a pair in which its largest event
 * stands (else its first prompt): for pictures. Of long prompts the worst of so many tokens. */
typedef struct EventStrip {
  char base[TEXT_NAME], other[TEXT_NAME], prompt[TEXT_NAME];
  int32_t layer, token, tokens; /* from `token` on so many */
  char piece[TEXT_PIECE];       /* text of the first of them, as in Event */
  double error, share; /* share: of the layer's squared error of block_out, of all of them */
} EventStrip;

/* The largest |difference| of a pair in a piece of a tensor, tokens x channels, of the layer where
 * its largest event was traced: for pictures. */
typedef struct EventMap {
  char base[TEXT_NAME], other[TEXT_NAME], prompt[TEXT_NAME];
  int32_t layer;
  char tensor[TEXT_TENSOR];
  int32_t token, channel, tokens, channels; /* from token and channel on so many */
  double error;                             /* over the root mean square of the base's tensor */
} EventMap;

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

/* A mode's stage settings, in words, in layers that are all alike: a row a part of a mode that
 * differs by layer. */
typedef struct ModeRow {
  char mode[TEXT_NAME];
  int32_t first_layer, last_layer;
  char setting[STAGE_COLUMNS][TEXT_SETTING]; /* a column a stage of any family, by its key; "": not
                                                of this mode's */
} ModeRow;

/* A tensor that the run's model makes, in the order of its family: what names, dimensions and roles
 * mean in a file. */
typedef struct TensorRow {
  char name[TEXT_TENSOR];
  char long_name[TEXT_LONG_NAME];
  char place[8];                             /* "layer": in every layer; "end": once */
  char rows[TEXT_TENSOR], cols[TEXT_TENSOR]; /* names of dimensions */
  char scale[TEXT_TENSOR]; /* the static scale that its grid belongs to; "": none */
  char role[TEXT_TENSOR];  /* what it is for (family/trace.h); "": nobody asks */
  int32_t modes_only;      /* 1: the float64 reference has none */
} TensorRow;

/* A scale of int8 values at a layer: a static one, of an activation (s_in … s_h) or of a weight
 * that some mode of the run takes as int8 (by the checkpoint's name: in_proj.weight, conv1d.weight,
 * A_log, …), or one that a mode takes from each prompt by itself (conv_in, where its setting is
 * i8_dynamic). */
typedef struct ScaleRow {
  char prompt[TEXT_NAME],
      mode[TEXT_NAME]; /* of conv_in; "" of static ones, which all prompts and modes share */
  int32_t layer;
  char name[TEXT_WEIGHT];
  double statistic; /* what it was made from: the observed maximum or quantile */
  double scale; /* static: max(statistic, 1e-5) / 127; conv_in: statistic / 127, or 1 where that is
                   0; in float32 */
} ScaleRow;

/* What a static scale does to the values of its tensor over the whole calibration text, under the
 * float32 mode, by itself: measure/scale_choice.h. The scale of each choice: "calibrated", as the
 * run has it; "0.999" … "1": made from that quantile as the calibration makes it (of scales that
 * are made from a maximum: of all values, as a what-if); "least": of least squared error;
 * "per_channel": a what-if that no mode has, a scale for each channel, its maximum over 127, whose
 * rounding is estimated as n s^2 / 12 a channel. */
typedef struct ScaleChoice {
  int32_t layer;
  char scale[TEXT_TENSOR], tensor[TEXT_TENSOR], choice[TEXT_TENSOR];
  double value, grid_end; /* the scale, and 127 times it; per_channel: NaN */
  int64_t values, beyond; /* looked at; larger in magnitude than grid_end */
  double rel_l2_clipped, rel_l2_rounded,
      rel_l2; /* of what is clipped, of what is rounded, of both; over |values|_2 */
} ScaleChoice;

/* Where the time went. */
typedef struct Performance {
  char what[TEXT_NAME]; /* "load", "calibrate", "mode 2-0", "reference", "statistics", "store",
                           "total" */
  double time_s;
  int64_t bytes; /* total: peak resident memory; store: of the layers' files that this run wrote;
                    else 0 */
} Performance;

/* Where a pair's difference at one layer of one prompt comes from: measure/budget.h. */
typedef struct Budget {
  char prompt[TEXT_NAME], base[TEXT_NAME], other[TEXT_NAME];
  int32_t layer;
  double base_l2; /* |block_out of the base|_2 */
  double in_l2;   /* of the difference that the layer is given: of the two block_in */
  double total_l2, local_l2, inherited_l2, interaction_l2;
  double local_share, inherited_share,
      interaction_share; /* <part, total> / <total, total>: together 1; NaN where total is 0 */
  double gain;           /* inherited_l2 / in_l2; NaN where nothing is given */
  /* Of the median token: the median over tokens of each size beside the base's token
   * (measure/row_error.h), and of a token's own gain, over the tokens that are given something. */
  double in_median, total_median, local_median, inherited_median, interaction_median, gain_median;
} Budget;

/* The same over prompts: means over those whose values are finite, of sizes and of the gain
 * geometric means (of one that is 0 in some prompt and not in all, the mean), each with its
 * interval of 95 % (measure/sample.h). Layer -1: the mean over the layers, of each prompt, of the
 * share that is local. */
typedef struct BudgetLayer {
  char base[TEXT_NAME], other[TEXT_NAME];
  int32_t layer;
  int32_t prompts;
  char left_out[TEXT_REASON]; /* prompts with values that are not finite: "p2, p7 and 3 more" */
  double in, in_low, in_high; /* in_l2 / base_l2, and so on */
  double total, total_low, total_high;
  double local, local_low, local_high;
  double inherited, inherited_low, inherited_high;
  double interaction, interaction_low, interaction_high;
  double local_share, local_share_low, local_share_high;
  double inherited_share, inherited_share_low, inherited_share_high;
  double interaction_share, interaction_share_low, interaction_share_high;
  double gain, gain_low, gain_high;
  double gain_needed; /* prompts that would tell a gain of this size from 1 */
  double in_median, in_median_low, in_median_high;
  double total_median, total_median_low, total_median_high;
  double local_median, local_median_low, local_median_high;
  double inherited_median, inherited_median_low, inherited_median_high;
  double interaction_median, interaction_median_low, interaction_median_high;
  double gain_median, gain_median_low, gain_median_high;
  double local_parting, local_parting_low,
      local_parting_high; /* local over local_median, prompt by prompt */
  double gain_parting, gain_parting_low, gain_parting_high;
} BudgetLayer;

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

/* How well a mode predicts a text, and how far from the reference: every figure is the mean over
 * windows of the column of the same name in EvaluationWindow, and its standard error, NaN where
 * windows overlap. */
typedef struct Evaluation {
  char mode[TEXT_NAME];
  char text[TEXT_KERNEL];  /* the file whose windows these are: what the figures are of */
  int32_t windows, length; /* length: tokens predicted in each window */
  int32_t
      left_out; /* windows with a logit that is not finite: the figures are those of the others */
  int32_t disjoint;    /* so many windows fit into the text side by side; with more they overlap */
  int32_t byte_tokens; /* 1: tokens are bytes, so that bits are bits per byte */
  double lag1;         /* correlation of the bits of neighbouring windows */
  int32_t block;       /* windows in a unit of the errors of bits (measure/sample.h) */
  double bits, bits_se;
  double perplexity, perplexity_se; /* 2^bits, its error by the slope of that function */
  double kl_mean, kl_mean_se, kl_median, kl_median_se, kl_p99, kl_p99_se, kl_max, kl_max_se;
  double kl_geometric, kl_geometric_low,
      kl_geometric_high;  /* of kl_mean over windows, 95 % interval */
  double kl_worst;        /* the largest of all positions */
  double kl_token_median; /* the median of all positions of all windows */
  double top1_agreement, top1_agreement_se, top1_accuracy, top1_accuracy_se;
  double top1_agreement_low,
      top1_agreement_high; /* 95 %: of windows as clusters, no narrower than the exact interval */
  double top1_accuracy_low, top1_accuracy_high; /* of few tokens (interval_of_shares) */
  int64_t nonfinite;
} Evaluation;

/* One window of a mode. Bits: logarithms to base 2. */
typedef struct EvaluationWindow {
  char mode[TEXT_NAME];
  int32_t window, tokens;                    /* tokens predicted: all of the window but its first */
  int64_t first;                             /* index in the text of the window's first token */
  double bits;                               /* mean of -log2 p(next token) */
  double kl_mean, kl_median, kl_p99, kl_max; /* over positions, of KL(fp64 || mode) in bits */
  double top1_agreement; /* share of positions where mode and reference choose the same token */
  double top1_accuracy;  /* share where the mode chooses the token that comes */
  int64_t nonfinite;     /* positions with a logit that is not finite; the means are then NaN */
} EvaluationWindow;

/* Two modes, paired by window: is `other` better than `base`? */
typedef struct EvaluationPair {
  char base[TEXT_NAME], other[TEXT_NAME];
  char metric[TEXT_TENSOR]; /* bits, kl_factor, top1_agreement, top1_accuracy */
  char answer[16];          /* "better", "worse" (other than base), "identical" (in every window),
                               "undecided", "unknown" */
  char reason[16];          /* of "unknown": "overlap", "few" (finite windows); else "" */
  int32_t windows;          /* that the figures are of: finite in both modes */
  int32_t left_out;         /* the others */
  double diff, se, low,
      high; /* mean of other - base, its standard error, 95 % t interval; of kl_factor the
             * geometric mean of other / base, the standard error of its logarithm */
  double p; /* that there is no difference */
  double
      holm; /* the same where all pairs are asked at once: Holm's, over the pairs of this metric */
  double base_value, other_value;
  double lag1;           /* correlation of the differences of neighbouring windows */
  int32_t block;         /* windows in a unit */
  int32_t windows_held;  /* so many windows the text holds side by side */
  double windows_needed; /* for a difference like the observed one to be found; NaN: no number, or
                            more than 1e12 */
  /* Of bits alone, else NaN and 0: single tokens (measure/predicted.h). */
  int64_t tokens;   /* of the windows that count */
  double top_share; /* of the summed |difference|: what the 1 % of tokens has that differ most */
  int64_t reached_tokens; /* tokens in reach of events */
  double reached_share,
      reached_part; /* what these have of the summed |difference|; of the difference itself */
  double apart, apart_low,
      apart_high; /* the difference without them, window by window like diff, low and high */
} EvaluationPair;

/* A token that carries much of what a mode's predictions differ in: from fp64, or from those of
 * another mode. */
typedef struct EvaluationToken {
  char base[TEXT_NAME], other[TEXT_NAME];
  char by[TEXT_TYPE]; /* "kl": of other against fp64, the base; "bits": the |difference| between the
                         two */
  int32_t rank;       /* 1: the largest */
  int32_t window, position;                      /* position: 1 is the first that is predicted */
  int64_t at;                                    /* index in the text */
  int32_t token_id;                              /* the token that is predicted */
  char piece[TEXT_PIECE], context[TEXT_CONTEXT]; /* its text */
  double bits_base, bits_other;                  /* -log2 p of it */
  double kl_base, kl_other;                      /* KL(fp64 || mode) there, in bits */
  double share; /* of the sum of the figure over the tokens of all windows */
  double reach; /* the largest share of a layer's squared error of block_out that the token has from
                 * which it is predicted, under either mode */
  int32_t in_reach; /* 1: of an event */
} EvaluationToken;

/* How a mode answers a task: its share of right answers, over the samples whose logits are
 * finite. */
typedef struct TaskScore {
  char task[TEXT_KERNEL]; /* the file's name */
  char mode[TEXT_NAME];
  char kind[TEXT_SETTING];     /* "target", "choices", "contexts" */
  char headline[TEXT_SETTING]; /* the metric that papers give: "acc", "acc_norm" */
  int32_t samples;
  int32_t left_out;              /* of them: with a logit that is not finite */
  int32_t truncated;             /* with a context that was cut on the left */
  double acc, acc_low, acc_high; /* Wilson's 95 % interval */
  double acc_norm, acc_norm_low,
      acc_norm_high; /* of choices: by log-probability a code point; else NaN */
  double perplexity; /* target: exp(-mean log p of the targets); else NaN */
} TaskScore;

/* Two modes on a task, sample by sample: does `other` answer more of them right? */
typedef struct TaskPair {
  char task[TEXT_KERNEL], base[TEXT_NAME], other[TEXT_NAME];
  char metric[TEXT_SETTING]; /* "acc", "acc_norm" */
  char answer[16]; /* "better", "worse", "identical" (right and wrong in the same samples),
                      "undecided" */
  int32_t samples; /* finite in both */
  int32_t base_only, other_only; /* right in the one, wrong in the other */
  double diff;                   /* share of right answers: other less base */
  double p, holm;                /* exact McNemar; Holm's over the pairs of the task's metric */
  double samples_needed; /* for a difference like this to be found four times out of five; NaN: no
                            number, or more than 1e12 */
} TaskPair;

/* A sample of a task under a mode. */
typedef struct TaskSample {
  char task[TEXT_KERNEL], mode[TEXT_NAME];
  int32_t sample;              /* its line, from 0 */
  int32_t gold;                /* the right choice; 0 of a target */
  int32_t answer, answer_norm; /* the choice with the largest log-probability, and with the largest
                                  a code point; of a target 0 where every token of it is the
                                  likeliest, else -1; -1: not finite */
  int32_t right, right_norm;   /* 1, 0; -1: not finite, or not of this kind */
  int32_t truncated;           /* tokens cut from the left of its contexts, of all requests */
  double log_p;                /* of the right choice, natural */
  double margin;               /* log_p less the largest of the other choices; of a target NaN */
} TaskSample;

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
  double
      time_to_copy; /* time over that of a plain copy of as many bytes, repeat by repeat, median */
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
  int64_t
      bytes; /* inputs, weights and outputs, once each; of a captured pass, what went to the host */
  double ratio_copy; /* median_s over the time of copying as many bytes there; of a captured pass,
                        to the host */
  double ratio_roofline; /* median_s over the least time that bytes and arithmetic allow; of a
                          * captured pass, over the larger of the pass alone and the copy to the
                          * host; NaN where the peak is unknown */
} Speed;

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

/* A source: a side made elsewhere, and what of it is compared. */
typedef struct SourceRow {
  char source[TEXT_NAME];
  char dump[TEXT_KERNEL];       /* path, as the spec has it */
  char names[TEXT_KERNEL];      /* by which its arrays became tensors (source/dump/names.h) */
  int32_t arrays, used, layers; /* used: arrays that are a tensor of the run */
  int32_t masked;               /* tokens of all prompts that are padding by its mask */
} SourceRow;

/* An array of a source that is no tensor of the run. */
typedef struct SourceLeft {
  char source[TEXT_NAME];
  char array[TEXT_KERNEL];  /* its name, with its file where the dump is a folder */
  char type[TEXT_SETTING];  /* "not read" of what is no array that could be */
  char shape[TEXT_CONTEXT]; /* or why it is not read */
} SourceLeft;

/* Of which precision the values of a source's tensor are (measure/grain.h). */
typedef struct SourceValues {
  char prompt[TEXT_NAME], source[TEXT_NAME], tensor[TEXT_TENSOR];
  int32_t layer;
  int64_t n;
  double as_f16,
      as_bf16;         /* shares of the finite values that this type holds exactly; NaN of none */
  double grid_scale;   /* of the int8 grid that all of them lie on; NaN: there is none */
  int32_t grid_levels; /* different magnitudes above 0 there; 0: no grid */
} SourceValues;

/* A tensor of a pair of which one side is of rewritten weights and the other is not, or which
 * contradicts what was said of the two (study/undone.h). Sizes are relative L2 over what is finite;
 * NaN where nothing was computed. */
typedef struct Undone {
  char prompt[TEXT_NAME], base[TEXT_NAME], other[TEXT_NAME], tensor[TEXT_TENSOR];
  int32_t layer, cols;
  int32_t rewritten;         /* so many of the two are said to be of rewritten weights */
  char side[TEXT_NAME];      /* whose tensor is rotated back; "": none is */
  char reason[TEXT_SETTING]; /* why the two are not compared: "gain", "unknown", "no_matrix",
                              * "contradicted", "unproved"; "": they are */
  double back;               /* rotated back and again, from what it was */
  double rel_l2;             /* of the pair, as it is said to be rewritten */
  double other_l2;           /* and if that were wrong: rotated back where it is not, or the other
                              * way round */
} Undone;

/* The errors of two against a third that is taken for the truth: one tensor at one layer, over the
 * prompts in which all three have it (measure/three_way.h). */
typedef struct ThreeWay {
  char base[TEXT_NAME], other[TEXT_NAME], against[TEXT_NAME], tensor[TEXT_TENSOR];
  int32_t layer;
  int32_t prompts;
  double error_base, error_other;      /* relative L2 against the third, prompts pooled */
  double ratio, ratio_low, ratio_high; /* error of other over that of base: geometric mean over
                                        * prompts; NaN where one is 0 */
  double sigma_ratio;                  /* deviation of other's errors over that of base's */
  double overlap; /* Bhattacharyya coefficient of the two sets of errors, as normal ones */
  double worst_l2, worst_max_abs; /* largest ratio of a prompt: of relative L2, of the largest
                                   * absolute error */
} ThreeWay;

typedef enum ColumnType { COLUMN_TEXT, COLUMN_I32, COLUMN_I64, COLUMN_F64 } ColumnType;
typedef struct Column {
  const char *name;
  ColumnType type;
  size_t offset, size;
} Column;
typedef struct Table {
  const char *name, *title; /* e.g. "pair_stats" */
  size_t row_size;
  int keys; /* the first so many columns name a row */
  int columns;
  const Column *column;
} Table;
enum { MODE_COLUMNS = 3 }; /* of table_modes, before the stages */
extern Table
    table_modes; /* its columns are the families' stages: they are there before main begins */
extern const Table table_verdict, table_gates;
extern const Table table_tensor_stats, table_pair_stats, table_clipping, table_drift,
    table_drift_shape, table_judged;
extern const Table table_events, table_repairs, table_repair_layers, table_event_strip,
    table_event_map;
extern const Table table_scales, table_scale_choices, table_tensors, table_performance;
extern const Table table_budget, table_budget_layers, table_swap, table_swap_effect, table_restore;
extern const Table table_mend, table_mend_layers, table_grid;
extern const Table table_micro, table_micro_histogram, table_micro_worst, table_state_drift,
    table_state_error;
extern const Table table_evaluation, table_evaluation_windows, table_evaluation_pairs,
    table_evaluation_tokens;
extern const Table table_tasks, table_task_pairs, table_task_samples;
extern const Table table_cost, table_cost_bytes, table_speed;
extern const Table table_sources, table_source_left, table_source_values, table_three_way,
    table_undone;
extern const Table table_token_errors; /* of the journal alone */
extern const Table
    *const tables[]; /* all that are stored, in the order of the report; ends with NULL */

/* The number in a column of doubles, by its offset. */
double table_double(const void *row, size_t offset);
/* Fills a text column with names, as many as it holds: "p2, p7 and 3 more". */
void table_names(char *column, size_t size, const char *const *name, int count);
/* The settings of a mode, each in its stage's column, in these layers and in the last of them,
 * which are all alike. */
ModeRow mode_row(const Mode *mode, int first_layer, int last_layer);
/* Fills a text column, cut to its size. */
void table_text(char *column, size_t size, const char *text);
typedef struct TableRows {
  const Table *table;
  const void *rows;
  size_t count;
} TableRows;
#endif
