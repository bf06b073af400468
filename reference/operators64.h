/* operators64: the operators of the float64 reference, one by one. Each is written by another route
 * than the kernels' float32 one (library functions, stable forms, other orders of summation), so
 * that an error of formula in one of the two shows as a difference. All matrices are row-major; a
 * `stride` counts elements from one row to the next; no output may overlap an input unless its
 * function says so. Every result is the same for any number of threads. Every buffer belongs to the
 * caller; numbers are float64 without units. Nothing fails: what is not finite goes on as IEEE has
 * it.
 * Source: the published Mamba model (Gu, Dao 2023) and its Hugging Face implementation's formulas.
 * Error:  of values worked by hand at most 1e-15, relative; 1e-14 behind a SiLU
 * (tests/test_operators64.c). */
#ifndef DS_REFERENCE_OPERATORS64_H
#define DS_REFERENCE_OPERATORS64_H
#include <math.h>

/* x / (1 + e^-x), with an exponential that cannot overflow; NaN at -infinity, as the plain formula
 * gives. */
static inline double silu64(double x) {
  if (x >= 0) return x / (1 + exp(-x));
  const double e = exp(x);
  return x * e / (1 + e);
}

/* log(1 + e^x), and x itself above 20: the model's definition, 2e-9 below the logarithm at the
 * seam. */
static inline double softplus64(double x) { return x > 20 ? x : fmax(x, 0) + log1p(exp(-fabs(x))); }

/* y [T, out] = x W^T; x [T, in], W [out, in]. */
void linear64(const double *x, int stride, int T, int in, const double *weight, int out, double *y,
              int y_stride);

/* y [T, D] = x / sqrt(mean(x^2) + eps) * gain; gain [D], or NULL: none. */
void rmsnorm64(const double *x, const double *gain, double eps, int T, int D, double *y);

/* pre [T, E] = bias + causal depthwise convolution of x [T, E] with weight [E, K], zeros before the
 * first token; silu [T, E] = silu(pre). bias [E], or NULL: none. */
void conv1d64(const double *x, int stride, int T, int E, int K, const double *weight,
              const double *bias, double *pre, double *silu);

typedef struct Scan64 {
  int T, E, N;
  const double *u;     /* [T, E] */
  const double *dt;    /* [T, E], before bias and softplus */
  const double *B, *C; /* [T, N], rows BC_stride apart */
  int BC_stride;
  const double *z; /* [T, E], rows z_stride apart */
  int z_stride;
  const double *A_log;   /* [E, N] */
  const double *D;       /* [E] */
  const double *dt_bias; /* [E] */
  double *delta;         /* out [T, E]: softplus(dt + bias) */
  double *y;             /* out [T, E], before the gate */
  double *gated;         /* out [T, E]: y silu(z) */
  double *state;         /* out [E, N], after the last token; zero where T is 0 */
} Scan64;

/* The selective scan from state zero: h <- exp(-delta e^A_log) h + delta u B, y = D u + C h. */
void scan64(const Scan64 *s);
#endif
