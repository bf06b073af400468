#include "model/rewrite.h"

#include <math.h>

#include "kernels/hadamard.h"
#include "reference/model64.h"

_Static_assert((int)HADAMARD64_MAX_N == (int)HADAMARD_MAX_N, "what is rotated here, the operator rotates back");

static double *widened(Arena *arena, const Weight *weight) {
  double *values = ARENA_NEW(arena, double, weight->count);
  weight_to_f64(weight, values);
  return values;
}

/* Every row of [rows, cols] times gain [cols], column by column. */
static void fold_gain(double *matrix, int rows, int cols, const double *gain) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) matrix[(size_t)r * (size_t)cols + (size_t)c] *= gain[c];
}

/* Folding and rotation may carry a value beyond float32, in which the modes hold it. */
static bool check_range(const Checkpoint *checkpoint, const Weight *weight, const double *value, Status *st) {
  for (size_t i = 0; i < weight->count; i++)
    if (!isfinite((float)value[i]))
      return FAIL(
          st,
          "%s: tensor '%.100s': element %zu is %.9g after the rewrite, which float32 cannot hold (rewrite: none "
          "leaves the weights as they are)",
          checkpoint->folder, weight->name, i, value[i]);
  return true;
}

size_t rewrite_bytes(const Config *c) {
  return 8 * ((size_t)c->layers * family_layer_values(c) + family_end_values(c));
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

/* One weight, its gain folded into it and rotated as the table says. */
static bool rewrite_weight(const Checkpoint *checkpoint, const WeightInfo *info, const Weight *weight,
                           const double *gain, double *values, Status *st) {
  const int rows = weight_rows(&checkpoint->config, info), cols = weight_cols(&checkpoint->config, info);
  if (gain) fold_gain(values, rows, cols, gain);
  if (info->rotate_in) hadamard64(values, rows, cols);
  if (info->rotate_out) hadamard64_columns(values, rows, cols);
  return !(gain || info->rotate_in || info->rotate_out) || check_range(checkpoint, weight, values, st);
}

/* All weights of one table. A gain that was folded is gone. */
static bool rewrite_table(const Checkpoint *checkpoint, const WeightInfo *info, int count, const Weight *weight,
                          double *const *values, const double **out, Status *st) {
  for (int w = 0; w < count; w++) {
    const double *gain = info[w].gain == ABSENT ? NULL : values[info[w].gain];
    if (values[w]) TRY(rewrite_weight(checkpoint, &info[w], &weight[w], gain, values[w], st));
  }
  for (int w = 0; w < count; w++)
    if (info[w].gain != ABSENT) out[info[w].gain] = NULL;
  return true;
}

bool rewrite_weights(Arena *arena, const Checkpoint *checkpoint, Rewrite rewrite, Weights64 *weights, Status *st) {
  const Config *c = &checkpoint->config;
  const Family *family = c->family;
  const bool rotate = rewrite == REWRITE_QUAMBA;
  if (rotate) TRY(check_widths(checkpoint, *arena, st));
  *weights = (Weights64){.config = *c, .hadamard = rotate};
  weights->layer = arena_alloc(arena, (size_t)c->layers, sizeof *weights->layer);
  for (int layer = -1; layer < c->layers; layer++) {
    const bool ends = layer < 0;
    const WeightInfo *info = ends ? family->end : family->weight;
    const Weight *from = ends ? checkpoint->end : checkpoint->layer[layer];
    const double **out = ends ? weights->end : weights->layer[layer];
    const int count = ends ? END_COUNT : family->weights;
    double *values[WEIGHTS_MOST] = {NULL};
    for (int w = 0; w < count; w++) {
      const bool same = ends && w == END_HEAD && c->tied && !rotate;
      out[w] = values[w] = same ? values[END_EMBEDDING] : from[w].data ? widened(arena, &from[w]) : NULL;
    }
    if (rotate) TRY(rewrite_table(checkpoint, info, count, from, values, out, st));
  }
  return true;
}
