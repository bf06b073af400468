/* What the repair of one value does over the layers, against mode 2-0 written again in float64:
 * codes by round, half away or half to even, sums of codes exact, everything between them in
 * double, the repaired value in place of its code. Nothing of kernels/ takes part but the int8
 * weights as they are stored. Roundings of float32 that turn a tie make single codes of a layer
 * differ: its error agrees to a thousandth. */
#include "family/family.h"
#include "family/mamba1.h"
#include "shipped_model.h"

#include <math.h>

#include "reference/model64.h"
#include "source/repaired.h"
#include "study/events.h"
#include "study/trace.h"

enum {
  TOKENS = 96,
  LAYERS = 4, /* of them; each is held against float64 on what goes into it */
  LAYER = 1,
  TOKEN = 68,
  CHANNEL = 218,
  D = 256,
  E = 512,
  N = 16,
  R = 16,
  TAPS = 4,
  DBC = R + 2 * N
};

static Shipped s;

/* Rows of int8 weights as doubles, and their scale. */
typedef struct Codes {
  double *value, scale;
  int rows, cols;
} Codes;

static Codes linear_of(const ModelLayer *layer, int id) {
  const Linear *w = &layer->i8[id].linear;
  Codes all = {ARENA_NEW(&s.arena, double, w->out * w->in), (double)w->scale, w->out, w->in};
  int8_t *row = ARENA_NEW(&s.arena, int8_t, w->in);
  for (int o = 0; o < w->out; o++) {
    linear_unpack(w, o, row);
    for (int i = 0; i < w->in; i++) all.value[o * w->in + i] = row[i];
  }
  return all;
}

static Codes values_of(const ModelLayer *layer, int id) {
  const Tensor *t = &layer->i8[id].values;
  Codes all = {ARENA_NEW(&s.arena, double, t->rows * t->cols), (double)t->scale.value, t->rows,
               t->cols};
  for (int i = 0; i < t->rows * t->cols; i++) all.value[i] = ((const int8_t *)t->data)[i];
  return all;
}

static double clamp(double q) { return q < -128 ? -128 : q > 127 ? 127 : q; }
static double away(double x, double scale) { return clamp(round(x / scale)); }
static double even(double x, double scale) { return clamp(rint(x / scale)); }
static double half(double x) { return (double)(_Float16)x; }

/* Of codes x [T, in]. */
static double *product(const double *x, const Codes *w, double scale_x) {
  double *y = ARENA_NEW(&s.arena, double, TOKENS * w->rows);
  for (int t = 0; t < TOKENS; t++)
    for (int o = 0; o < w->rows; o++) {
      double sum = 0;
      for (int i = 0; i < w->cols; i++) sum += x[t * w->cols + i] * w->value[o * w->cols + i];
      y[t * w->rows + o] = sum * scale_x * w->scale;
    }
  return y;
}

static double *norm_codes(const double *x, double eps, double scale) {
  double *q = ARENA_NEW(&s.arena, double, TOKENS *D);
  for (int t = 0; t < TOKENS; t++) {
    double square = 0;
    for (int d = 0; d < D; d++) square += x[t * D + d] * x[t * D + d];
    for (int d = 0; d < D; d++) q[t * D + d] = away(x[t * D + d] / sqrt(square / D + eps), scale);
  }
  return q;
}

static double scale_at(const ModelLayer *layer, int scale) {
  return (double)s.model.scales[layer - s.model.layer].scale[scale];
}

/* Codes of the convolution's output; xz: codes [T, 2E]. */
static double *conv_codes(const ModelLayer *layer, const double *xz) {
  const double s_xz = scale_at(layer, S_XZ), s_u = scale_at(layer, S_U);
  Codes w = values_of(layer, W_CONV), bias = values_of(layer, W_CONV_BIAS);
  double *q = ARENA_NEW(&s.arena, double, TOKENS *E);
  for (int t = 0; t < TOKENS; t++)
    for (int e = 0; e < E; e++) {
      double sum = 0;
      for (int k = 0; k < TAPS; k++)
        if (t - TAPS + 1 + k >= 0)
          sum += w.value[e * TAPS + k] * xz[(t - TAPS + 1 + k) * 2 * E + e];
      double pre = sum * w.scale * s_xz + bias.value[e] * bias.scale;
      q[t * E + e] = away(pre / (1 + exp(-pre)), s_u);
    }
  return q;
}

/* u, dt, B, C and z as codes -> what leaves the gate [T, E]. */
static double *scanned(const ModelLayer *layer, const double *u, const double *dt,
                       const double *dbc, const double *xz) {
  const double s_u = scale_at(layer, S_U), s_dt = scale_at(layer, S_DT),
               s_dbc = scale_at(layer, S_DBC), s_xz = scale_at(layer, S_XZ);
  Codes a = values_of(layer, W_A_LOG), skip = values_of(layer, W_D),
        bias = values_of(layer, W_DT_BIAS);
  double *gated = ARENA_NEW(&s.arena, double, TOKENS *E);
  for (int e = 0; e < E; e++) {
    double h[N] = {0};
    for (int t = 0; t < TOKENS; t++) {
      const double raw = dt[t * E + e] * s_dt + bias.value[e] * bias.scale, delta = log1p(exp(raw)),
                   in = u[t * E + e] * s_u, z = xz[t * 2 * E + E + e] * s_xz;
      double y = skip.value[e] * skip.scale * in;
      for (int n = 0; n < N; n++) {
        const double decay = exp(-delta * exp(a.value[e * N + n] * a.scale));
        h[n] = decay * h[n] + delta * in * dbc[t * DBC + R + n] * s_dbc;
        y += h[n] * dbc[t * DBC + R + N + n] * s_dbc;
      }
      gated[t * E + e] = half(y * z / (1 + exp(-z)));
    }
  }
  return gated;
}

/* Block of mode 2-0 on x [T, D]; value: of conv1d_silu[TOKEN, CHANNEL], NaN: its own. */
static double *block(int number, const double *x, double value) {
  const ModelLayer *layer = &s.model.layer[number];
  const double s_in = scale_at(layer, S_IN), s_xz = scale_at(layer, S_XZ),
               s_u = scale_at(layer, S_U), s_dbc = scale_at(layer, S_DBC),
               s_dt = scale_at(layer, S_DT), s_o = scale_at(layer, S_O);
  Codes in_proj = linear_of(layer, W_IN_PROJ), x_proj = linear_of(layer, W_X_PROJ),
        dt_proj = linear_of(layer, W_DT_PROJ), out_proj = linear_of(layer, W_OUT_PROJ);
  double *xz = product(norm_codes(x, (double)s.model.eps, s_in), &in_proj, s_in);
  for (int i = 0; i < TOKENS * 2 * E; i++) xz[i] = even(xz[i], s_xz);
  double *u = conv_codes(layer, xz);
  if (!isnan(value)) u[TOKEN * E + CHANNEL] = value / s_u;
  double *dbc = product(u, &x_proj, s_u);
  for (int i = 0; i < TOKENS * DBC; i++) dbc[i] = even(dbc[i], s_dbc);
  double *low = ARENA_NEW(&s.arena, double, TOKENS *R);
  for (int t = 0; t < TOKENS; t++) memcpy(&low[t * R], &dbc[t * DBC], R * sizeof(double));
  double *dt = product(low, &dt_proj, s_dbc);
  for (int i = 0; i < TOKENS * E; i++) dt[i] = even(dt[i], s_dt);
  double *gated = scanned(layer, u, dt, dbc, xz);
  hadamard64(gated, TOKENS, E);
  for (int i = 0; i < TOKENS * E; i++) gated[i] = even(gated[i], s_o);
  double *out = product(gated, &out_proj, s_o);
  for (int i = 0; i < TOKENS * D; i++) out[i] = (double)(float)(x[i] + half(out[i]));
  return out;
}

static double relative(const double *got, const double *want) {
  double error = 0, size = 0;
  for (int i = 0; i < TOKENS * D; i++)
    error += (got[i] - want[i]) * (got[i] - want[i]), size += want[i] * want[i];
  return sqrt(error / size);
}

/* The reference's tensors: block_out of every layer, and the element. */
static double *reference_out[64], element;

static void run_reference(void) {
  Source reference = source_ref64(&s.weights);
  Trace trace = {0};
  reference.embed(&reference, s.test + 4000, TOKENS, &s.arena, &trace);
  Tensor x = trace.t[T_EMBEDDING];
  for (int layer = 0; layer < s.model.layers; layer++) {
    reference.block(&reference, NULL, layer, &x, &s.arena, &trace);
    x = trace.t[T_BLOCK_OUT];
    reference_out[layer] = x.data;
    if (layer == LAYER) element = tensor_value(&trace.t[T_CONV1D_SILU], TOKEN * E + CHANNEL);
  }
}

/* Each layer in float64 on what the program's own walk gives it: over many layers single codes that
 * differ would make other roundings everywhere. */
static void expect_course(const RepairLayer *row, bool repaired) {
  const Mode *mode = mode_preset("2-0");
  const Element set = {T_CONV1D_SILU, TOKEN, CHANNEL, (float)element};
  Source plain = source_cpu(&s.model),
         mended = source_repaired(&s.arena, &s.model, &plain, LAYER, &set, 1);
  Source *source = repaired ? &mended : &plain;
  Trace trace = {0};
  double *x = ARENA_NEW(&s.arena, double, TOKENS *D), worst = 0;
  source->embed(source, s.test + 4000, TOKENS, &s.arena, &trace);
  Tensor stream = trace.t[T_EMBEDDING];
  for (int layer = 0; layer < s.model.layers; layer++) {
    tensor_values(&stream, x);
    double want =
        relative(block(layer, x, repaired && layer == LAYER ? element : NAN), reference_out[layer]);
    double got = repaired ? row[layer].rel_l2_after : row[layer].rel_l2;
    worst = fmax(worst, fabs(got / want - 1));
    cr_expect(fabs(got / want - 1) < 1e-3, "layer %d%s: %.6g, in float64 %.6g", layer,
              repaired ? ", repaired" : "", got, want);
    if (layer == LAYER) printf("layer %d: %.6g, in float64 %.6g\n", layer, got, want);
    source->block(source, mode, layer, &stream, &s.arena, &trace);
    stream = trace.t[T_BLOCK_OUT];
  }
  printf("2-0%s: all layers within %.1e of float64\n", repaired ? " repaired" : "", worst);
}

Test(repair_course, is_that_of_mode_2_0_written_again_in_float64) {
  s = shipped_first(REWRITE_QUAMBA, LAYERS);
  shipped_calibrate(&s, 16, 512);
  cr_assert(s.checkpoint.config.D == D && s.checkpoint.config.E == E &&
            s.checkpoint.config.N == N && s.checkpoint.config.R == R &&
            s.checkpoint.config.K == TAPS);
  run_reference();
  PromptShape prompt = {"p", s.test + 4000, TOKENS};
  Mode mode = *mode_preset("2-0");
  RepairPlan plan = {"2-0", "fp64", "p", LAYER, "conv1d_silu", TOKEN, CHANNEL};
  Spec spec = {
      .modes = &mode, .mode_count = 1, .prompt_count = 1, .repairs = &plan, .repair_count = 1};
  Subject subject = {
      .weights = s.weights, .model = s.model, .prompt = &prompt, .checkpoint = s.checkpoint};
  Progress quiet = progress_start(true);
  Study study = {.spec = &spec, .subject = &subject, .progress = &quiet};
  EventRows rows;
  Status st = {0};
  cr_assert(events_run(&s.arena, &study, NULL, 0, &rows, &st), "%s", st.text);
  cr_assert(rows.repairs == 1 && rows.layers == (size_t)s.model.layers);
  cr_expect_eq(rows.repair->value_to, element);
  expect_course(rows.layer, false);
  expect_course(rows.layer, true);
}
