#include "model/model.h"

#include <string.h>

#include "kernels/q8.h"

float scale_of(double statistic) { return q8_static_scale(statistic); }

/* --- a weight --------------------------------------------------------------------------------- */

enum { THREADED = 1 << 17 /* values from which on a loop over them is worth all threads */ };

/* Rounded to float32; NULL (no bias) becomes zeros. */
static Tensor rounded(const double *values, int rows, int cols, float *out) {
  const size_t n = (size_t)rows * (size_t)cols;
  if (!values) memset(out, 0, n * sizeof *out);
#pragma omp parallel for if (n > THREADED)
  for (size_t i = 0; i < (values ? n : 0); i++) out[i] = (float)values[i];
  return tensor_of(out, FORMAT_F32, rows, cols, 0);
}

/* Half to even, with the scale of its absolute maximum. */
static Tensor quantised(const Tensor *w, int8_t *out, WeightGrid *grid) {
  grid->most = (double)absmax(w);
  grid->scale = scale_of(grid->most);
  Tensor result = tensor_of(out, FORMAT_I8, w->rows, w->cols, grid->scale);
  quantise(w, ROUND_EVEN, &result);
  return result;
}

size_t prepared_bytes(const Config *c, const WeightInfo *info, Format format) {
  const int rows = weight_rows(c, info), cols = weight_cols(c, info);
  if (info->form == FORM_GAIN && format == FORMAT_I8) return 0;
  const size_t bytes = info->form == FORM_LINEAR
                           ? linear_packed_bytes(rows, cols, format)
                           : (size_t)rows * (size_t)cols * format_size(format);
  return arena_lines(bytes);
}

/* The panels stay; the row-major copies are scratch. */
static void prepare_linear(const Config *c, const WeightInfo *info, const double *values,
                           const PreparedRoom *room, Prepared *f32, Prepared *i8, WeightGrid *grid,
                           Arena scratch) {
  const int out = weight_rows(c, info), in = weight_cols(c, info);
  const size_t n = (size_t)out * (size_t)in;
  Tensor w = rounded(values, out, in, arena_room(&scratch, n, sizeof(float)));
  if (room->f32) {
    f32->linear = linear_pack(w.data, out, in, FORMAT_F32, 0, room->f32);
    f32->linear.name = room->name;
  }
  if (!room->i8) return;
  Tensor q = quantised(&w, arena_room(&scratch, n, 1), grid);
  i8->linear = linear_pack(q.data, out, in, FORMAT_I8, q.scale.value, room->i8);
  i8->linear.name = room->name;
}

const char *model_operator_name(Arena *arena, const WeightInfo *info) {
  const char *name = weight_short_name(info);
  return arena_printf(arena, "%.*s", (int)strcspn(name, "."), name);
}

void model_prepare(const Config *c, const WeightInfo *info, const double *values,
                   const PreparedRoom *room, Prepared *f32, Prepared *i8, WeightGrid *grid,
                   Arena scratch) {
  const int rows = weight_rows(c, info), cols = weight_cols(c, info);
  const size_t n = (size_t)rows * (size_t)cols;
  switch (info->form) {
    case FORM_LINEAR: prepare_linear(c, info, values, room, f32, i8, grid, scratch); break;
    case FORM_VALUES: {
      Tensor w = rounded(values, rows, cols,
                         room->f32 ? room->f32 : arena_room(&scratch, n, sizeof(float)));
      if (room->f32) f32->values = w;
      if (room->i8) i8->values = quantised(&w, room->i8, grid);
      break;
    }
    case FORM_GAIN:
      if (values && room->f32) f32->values = rounded(values, rows, cols, room->f32);
      break;
  }
}

size_t model_prepare_bytes(const Config *c) {
  size_t most = 0;
  for (int w = 0; w < c->family->weights; w++) {
    const size_t values = weight_values(c, &c->family->weight[w]);
    most = values > most ? values : most;
  }
  return most * (sizeof(float) + 1) + 128;
}

/* --- a model ---------------------------------------------------------------------------------- */

/* Every width that a product's int8 sum runs over. */
bool model_check(const Config *c, Status *st) {
  int most = 0;
  for (int w = 0; w < c->family->weights; w++)
    if (c->family->weight[w].form == FORM_LINEAR && weight_cols(c, &c->family->weight[w]) > most)
      most = weight_cols(c, &c->family->weight[w]);
  return most <= LINEAR_I8_MAX_IN ||
         FAIL(st, "model: widths %d and %d: above %d an int8 product's int32 sum could overflow",
              c->D, c->E, LINEAR_I8_MAX_IN);
}

Model model_empty(const Config *c, bool hadamard) {
  return (Model){.ops = &ops_cpu,
                 .config = *c,
                 .D = c->D,
                 .layers = c->layers,
                 .vocab = c->vocab,
                 .eps = (float)c->eps,
                 .hadamard = hadamard};
}
