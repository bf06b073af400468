#include "model/rewrite.h"

#include <float.h>
#include <math.h>

#include "kernels/hadamard.h"
#include "model/weight.h"
#include "reference/model64.h"

_Static_assert((int)HADAMARD64_MAX_N == (int)HADAMARD_MAX_N, "what is rotated here, the operator rotates back");

/* Every row of [rows, cols] times gain [cols], column by column. */
static void fold_gain(double *matrix, int rows, int cols, const double *gain) {
#pragma omp parallel for
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) matrix[(size_t)r * (size_t)cols + (size_t)c] *= gain[c];
}

/* Folding and rotation may carry a value beyond float32, in which the modes hold it. value [count]: those of the weight
 * from `first` on. */
static bool check_range(const Checkpoint *checkpoint, const Weight *weight, const double *value, size_t first,
                        size_t count, Status *st) {
  bool finite = true;
#pragma omp parallel for reduction(&& : finite)
  for (size_t i = 0; i < count; i++) finite = finite && isfinite((float)value[i]);
  for (size_t i = 0; !finite && i < count; i++)
    if (!isfinite((float)value[i]))
      return FAIL(
          st,
          "%s: tensor '%.100s': element %zu is %.9g after the rewrite, which float32 cannot hold (rewrite: none "
          "leaves the weights as they are)",
          checkpoint->folder, weight->name, first + i, value[i]);
  return true;
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
                       "%s: rewrite 'quamba' needs a Hadamard matrix for the widths %s; there is one for 2^k, 12 2^k, "
                       "20 2^k and 28 2^k up to %d (rewrite: none leaves the weights as they are)",
                       checkpoint->folder, list, HADAMARD_MAX_N);
}

/* --- a layer --------------------------------------------------------------------------------- */

static bool rewrite_weight(const Checkpoint *checkpoint, const WeightInfo *info, const Weight *weight,
                           const double *gain, double *values, Status *st) {
  const int rows = weight_rows(&checkpoint->config, info), cols = weight_cols(&checkpoint->config, info);
  if (gain) fold_gain(values, rows, cols, gain);
  if (info->rotate_in) hadamard64(values, rows, cols);
  if (info->rotate_out) hadamard64_columns(values, rows, cols);
  return !(gain || info->rotate_in || info->rotate_out) ||
         check_range(checkpoint, weight, values, 0, weight->count, st);
}

bool rewrite_layer(const Checkpoint *checkpoint, Rewrite rewrite, int layer, double *const *room, const double **value,
                   Status *st) {
  const Family *family = checkpoint->config.family;
  const Weight *weight = checkpoint->layer[layer];
  for (int w = 0; w < family->weights; w++) {
    value[w] = weight[w].data ? room[w] : NULL;
    if (!weight[w].data) continue;
    weight_range_to_f64(&weight[w], 0, weight[w].count, room[w]);
    weight_forget(&weight[w], 0, weight[w].count);
  }
  for (int w = 0; rewrite == REWRITE_QUAMBA && w < family->weights; w++) {
    const WeightInfo *info = &family->weight[w];
    const double *gain = info->gain == ABSENT ? NULL : room[info->gain];
    if (value[w]) TRY(rewrite_weight(checkpoint, info, &weight[w], gain, room[w], st));
  }
  for (int w = 0; rewrite == REWRITE_QUAMBA && w < family->weights; w++) /* a gain that was folded is gone */
    if (family->weight[w].gain != ABSENT) value[family->weight[w].gain] = NULL;
  return true;
}

enum { MANY_ROWS = 256 /* whose pages are worth giving back */ };

/* --- the ends -------------------------------------------------------------------------------- */

void rewrite_rows(const Checkpoint *checkpoint, Rewrite rewrite, const double *gain, int end, int first, int rows,
                  double *out) {
  const WeightInfo *info = &checkpoint->config.family->end[end];
  const int cols = weight_cols(&checkpoint->config, info);
  const size_t from = (size_t)first * (size_t)cols, count = (size_t)rows * (size_t)cols;
  weight_range_to_f64(&checkpoint->end[end], from, count, out);
  if (rows >= MANY_ROWS) weight_forget(&checkpoint->end[end], from, count);
  if (rewrite == REWRITE_NONE) return;
  if (info->gain != ABSENT) fold_gain(out, rows, cols, gain);
  if (info->rotate_in) hadamard64(out, rows, cols);
}

/* Of values as they are stored. */
static double largest(const Weight *weight, Arena scratch) {
  enum { TOGETHER = 1 << 16 };
  double *values = ARENA_NEW(&scratch, double, TOGETHER), most = 0;
  for (size_t first = 0; first < weight->count; first += TOGETHER) {
    const size_t count = weight->count - first < TOGETHER ? weight->count - first : TOGETHER;
    weight_range_to_f64(weight, first, count, values);
    for (size_t i = 0; i < count; i++) most = fmax(most, fabs(values[i]));
    weight_forget(weight, first, count);
  }
  return most;
}

/* A rotation leaves a row its length, which is at most sqrt(cols) times its largest value: only where that could pass
 * float32 the rows themselves are looked at. */
static bool check_end(const Checkpoint *checkpoint, int end, const double *gain, double most_gain, Arena scratch,
                      Status *st) {
  const WeightInfo *info = &checkpoint->config.family->end[end];
  const Weight *weight = &checkpoint->end[end];
  const int rows = weight_rows(&checkpoint->config, info), cols = weight_cols(&checkpoint->config, info);
  if (largest(weight, scratch) * (info->gain == ABSENT ? 1 : most_gain) * sqrt((double)cols) < (double)FLT_MAX / 2)
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
