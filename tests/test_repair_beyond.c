/* repair: elements beyond the grid of their tensor, against float64 and the bounds that the
 * operators keep on the same numbers. */
#include <math.h>

#include "draws.h"
#include "reference/bounds.h"
#include "repaired_layer.h"

TestSuite(repair_beyond, .init = begin);

/* Values three times beyond the grid's end and between its codes: a whole row, and single ones
 * elsewhere. */
static int beyond(const Tensor *t, int id, int cols, Element *element) {
  gsl_rng *rng = draws_from((unsigned long)id);
  int count = 0;
  for (int col = 0; col < cols; col++) element[count++] = (Element){.row = 7, .col = col};
  for (int i = 0; i < 40; i++)
    element[count++] = (Element){.row = (int)gsl_rng_uniform_int(rng, TOKENS),
                                 .col = (int)gsl_rng_uniform_int(rng, (unsigned long)cols)};
  for (int i = 0; i < count; i++) {
    element[i].tensor = id;
    element[i].value = (float)(gsl_rng_uniform(rng) - 0.5) * 2 * 3 * 128 * t->scale.value;
  }
  return count;
}

/* Columns 0 … cols - 1 in units of the scale, of int8; the elements in their places. */
static BoundIn codes(const Tensor *t, int first, int cols, const Element *element, int count) {
  double *value = ARENA_NEW(&s.arena, double, (size_t)t->rows *(size_t)cols);
  double unit = t->format == FORMAT_I8 ? (double)t->scale.value : 1;
  for (int r = 0; r < t->rows; r++)
    for (int c = 0; c < cols; c++) {
      size_t from = (size_t)r * (size_t)t->stride + (size_t)(first + c);
      value[(size_t)r * (size_t)cols + (size_t)c] =
          t->format == FORMAT_I8 ? ((const int8_t *)t->data)[from] : tensor_value(t, from);
    }
  for (int i = 0; i < count; i++)
    value[(size_t)element[i].row * (size_t)cols + (size_t)element[i].col] =
        (double)element[i].value / unit;
  return (BoundIn){
      .value = value, .stride = cols, .scale = t->format == FORMAT_I8 ? (double)t->scale.value : 0};
}

static BoundOut room(const Tensor *t) {
  size_t n = (size_t)t->rows * (size_t)t->cols;
  return (BoundOut){.type = t->format == FORMAT_F16  ? BOUND_F16
                            : t->format == FORMAT_I8 ? BOUND_I8_EVEN
                                                     : BOUND_F32,
                    .scale = (double)t->scale.value,
                    .want = ARENA_NEW(&s.arena, double, n),
                    .bound = ARENA_NEW(&s.arena, double, n),
                    .low = ARENA_NEW(&s.arena, double, n),
                    .high = ARENA_NEW(&s.arena, double, n)};
}

/* The bounds are of whole sums, which float32 holds. A sum with an element is not whole and is
 * rounded once more, by half a unit of its last place: 2^-24 of |sum| at most, and `slope` times
 * that in what is made of it; sum + added [cols] is what `of` bounds. */
static void widen(BoundOut *out, const BoundOut *of, const Tensor *t, const float *added,
                  double slope) {
  for (int i = 0; i < t->rows * t->cols; i++) {
    double sum = fabs(of->want[i]) + (added ? fabs((double)added[i % t->cols]) : 0);
    out->bound[i] += slope * sum * 0x1p-24 * (1 + 0x1p-20);
    if (t->format != FORMAT_I8) continue;
    double low = rint((out->want[i] - out->bound[i]) / out->scale),
           high = rint((out->want[i] + out->bound[i]) / out->scale);
    out->low[i] = fmin(out->low[i], fmax(-128, fmin(127, low)));
    out->high[i] = fmax(out->high[i], fmax(-128, fmin(127, high)));
  }
}

static void expect_within(const Tensor *got, const BoundOut *want, const Tensor *was,
                          const char *what) {
  int changed = 0;
  for (int i = 0; i < got->rows * got->cols; i++) {
    double value = tensor_value(got, (size_t)i),
           number = got->format == FORMAT_I8 ? (double)((const int8_t *)got->data)[i] : value;
    changed += value != tensor_value(was, (size_t)i);
    cr_assert_leq(bound_used(want, (size_t)i, number), 1, "%s[%d, %d] is %a, float64 says %a ± %g",
                  what, i / got->cols, i % got->cols, value, want->want[i], want->bound[i]);
  }
  cr_expect_geq(changed, got->cols, "%s: the elements changed %d values", what, changed);
}

static Tensor linear_weight(const Linear *w) {
  int8_t *code = ARENA_NEW(&s.arena, int8_t, (size_t)w->out * (size_t)w->in);
  for (int row = 0; row < w->out; row++) linear_unpack(w, row, code + (size_t)row * (size_t)w->in);
  return tensor_of(code, FORMAT_I8, w->out, w->in, w->scale);
}

static void expect_linear_within(const char *mode, int in, int weight, int out) {
  Trace was = plain(mode_preset(mode));
  const Tensor *x = &was.t[in];
  Element *element = ARENA_NEW(&s.arena, Element, x->cols + 40);
  int count = beyond(x, in, x->cols, element);
  Trace got = repaired(mode_preset(mode), element, count);
  Tensor w = linear_weight(&s.model.layer[LAYER].i8[weight].linear);
  BoundIn codes_x = codes(x, 0, x->cols, element, count), codes_w = codes(&w, 0, w.cols, NULL, 0);
  BoundOut want = room(&got.t[out]);
  bound_linear(&codes_x, TOKENS, x->cols, &codes_w, w.rows, &want);
  widen(&want, &want, &got.t[out], NULL, 1);
  expect_within(&got.t[out], &want, &was.t[out], family_mamba1.tensors.info[out].name);
}

Test(repair_beyond, a_linear_makes_of_values_beyond_the_grid_what_float64_makes_of_them) {
  expect_linear_within("2-0", T_NORM, W_IN_PROJ, T_IN_PROJ);          /* to int8 */
  expect_linear_within("3", T_NORM, W_IN_PROJ, T_IN_PROJ);            /* to float32 */
  expect_linear_within("2-4", T_OUT_PROJ_IN, W_OUT_PROJ, T_OUT_PROJ); /* to float16 */
  expect_linear_within("2-0", T_X_PROJ_IN, W_X_PROJ, T_X_PROJ);
  expect_linear_within("0", T_X_PROJ_IN, W_X_PROJ,
                       T_X_PROJ); /* which is conv1d_silu and scan_in too */
}

Test(repair_beyond, a_convolution_makes_of_values_beyond_the_grid_what_float64_makes_of_them) {
  const Mode *mode = mode_preset("2-4");
  const int E = s.model.config.E, K = s.model.config.K;
  Trace was = plain(mode);
  const Tensor *x = &was.t[T_IN_PROJ];
  Element *element = ARENA_NEW(&s.arena, Element, E + 40);
  int count = beyond(x, T_IN_PROJ, E, element);
  Trace got = repaired(mode, element, count);
  const Prepared *w = s.model.layer[LAYER].i8;
  BoundIn codes_x = codes(x, 0, E, element, count),
          weight = codes(&w[W_CONV].values, 0, K, NULL, 0),
          bias = codes(&w[W_CONV_BIAS].values, 0, E, NULL, 0);
  BoundOut pre = room(&got.t[T_CONV1D]), silu = room(&got.t[T_CONV1D_SILU]);
  bound_conv1d(&codes_x, TOKENS, E, K, &weight, &bias, &pre, &silu);
  float *added = ARENA_NEW(&s.arena, float, E);
  Tensor wide = tensor_of(added, FORMAT_F32, 1, E, 0);
  dequantise(&w[W_CONV_BIAS].values, &wide);
  widen(&silu, &pre, &got.t[T_CONV1D_SILU], added, 1.1); /* silu is nowhere steeper */
  widen(&pre, &pre, &got.t[T_CONV1D], added, 1);
  expect_within(&got.t[T_CONV1D], &pre, &was.t[T_CONV1D], "conv1d");
  expect_within(&got.t[T_CONV1D_SILU], &silu, &was.t[T_CONV1D_SILU], "conv1d_silu");
}

/* The scan's inputs but u are those of the plain layer: scan_in is set for the scan alone. */
static void expect_scan_within(const char *preset, int lanes, int items) {
  const Mode *mode = mode_preset(preset);
  const Config *c = &s.model.config;
  Trace was = plain(mode);
  const Tensor *t = was.t, *u = &t[T_SCAN_IN];
  Element *element = ARENA_NEW(&s.arena, Element, c->E + 40);
  int count = beyond(u, T_SCAN_IN, c->E, element);
  Trace got = repaired(mode, element, count);
  float *dequantised = ARENA_NEW(&s.arena, float, (size_t)TOKENS *(size_t)c->E);
  Tensor wide = tensor_of(dequantised, FORMAT_F32, TOKENS, c->E, 0);
  dequantise(u, &wide);
  const Prepared *w = s.model.layer[LAYER].i8;
  BoundScan b = {.T = TOKENS,
                 .E = c->E,
                 .N = c->N,
                 .u = codes(&wide, 0, c->E, element, count),
                 .dt = codes(&t[T_DT_PROJ], 0, c->E, NULL, 0),
                 .z = codes(&t[T_IN_PROJ], c->E, c->E, NULL, 0),
                 .B = codes(&t[T_X_PROJ], c->R, c->N, NULL, 0),
                 .C = codes(&t[T_X_PROJ], c->R + c->N, c->N, NULL, 0),
                 .A_log = codes(&w[W_A_LOG].values, 0, c->N, NULL, 0),
                 .D = codes(&w[W_D].values, 0, c->E, NULL, 0),
                 .dt_bias = codes(&w[W_DT_BIAS].values, 0, c->E, NULL, 0),
                 .lanes = lanes,
                 .items = items,
                 .delta = room(&t[T_DELTA]),
                 .y = room(&t[T_SCAN]),
                 .gated = room(&t[T_GATED]),
                 .state = room(&t[T_SSM_STATE])};
  void *working = malloc(bound_scan_room(b.T));
  bound_scan(&b, working);
  free(working);
  expect_within(&got.t[T_SCAN], &b.y, &t[T_SCAN], "scan");
  expect_within(&got.t[T_GATED], &b.gated, &t[T_GATED], "gated");
  expect_within(&got.t[T_SSM_STATE], &b.state, &t[T_SSM_STATE], "ssm_state");
  cr_expect(memcmp(got.t[T_X_PROJ].data, t[T_X_PROJ].data,
                   (size_t)TOKENS * (size_t)t[T_X_PROJ].cols) == 0,
            "x_proj read what was set for the scan");
  cr_expect(memcmp(got.t[T_CONV1D_SILU].data, t[T_CONV1D_SILU].data, 64) == 0);
}

Test(repair_beyond, a_scan_makes_of_values_beyond_the_grid_what_float64_makes_of_them) {
  ScanChunk chunk = scan_chunk(TOKENS);
  expect_scan_within("2-0", chunk.lanes, chunk.items); /* blocked; scan_in is quantised again */
  expect_scan_within("0", chunk.lanes,
                     chunk.items); /* scan_in, x_proj_in and conv1d_silu are one tensor */
  expect_scan_within("2-1", 0, 0); /* sequential */
}

Test(repair_beyond, its_layer_takes_no_more_memory_than_is_said) {
  const int E = s.model.config.E;
  Element *element = ARENA_NEW(&s.arena, Element, E + 40);
  Trace was = plain(mode_preset("0"));
  int count = beyond(&was.t[T_SCAN_IN], T_SCAN_IN, E, element);
  const Source cpu = source_cpu(&s.model);
  Source source = source_repaired(&s.arena, &s.model, &cpu, LAYER, element, count);
  Arena tight = s.arena;
  tight.next = arena_room(&s.arena, 64, 1);
  tight.end = tight.next + block_bytes(&s.model.config, TOKENS) +
              source_repaired_bytes(&s.model.config, TOKENS, count);
  Trace trace;
  source.block(&source, mode_preset("0"), LAYER, &stream, &tight, &trace);
}
