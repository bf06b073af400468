#include "model/rewrite.h"

#include <float.h>
#include <math.h>

#include "kernels/hadamard.h"
#include "model/weight.h"
#include "reference/model64.h"

_Static_assert((int)HADAMARD64_MAX_N == (int)HADAMARD_MAX_N,
               "what is rotated here, the operator rotates back");

enum { TOGETHER = 1 << 15 /* values of a thread, 256 KiB: a quarter of a second-level cache */ };

/* Every row of [rows, cols] times gain [cols], column by column. */
static void fold_gain(double *matrix, int rows, int cols, const double *gain) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) matrix[(size_t)r * (size_t)cols + (size_t)c] *= gain[c];
}

/* Folding and rotation may carry a value beyond float32, in which the modes hold it. value [count]:
 * those of the weight from `first` on. */
static bool check_range(const Checkpoint *checkpoint, const Weight *weight, const double *value,
                        size_t first, size_t count, Status *st) {
  const Weight all = {.type = WEIGHT_F64, .data = value, .count = count};
  double most = 0;
#pragma omp parallel for reduction(max : most)
  for (size_t at = 0; at < count; at += TOGETHER) {
    const double own = weight_largest(&all, at, count - at < TOGETHER ? count - at : TOGETHER);
    most = own <= most ? most : isnan(own) ? INFINITY : own;
  }
  for (size_t i = 0; !isfinite((float)most) && i < count; i++)
    if (!isfinite((float)value[i]))
      return FAIL(st,
                  "%s: tensor '%.100s': element %zu is %.9g after the rewrite, which float32 "
                  "cannot hold (rewrite: none leaves the weights as they are)",
                  checkpoint->folder, weight->name, first + i, value[i]);
  return true;
}

/* The mapped bytes of many values need not stay; those of a few are soon asked for again. */
static void forget_many(const Weight *weight, size_t first, size_t count) {
  if (count > TOGETHER) weight_forget(weight, first, count);
}

/* Rows first … first + rows - 1 of a weight, widened, with the gain of their columns (NULL: none)
 * and rotated as the table says: some at a time, while they are in the cache. */
static void take_rows(const WeightInfo *info, const Weight *weight, int cols, const double *gain,
                      int first, int rows, double *out) {
  const int together = cols < TOGETHER ? TOGETHER / cols : 1;
#pragma omp parallel for if (rows > together)
  for (int row = 0; row < rows; row += together) {
    const int n = rows - row < together ? rows - row : together;
    double *to = out + (size_t)row * (size_t)cols;
    weight_range_to_f64(weight, (size_t)(first + row) * (size_t)cols, (size_t)n * (size_t)cols, to);
    if (gain) fold_gain(to, n, cols, gain);
    if (info->rotate_in) hadamard64(to, n, cols);
  }
  forget_many(weight, (size_t)first * (size_t)cols, (size_t)rows * (size_t)cols);
}

/* The widths over which weights are rotated, each once. */
static int rotated_widths(const Config *c, int width[WEIGHTS_MOST + END_COUNT]) {
  const Family *family = c->family;
  int count = 0;
  for (int w = -END_COUNT; w < family->weights; w++) {
    const WeightInfo *info = w < 0 ? &family->end[END_COUNT + w] : &family->weight[w];
    bool known = !info->rotate_in;
    for (int i = 0; i < count; i++) known |= width[i] == weight_cols(c, info);
    if (!known) width[count++] = weight_cols(c, info);
  }
  return count;
}

static bool check_widths(const Checkpoint *checkpoint, Arena scratch, Status *st) {
  int width[WEIGHTS_MOST + END_COUNT], count = rotated_widths(&checkpoint->config, width);
  const char *list = "";
  bool known = true;
  for (int i = 0; i < count; i++) {
    known &= hadamard64_factor(width[i]) != 0;
    list = arena_printf(&scratch, "%s%s%d", list, i ? " and " : "", width[i]);
  }
  return known || FAIL(st,
                       "%s: rewrite 'quamba' needs a Hadamard matrix for the widths %s; there is "
                       "one for 2^k, 12 2^k, 20 2^k and 28 2^k up to %d (rewrite: none leaves the "
                       "weights as they are)",
                       checkpoint->folder, list, HADAMARD_MAX_N);
}

/* --- a layer ---------------------------------------------------------------------------------- */

static bool rewrite_weight(const Checkpoint *checkpoint, const WeightInfo *info,
                           const Weight *weight, const double *gain, double *values, Status *st) {
  const int rows = weight_rows(&checkpoint->config, info),
            cols = weight_cols(&checkpoint->config, info);
  take_rows(info, weight, cols, gain, 0, rows, values);
  if (info->rotate_out) hadamard64_columns(values, rows, cols);
  return check_range(checkpoint, weight, values, 0, weight->count, st);
}

/* Whether a rewrite changes a weight. */
static bool is_rewritten(const WeightInfo *info) {
  return info->gain != ABSENT || info->rotate_in || info->rotate_out;
}

bool rewrite_layer(const Checkpoint *checkpoint, Rewrite rewrite, int layer, double *const *room,
                   const double **value, Status *st) {
  const Family *family = checkpoint->config.family;
  const Weight *weight = checkpoint->layer[layer];
  const bool all_same = rewrite == REWRITE_NONE;
  for (int w = 0; w < family->weights; w++) { /* gains are among these */
    value[w] = weight[w].data ? room[w] : NULL;
    if (!value[w] || (!all_same && is_rewritten(&family->weight[w]))) continue;
    weight_range_to_f64(&weight[w], 0, weight[w].count, room[w]);
    weight_forget(&weight[w], 0, weight[w].count);
  }
  for (int w = 0; !all_same && w < family->weights; w++) {
    const WeightInfo *info = &family->weight[w];
    const double *gain = info->gain == ABSENT ? NULL : room[info->gain];
    if (value[w] && is_rewritten(info))
      TRY(rewrite_weight(checkpoint, info, &weight[w], gain, room[w], st));
  }
  for (int w = 0; !all_same && w < family->weights; w++) /* a gain that was folded is gone */
    if (family->weight[w].gain != ABSENT) value[family->weight[w].gain] = NULL;
  return true;
}

/* --- the ends --------------------------------------------------------------------------------- */

void rewrite_rows(const Checkpoint *checkpoint, Rewrite rewrite, const double *gain, int end,
                  int first, int rows, double *out) {
  const WeightInfo *info = &checkpoint->config.family->end[end];
  const Weight *weight = &checkpoint->end[end];
  const int cols = weight_cols(&checkpoint->config, info);
  if (rewrite != REWRITE_NONE) {
    take_rows(info, weight, cols, info->gain == ABSENT ? NULL : gain, first, rows, out);
    return;
  }
  weight_range_to_f64(weight, (size_t)first * (size_t)cols, (size_t)rows * (size_t)cols, out);
  forget_many(weight, (size_t)first * (size_t)cols, (size_t)rows * (size_t)cols);
}

/* A rotation leaves a row its length, which is at most sqrt(cols) times its largest value: only
 * where that could pass float32 the rows themselves are looked at. */
static bool check_end(const Checkpoint *checkpoint, int end, const double *gain, double most_gain,
                      Arena scratch, Status *st) {
  const WeightInfo *info = &checkpoint->config.family->end[end];
  const Weight *weight = &checkpoint->end[end];
  const int rows = weight_rows(&checkpoint->config, info),
            cols = weight_cols(&checkpoint->config, info);
  if (weight->most * (info->gain == ABSENT ? 1 : most_gain) * sqrt((double)cols) <
      (double)FLT_MAX / 2)
    return true;
  double *row = ARENA_NEW(&scratch, double, cols);
  for (int r = 0; r < rows; r++) {
    rewrite_rows(checkpoint, REWRITE_QUAMBA, gain, end, r, 1, row);
    TRY(check_range(checkpoint, weight, row, (size_t)r * (size_t)cols, (size_t)cols, st));
  }
  return true;
}

bool rewrite_check(const Checkpoint *checkpoint, Rewrite rewrite, Arena scratch, Status *st) {
  if (rewrite == REWRITE_NONE) return true;
  TRY(check_widths(checkpoint, scratch, st));
  const Weight *norm = &checkpoint->end[END_NORM];
  double *gain = ARENA_NEW(&scratch, double, norm->count), most = 0;
  weight_range_to_f64(norm, 0, norm->count, gain);
  for (size_t i = 0; i < norm->count; i++) most = fmax(most, fabs(gain[i]));
  return check_end(checkpoint, END_EMBEDDING, gain, most, scratch, st) &&
         check_end(checkpoint, END_HEAD, gain, most, scratch, st);
}
