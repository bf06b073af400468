/* bounds: what is common to all operators: how a result is brought to its type, and how much of a
 * bound was used; and the operators that are one step, the float32 functions and the
 * quantisation. */
#include "reference/bounds.h"

#include "reference/approx.h"

static void put_f16(const BoundOut *out, size_t i, Approx x) {
  double m = fabs(x.v) + x.e;
  if (m < FLOAT16_OVERFLOW) {
    out->want[i] = x.v;
    out->bound[i] = (x.e + half_ulp16(m)) * (1 + SLACK);
  } else if (fabs(x.v) - x.e >= FLOAT16_OVERFLOW) {
    out->want[i] = copysign(INFINITY, x.v);
    out->bound[i] = 0;
  } else {
    out->want[i] = x.v;
    out->bound[i] = INFINITY;
  }
}

/* The whole number that q8 makes of x: dividing, rounding and clamping never change the order of
 * two numbers, so this holds between those of the ends. A quotient of two float32 numbers rounded
 * to float64, then to float32, is the quotient rounded to float32 at once. */
static double whole(const BoundOut *out, double x) {
  double r = (float)fmin(fmax(x / out->scale, -1000),
                         1000); /* a float whatever x is; the clamp proper comes last */
  r = out->type == BOUND_I8_EVEN ? nearbyint(r) : round(r);
  return fmin(fmax(r, -128), 127);
}

static void put_i8(const BoundOut *out, size_t i, Approx x) {
  out->want[i] = x.v;
  if (!(x.e < INFINITY)) {
    out->bound[i] = INFINITY;
    out->low[i] = -128;
    out->high[i] = 127;
    return;
  }
  double ratio =
      fmin((fabs(x.v) + x.e) / out->scale, 128); /* further out, 127 or -128 is what comes out */
  double step = out->scale * (0.5 + half_ulp32(ratio) + SLACK * ratio);
  double cut =
      fmax(x.v - 127 * out->scale, -128 * out->scale - x.v); /* what saturation takes away */
  out->bound[i] = x.e + fmax(step, cut) * (1 + SLACK);
  out->low[i] = whole(out, x.v - x.e);
  out->high[i] = whole(out, x.v + x.e);
}

void bound_put(const BoundOut *out, size_t i, Approx x) {
  switch (out->type) {
    case BOUND_F32:
      out->want[i] = x.v;
      out->bound[i] = x.e;
      break;
    case BOUND_F16: put_f16(out, i, x); break;
    case BOUND_I8_AWAY:
    case BOUND_I8_EVEN: put_i8(out, i, x); break;
  }
}

double bound_used(const BoundOut *out, size_t i, double got) {
  double want = out->want[i], bound = out->bound[i];
  if (out->type == BOUND_I8_AWAY || out->type == BOUND_I8_EVEN) {
    if (!(got >= out->low[i] && got <= out->high[i])) return INFINITY;
    got *= out->scale;
  }
  if (bound == INFINITY || got == want) return 0;
  double used = fabs(got - want) / bound;
  return isnan(used) ? INFINITY : used;
}

void bound_scalar(BoundFunction f, const double *x, size_t n, const BoundOut *y) {
  static Approx (*const function[])(Approx) = {[BOUND_EXP] = approx_exp,
                                               [BOUND_LOG1P] = approx_log1p,
                                               [BOUND_SOFTPLUS] = approx_softplus,
                                               [BOUND_SILU] = approx_silu};
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i++) bound_put(y, i, function[f](exactly(x[i])));
}

void bound_quantise(const BoundIn *x, int T, int cols, const BoundOut *y) {
#pragma omp parallel for schedule(static)
  for (int t = 0; t < T; t++)
    for (int c = 0; c < cols; c++)
      bound_put(y, (size_t)t * (size_t)cols + (size_t)c, bound_take(x, t, c));
}
