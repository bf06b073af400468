/* scales: rows of the scales that int8 values have, of those that they could have, and of what a
 * grid clips and rounds. */
#ifndef DS_MEASURE_TABLES_SCALES_H
#define DS_MEASURE_TABLES_SCALES_H
#include "measure/tables/table.h"

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
  double rel_l2; /* |error|_2 / |reference|_2; 0 where there is none, NaN where the reference is
                  * 0 */
  double rel_l2_clipped,
      rel_l2_rounded; /* of the elements beyond, and of the rest, over the same |reference|_2 */
  int64_t nonfinite;  /* on either side: left out */
} Clipping;

extern const Table table_scales, table_scale_choices, table_clipping;
#endif
