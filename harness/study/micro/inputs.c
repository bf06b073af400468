#include "study/micro/inputs.h"

#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/draw.h"
#include "kernels/f16.h"
#include "kernels/hadamard.h"
#include "kernels/q8.h"
#include "model/model.h"

enum { TAPS = 4, STATES = 16 };
static const float eps = 1e-5f;
static const float tie_grid =
    0x1p-4f; /* a power of two: products and quotients with it are exact */

const char *const micro_input_names[INPUT_COUNT + 1] = {
    "captured",   "normal",   "uniform", "student_t",    "outliers",  "ties",
    "saturating", "denormal", "zero",    "cancellation", "slow_decay"};

int micro_input_of(const char *name) {
  for (int i = 0; i < INPUT_COUNT; i++)
    if (!strcmp(micro_input_names[i], name)) return i;
  return -1;
}

MicroShape micro_shape_of(const char *text) {
  MicroShape shape = {0};
  char *end;
  shape.T = (int)strtol(text, &end, 10);
  shape.E = *end ? (int)strtol(end + 1, &end, 10) : 0;
  shape.N = *end ? (int)strtol(end + 1, &end, 10) : 0;
  return shape;
}

const char *micro_shape_text(Arena *arena, MicroOp op, MicroShape s) {
  if (op == MICRO_SCAN || op == MICRO_LINEAR) return arena_printf(arena, "%dx%dx%d", s.T, s.E, s.N);
  return arena_printf(arena, "%dx%d", s.T, s.E);
}

bool micro_input_exists(MicroOp op, MicroInput input, MicroShape shape, const char **why) {
  *why =
      input == INPUT_SLOW_DECAY && op != MICRO_SCAN ? "slow_decay is an input of the scan alone"
      : op == MICRO_HADAMARD && !hadamard_factor(shape.E)
          ? "there is no Hadamard matrix of that width (2^k, 12, 20 or 28 times 2^k, up to 32768)"
      : op == MICRO_LINEAR && shape.E > LINEAR_I8_MAX_IN
          ? "the int32 sum of an INT8 linear could overflow at that width"
          : NULL;
  return !*why;
}

/* --- drawing ---------------------------------------------------------------------------------- */

typedef struct Draw {
  gsl_rng *rng;
  MicroInput input;
  Arena *arena;
} Draw;

static float *room(Draw *d, int rows, int cols) {
  return ARENA_NEW(d->arena, float, (size_t)rows *(size_t)cols);
}

/* On a tie of the grid, or next to one on either side. */
static float tie(gsl_rng *rng) {
  float x = ((float)(int)(gsl_rng_uniform_int(rng, 240)) - 120.0f + 0.5f) * tie_grid;
  switch (gsl_rng_uniform_int(rng, 3)) {
    case 0: return nextafterf(x, INFINITY);
    case 1: return nextafterf(x, -INFINITY);
    default: return x;
  }
}

/* Activations [rows, cols] of the input's distribution. `i8`: to be quantised, so ties are of the
 * output's grid, and these stand on the input's. */
static float *activations(Draw *d, int rows, int cols, bool i8) {
  float *x = room(d, rows, cols);
  int outlier_step = cols < 64 ? cols : 64,
      outlier = (int)gsl_rng_uniform_int(d->rng, (unsigned long)outlier_step);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) {
      double normal = gsl_ran_ugaussian(d->rng), v = normal;
      switch (d->input) {
        case INPUT_UNIFORM: v = gsl_ran_flat(d->rng, -sqrt(3), sqrt(3)); break;
        case INPUT_STUDENT_T: v = gsl_ran_tdist(d->rng, 3); break;
        case INPUT_OUTLIERS: v = c % outlier_step == outlier ? 60 * normal : normal; break;
        case INPUT_TIES:
          v = (double)(i8 ? tie_grid * (float)((int)gsl_rng_uniform_int(d->rng, 255) - 127)
                          : tie(d->rng));
          break;
        case INPUT_SATURATING: v = i8 ? normal : 40 * normal; break;
        case INPUT_DENORMAL: v = 1e-39 * normal; break;
        case INPUT_ZERO: v = 0; break;
        case INPUT_CANCELLATION: v = ((r + c) % 2 ? -1 : 1) * (1 + 1e-3 * normal); break;
        default: break;
      }
      x[(size_t)r * (size_t)cols + (size_t)c] = (float)v;
    }
  return x;
}

/* Weights [rows, cols] around `mean`. */
static float *weights(Draw *d, int rows, int cols, double mean, double spread) {
  float *w = room(d, rows, cols);
  for (size_t i = 0; i < (size_t)rows * (size_t)cols; i++) {
    double normal = gsl_ran_ugaussian(d->rng), v = mean + spread * normal;
    if (d->input == INPUT_CANCELLATION && mean == 0) v = spread * (1 + 1e-3 * normal);
    if (d->input == INPUT_TIES) v = (double)(tie_grid * roundf((float)v / tie_grid));
    w[i] = (float)v;
  }
  return w;
}

static float *constant(Draw *d, int rows, int cols, float value) {
  float *w = room(d, rows, cols);
  for (size_t i = 0; i < (size_t)rows * (size_t)cols; i++) w[i] = value;
  return w;
}

/* As drawn, or quantised to int8, or rounded to f16. */
static Tensor as_format(Draw *d, float *x, int rows, int cols, Format format, bool activation) {
  Tensor f = tensor_of(x, FORMAT_F32, rows, cols, 0);
  if (format == FORMAT_F32) return f;
  size_t n = (size_t)rows * (size_t)cols;
  if (format == FORMAT_F16) {
    uint16_t *half = ARENA_NEW(d->arena, uint16_t, n);
    for (size_t i = 0; i < n; i++) half[i] = f16_of(x[i]);
    return tensor_of(half, FORMAT_F16, rows, cols, 0);
  }
  float scale = scale_of((double)absmax(&f));
  if (d->input == INPUT_SATURATING && activation) scale /= 8;
  if (d->input == INPUT_DENORMAL && activation) scale = 1e-39f / 32;
  if (d->input == INPUT_TIES) scale = tie_grid;
  Tensor q = tensor_of(ARENA_NEW(d->arena, int8_t, n), FORMAT_I8, rows, cols, scale);
  quantise(&f, ROUND_EVEN, &q);
  return q;
}

static Tensor draw(Draw *d, int rows, int cols, Format format) {
  return as_format(d, activations(d, rows, cols, format == FORMAT_I8), rows, cols, format, true);
}

/* --- operator by operator --------------------------------------------------------------------- */

static void make_conv1d(Draw *d, MicroShape s, Operator *o) {
  Format format = o->setting.in;
  o->in[X] = draw(d, s.T, s.E, format);
  o->in[WEIGHT] = as_format(d, weights(d, s.E, TAPS, 0, 0.5), s.E, TAPS, format, false);
  o->in[BIAS] = as_format(d, weights(d, 1, s.E, 0, d->input == INPUT_DENORMAL ? 1e-40 : 0.1), 1,
                          s.E, format, false);
}

static void make_linear(Draw *d, MicroShape s, Operator *o) {
  Format format = o->setting.in;
  o->in[X] = draw(d, s.T, s.E, format);
  double spread = d->input == INPUT_TIES
                      ? 1
                      : 1 / sqrt(s.E); /* on the ties' grid smaller ones would all be 0 */
  o->in[WEIGHT] = as_format(d, weights(d, s.N, s.E, 0, spread), s.N, s.E, format, false);
}

/* Decays as a trained model has them: A from -1 to -N, delta around 0.01 to 0.1. */
static void make_scan(Draw *d, MicroShape s, Operator *o) {
  Format rest = o->setting.rest;
  bool slow = d->input == INPUT_SLOW_DECAY, ties = d->input == INPUT_TIES;
  Draw calm = *d; /* dt and A_log of every input are those of a model: else every state would vanish
                     or overflow */
  calm.input = INPUT_NORMAL;
  o->in[SCAN_U] = draw(d, s.T, s.E, o->setting.in);
  Draw *factors = d->input == INPUT_DENORMAL ? &calm : d; /* a product of two denormals is 0 */
  o->in[SCAN_B] = draw(factors, s.T, s.N, rest);
  o->in[SCAN_C] = draw(factors, s.T, s.N, rest);
  o->in[SCAN_Z] = ties ? as_format(&calm, constant(d, s.T, s.E, 32), s.T, s.E, rest, true)
                       : draw(factors, s.T, s.E, rest);
  Draw *steps =
      d->input == INPUT_SATURATING || d->input == INPUT_OUTLIERS || d->input == INPUT_STUDENT_T
          ? d
          : &calm;
  o->in[SCAN_DT] = draw(steps, s.T, s.E, rest);
  o->in[SCAN_BIAS] =
      as_format(&calm, weights(&calm, 1, s.E, slow ? -6 : -3, 1), 1, s.E, rest, false);
  float *A_log = room(d, s.E, s.N);
  for (int e = 0; e < s.E; e++)
    for (int n = 0; n < s.N; n++)
      A_log[(size_t)e * (size_t)s.N + (size_t)n] =
          (float)((slow ? -8 : log(n + 1)) + 0.1 * gsl_ran_ugaussian(d->rng));
  o->in[SCAN_A_LOG] = as_format(&calm, A_log, s.E, s.N, rest, false);
  o->in[SCAN_D] = as_format(d, weights(d, 1, s.E, 1, 0.2), 1, s.E, rest, false);
}

static gsl_rng generator(Arena *arena, MicroOp op, MicroInput input, MicroShape s, int64_t seed) {
  return draw_by(arena, arena_printf(arena, "%lld %s %s %d %d %d", (long long)seed,
                                     micro_op_names[op], micro_input_names[input], s.T, s.E, s.N));
}

/* The scale of an int8 output: what holds all that a float32 output of the same operator has, as
 * calibration would. */
static float output_scale(const Operator *made, MicroInput input, Arena scratch) {
  Operator f = *made;
  f.setting.out = FORMAT_F32;
  operator_prepare(&scratch, &f, 0);
  operator_run_own(&f, scratch);
  float most = absmax(&f.out[f.outs - 1].got), scale = scale_of((double)most);
  if (input == INPUT_SATURATING) return scale / 8;
  if (input == INPUT_DENORMAL && most > 0) return most / 127 > 1e-42f ? most / 127 : 1e-42f;
  return input == INPUT_TIES ? exp2f(ceilf(log2f(scale))) : scale;
}

void micro_make(Arena *arena, MicroOp op, const MicroSetting *setting, MicroInput input,
                MicroShape s, int64_t seed, Operator *o) {
  *o = (Operator){.op = op, .setting = *setting, .eps = eps};
  gsl_rng rng = generator(arena, op, input, s, seed);
  Draw d = {&rng, input, arena};
  switch (op) {
    case MICRO_CONV1D: make_conv1d(&d, s, o); break;
    case MICRO_SCAN: make_scan(&d, s, o); break;
    case MICRO_LINEAR: make_linear(&d, s, o); break;
    case MICRO_RMSNORM:
      o->in[X] = draw(&d, s.T, s.E, FORMAT_F32);
      o->in[GAIN] = as_format(&d, weights(&d, 1, s.E, 1, 0.1), 1, s.E, FORMAT_F32, false);
      break;
    case MICRO_HADAMARD: o->in[X] = draw(&d, s.T, s.E, setting->in); break;
    default: o->in[X] = draw(&d, s.T, s.E, FORMAT_F32);
  }
  bool i8_out = setting->out == FORMAT_I8;
  float scale = i8_out ? output_scale(o, input, *arena) : 0;
  operator_prepare(arena, o, scale);
}
