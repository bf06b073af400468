/* bounds are not idle: kernels with one thing wrong, each caught by leaving its bound. Every broken
 * kernel is run whole first, on the same inputs: then it must stay inside. */
#include "tests/bounds_cases.h"
#include <omp.h>

typedef void Kernel(Case *c, bool broken);

enum { TRIES = 300 };

static void judge(const Case *c, double *worst) {
  *worst = 0;
  for (int o = 0; o < c->outputs; o++) *worst = fmax(*worst, worst_used(c, o));
}

/* Random cases of the operator that `fits` takes: whole inside the bound, broken outside in at
 * least `share` of them. */
static void expect_caught(Op op, Dist dist, bool (*fits)(const Case *c), Kernel *kernel,
                          double share) {
  int tried = 0, caught = 0;
  double whole, broken, least = INFINITY;
  omp_set_num_threads(1);
  while (tried < TRIES) {
    Case c = random_case(op, dist);
    if (fits && !fits(&c)) continue;
    tried++;
    compute_bounds(&c);
    kernel(&c, false);
    judge(&c, &whole);
    cr_assert(whole <= 1, "%s, %s, T %d, n %d, m %d: whole, it uses %g of its bound", op_name[op],
              dist_name[dist], c.T, c.n, c.m, whole);
    kernel(&c, true);
    judge(&c, &broken);
    caught += broken > 1;
    if (broken > 1) least = fmin(least, broken);
  }
  cr_log_info("caught in %d of %d cases, least excess %.3g bounds\n", caught, tried, least);
  cr_expect(caught >= share * tried && caught > 0, "caught in %d of %d cases only", caught, tried);
}

/* --- conv1d ----------------------------------------------------------------------------------- */

static bool all_taps_meet_a_token(const Case *c) { return c->T >= c->m; }

static void conv1d_without_first_tap(Case *c, bool broken) {
  const Tensor *x = &c->in[X], *w = &c->in[W];
  for (int t = 0; t < c->T; t++)
    for (int e = 0; e < c->n; e++) {
      float bias =
                (float)(element(&c->in[BIAS], (size_t)e) * (c->i8 ? c->in[BIAS].scale.value : 1)),
            sum = c->i8 ? 0 : bias;
      for (int k = broken ? 1 : 0; k < c->m; k++) {
        int from = t - c->m + 1 + k;
        if (from >= 0)
          sum = fmaf((float)element(w, (size_t)(e * c->m + k)),
                     (float)element(x, (size_t)(from * c->n + e)), sum);
      }
      if (c->i8) sum = conv1d_value_i8(sum, w->scale.value * x->scale.value, bias);
      size_t i = (size_t)(t * c->n + e);
      ((float *)c->out[C_PRE].data)[i] = sum;
      if (c->out[C_SILU].format == FORMAT_I8)
        ((int8_t *)c->out[C_SILU].data)[i] = q8_away(silu32(sum), c->out[C_SILU].scale.value);
      else
        ((float *)c->out[C_SILU].data)[i] = silu32(sum);
    }
}

Test(bounds_catch, a_dropped_tap) {
  expect_caught(OP_CONV1D, NORMAL, all_taps_meet_a_token, conv1d_without_first_tap, 0.95);
}

static bool silu_is_i8(const Case *c) { return c->out[C_SILU].format == FORMAT_I8; }

static int8_t q8_truncated(float x, float scale) { return (int8_t)q8_clamped(x, scale); }

static void conv1d_truncating(Case *c, bool broken) {
  run_kernel(c);
  for (size_t i = 0; broken && i < elements(&c->out[C_SILU]); i++)
    ((int8_t *)c->out[C_SILU].data)[i] =
        q8_truncated(silu32(((float *)c->out[C_PRE].data)[i]), c->out[C_SILU].scale.value);
}

Test(bounds_catch, truncation_after_the_convolution) {
  expect_caught(OP_CONV1D, NORMAL, silu_is_i8, conv1d_truncating, 0.9);
}

/* --- quantise --------------------------------------------------------------------------------- */

static void quantise_other_ties(Case *c, bool broken) {
  quantise(&c->in[X], (c->rounding == ROUND_AWAY) != broken ? ROUND_AWAY : ROUND_EVEN, &c->out[0]);
}

/* With these, a quarter of the elements are ties whose whole part is even (away) or odd (even). */
static bool has_ties(const Case *c) {
  int exponent;
  return frexpf(c->out[0].scale.value, &exponent) == 0.5f && elements(&c->in[X]) >= 30;
}

Test(bounds_catch, half_even_where_half_away_is_promised_and_the_other_way) {
  expect_caught(OP_QUANTISE, TIES, has_ties, quantise_other_ties, 0.95);
}

static void quantise_by_reciprocal(Case *c, bool broken) {
  quantise(&c->in[X], c->rounding, &c->out[0]);
  float reciprocal = 1.0f / c->out[0].scale.value;
  for (size_t i = 0; broken && i < elements(&c->in[X]); i++) {
    float r = (float)element(&c->in[X], i) * reciprocal;
    ((int8_t *)c->out[0].data)[i] = c->rounding == ROUND_AWAY ? q8_away(r, 1) : q8_even(r, 1);
  }
}

/* It differs at ties of scales that are no powers of two alone: in a third of the cases or so. */
Test(bounds_catch, a_product_with_the_reciprocal_of_the_scale) {
  expect_caught(OP_QUANTISE, TIES, NULL, quantise_by_reciprocal, 0.1);
}

/* --- scan ------------------------------------------------------------------------------------- */

typedef enum Flaw { NO_FLAW, STATE_LEFT_OUT, STATE_IN_F16, STATE_LOST } Flaw;

static float at(const Tensor *t, int row, int col) {
  size_t i = (size_t)row * (size_t)t->cols + (size_t)col;
  return t->format == FORMAT_I8 ? dq(((const int8_t *)t->data)[i], t->scale.value)
                                : (float)element(t, i);
}

static float kept(float h, Flaw flaw) { return flaw == STATE_IN_F16 ? f32_of_f16(f16_of(h)) : h; }

static void scan_channel(Case *c, int e, Flaw flaw) {
  const Tensor *in = c->in;
  float *state = (float *)c->out[S_STATE].data + e * c->m;
  for (int n = 0; n < c->m; n++) state[n] = 0;
  for (int t = 0; t < c->T; t++) {
    float u = at(&in[S_U], t, e), delta = scan_delta(at(&in[S_DT], t, e), at(&in[S_BIAS], 0, e));
    float y = at(&in[S_D], 0, e) * u;
    for (int n = 0; n < c->m; n++) {
      if (flaw == STATE_LOST && t % 128 == 0) state[n] = 0;
      float a = scan_a(delta, scan_A(at(&in[S_A_LOG], e, n))),
            b = scan_b(delta * u, at(&in[S_B], t, n));
      state[n] = kept(fmaf(a, state[n], b), flaw);
      if (flaw != STATE_LEFT_OUT || n > 0) y = fmaf(state[n], at(&in[S_C], t, n), y);
    }
    size_t i = (size_t)(t * c->n + e);
    float gated = scan_gate(y, at(&in[S_Z], t, e));
    ((float *)c->out[S_DELTA].data)[i] = delta;
    ((float *)c->out[S_Y].data)[i] = y;
    if (c->out[S_GATED].format == FORMAT_F16)
      ((uint16_t *)c->out[S_GATED].data)[i] = f16_of(gated);
    else
      ((float *)c->out[S_GATED].data)[i] = gated;
  }
}

static void scan_with(Case *c, Flaw flaw) {
  for (int e = 0; e < c->n; e++) scan_channel(c, e, flaw);
}

static void scan_leaving_out_a_state(Case *c, bool broken) {
  scan_with(c, broken ? STATE_LEFT_OUT : NO_FLAW);
}
static void scan_with_f16_state(Case *c, bool broken) {
  scan_with(c, broken ? STATE_IN_F16 : NO_FLAW);
}
static void scan_losing_its_state(Case *c, bool broken) {
  scan_with(c, broken ? STATE_LOST : NO_FLAW);
}

static bool sequential(const Case *c) { return c->order == SCAN_SEQUENTIAL; }
static bool sequential_and_long(const Case *c) { return sequential(c) && c->T > 128; }

Test(bounds_catch, a_state_left_out_of_the_sum) {
  expect_caught(OP_SCAN, NORMAL, sequential, scan_leaving_out_a_state, 0.95);
}
Test(bounds_catch, a_float16_state) {
  expect_caught(OP_SCAN, NORMAL, sequential, scan_with_f16_state, 0.9);
}
Test(bounds_catch, a_float16_state_under_slow_decay) {
  expect_caught(OP_SCAN, SLOW_DECAY, sequential, scan_with_f16_state, 0.9);
}
Test(bounds_catch, a_state_that_is_lost_between_chunks) {
  expect_caught(OP_SCAN, SLOW_DECAY, sequential_and_long, scan_losing_its_state, 0.95);
}

/* --- linear ----------------------------------------------------------------------------------- */

static float bf16(float x) {
  uint32_t u = bits_of_f32(x);
  return f32_of_bits((u + 0x7fffu + (u >> 16 & 1u)) & 0xffff0000u);
}

static void linear_in_bf16(Case *c, bool broken) {
  for (int t = 0; t < c->T; t++)
    for (int o = 0; o < c->m; o++) {
      float sum = 0;
      for (int k = 0; k < c->n; k++) {
        sum = fmaf(at(&c->in[X], t, k), at(&c->in[W], o, k), sum);
        if (broken) sum = bf16(sum);
      }
      ((float *)c->out[0].data)[t * c->m + o] = sum;
    }
}

static void linear_in_int16(Case *c, bool broken) {
  for (int t = 0; t < c->T; t++)
    for (int o = 0; o < c->m; o++) {
      int32_t sum = 0;
      for (int k = 0; k < c->n; k++)
        sum += (int32_t)(element(&c->in[X], (size_t)(t * c->n + k)) *
                         element(&c->in[W], (size_t)(o * c->n + k)));
      if (broken) sum = sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum;
      ((float *)c->out[0].data)[t * c->m + o] =
          linear_dequantise(sum, c->in[X].scale.value, c->in[W].scale.value);
    }
}

static uint16_t f16_truncated(float x) {
  uint16_t h = f16_of(x);
  return fabsf(f32_of_f16(h)) > fabsf(x) ? (uint16_t)(h - 1) : h;
}

/* Its f32 result, brought to f16 towards zero. */
static void linear_truncating(Case *c, bool broken) {
  run_kernel(c);
  if (!broken) return;
  Case f32 = *c;
  f32.out[0] = empty(FORMAT_F32, c->T, c->m);
  run_kernel(&f32);
  for (size_t i = 0; i < elements(&c->out[0]); i++)
    ((uint16_t *)c->out[0].data)[i] = f16_truncated(((float *)f32.out[0].data)[i]);
}

static bool floats(const Case *c) { return !c->i8 && c->out[0].format == FORMAT_F32 && c->n > 4; }
static bool int8_to_f32(const Case *c) {
  return c->i8 && c->out[0].format == FORMAT_F32 && c->n > 32;
}
static bool to_f16(const Case *c) { return c->out[0].format == FORMAT_F16; }

Test(bounds_catch, a_sum_in_bf16) { expect_caught(OP_LINEAR, NORMAL, floats, linear_in_bf16, 1); }
Test(bounds_catch, an_int8_sum_that_saturates_at_16_bits) {
  expect_caught(OP_LINEAR, UNIFORM, int8_to_f32, linear_in_int16, 0.5);
}
Test(bounds_catch, f16_by_truncation) {
  expect_caught(OP_LINEAR, NORMAL, to_f16, linear_truncating, 0.9);
}

/* --- rmsnorm, hadamard ------------------------------------------------------------------------ */

static void rmsnorm_without_eps(Case *c, bool broken) {
  Case changed = *c;
  if (broken) changed.eps = 0;
  run_kernel(&changed);
}

static bool noticeable_eps(const Case *c) {
  return c->eps > 1e-7f && c->out[0].format == FORMAT_F32;
}

Test(bounds_catch, a_norm_without_eps) {
  expect_caught(OP_RMSNORM, NORMAL, noticeable_eps, rmsnorm_without_eps, 0.5);
}
Test(bounds_catch, a_norm_without_eps_on_denormals) {
  expect_caught(OP_RMSNORM, DENORMAL, noticeable_eps, rmsnorm_without_eps, 0.9);
}

/* (a + b, b - a) for (a + b, a - b) in the first butterfly is what swapped inputs give. */
static void hadamard_with_a_sign_off(Case *c, bool broken) {
  Case changed = *c;
  size_t size = format_size(c->in[X].format);
  changed.in[X].data =
      memcpy(take(elements(&c->in[X]) * size), c->in[X].data, elements(&c->in[X]) * size);
  if (broken) {
    memcpy(changed.in[X].data, (char *)c->in[X].data + size, size);
    memcpy((char *)changed.in[X].data + size, c->in[X].data, size);
  }
  run_kernel(&changed);
}

static bool has_a_butterfly(const Case *c) {
  return c->n % 2 == 0 && c->out[0].format == FORMAT_F32;
}

Test(bounds_catch, one_butterfly_with_its_sign_off) {
  expect_caught(OP_HADAMARD, NORMAL, has_a_butterfly, hadamard_with_a_sign_off, 1);
}

/* --- functions -------------------------------------------------------------------------------- */

/* What exp32 gives with its coefficient of r^3, 1/6, 2^-17 too great: 46 millionths of it. */
static void exp_with_a_coefficient_off(Case *c, bool broken) {
  for (int i = 0; i < c->n; i++) {
    float x = ((float *)c->in[X].data)[i], y = exp32(x);
    double n = rint(x / 0.6931471805599453), r = x - n * 0.6931471805599453;
    if (broken) y = (float)(y + ldexp(r * r * r * 0x1p-17, (int)n));
    ((float *)c->out[0].data)[i] = y;
  }
}

static void log1p_of_the_sum(Case *c, bool broken) {
  run_kernel(c);
  for (int i = 0; broken && i < c->n; i++)
    ((float *)c->out[0].data)[i] = logf(1.0f + ((float *)c->in[X].data)[i]);
}

static void softplus_of_the_sum(Case *c, bool broken) {
  run_kernel(c);
  for (int i = 0; broken && i < c->n; i++)
    ((float *)c->out[0].data)[i] = logf(1.0f + exp32(((float *)c->in[X].data)[i]));
}

/* The tanh form: equal in exact arithmetic, it cancels for negative x. */
static void silu_by_tanh(Case *c, bool broken) {
  run_kernel(c);
  for (int i = 0; broken && i < c->n; i++) {
    float x = ((float *)c->in[X].data)[i];
    ((float *)c->out[0].data)[i] = 0.5f * x * (1.0f + tanhf(0.5f * x));
  }
}

static bool of_size(const Case *c) { return fabsf(((float *)c->in[X].data)[0]) > 0.5f; }

Test(bounds_catch, an_exp_with_one_coefficient_off) {
  expect_caught(OP_EXP, NORMAL, of_size, exp_with_a_coefficient_off, 0.9);
}
Test(bounds_catch, a_plain_logarithm_for_log1p) {
  expect_caught(OP_LOG1P, UNIFORM, NULL, log1p_of_the_sum, 0.9);
}
Test(bounds_catch, a_plain_logarithm_for_softplus) {
  expect_caught(OP_SOFTPLUS, NORMAL, of_size, softplus_of_the_sum, 0.9);
}
Test(bounds_catch, a_silu_by_tanh) { expect_caught(OP_SILU, NORMAL, of_size, silu_by_tanh, 0.9); }
