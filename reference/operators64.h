/* operators64: the operators of the float64 reference, one by one. Each is written by another route
 * than the kernels' float32 one (stable forms, another order of summation), so that an error of
 * formula in one of the two shows as a difference. All matrices are row-major; a `stride` counts
 * elements from one row to the next; no output may overlap an input unless its function says so.
 * Every buffer belongs to the caller; numbers are float64 without units. Nothing fails: what is not
 * finite goes on as IEEE has it.
 *
 * The arithmetic of each stands here, once for C and for CUDA, and so does the order of its sums:
 * so a token's result is the same bits in a prompt of any length, on any number of threads, on any
 * processor and on a device (a NaN is a NaN; its payload is the hardware's).
 *   linear:  y = sum over k = 0 … in - 1 of w[k] x[k], in that order from 0, each step one fma
 *   rmsnorm: the sum of squares in RMSNORM64_LANES sums, lane l of elements l, l + 32, …, each step
 *            one fma; then lane l plus lane l + 16, 8, 4, 2, 1; D eps on top; y = x / rms gain
 *   conv1d:  from the newest tap back, each step one fma from 0; the bias last
 *   scan:    h <- decay h + (delta u) B, one fma; seen = sum over n = 0 … N - 1 of C h, each step
 *            one fma from 0; y = D u + seen, one fma; gated = y silu(z)
 * Source: the published Mamba model (Gu, Dao 2023) and its Hugging Face implementation's formulas.
 * Error:  of values worked by hand at most 1e-15, relative; 1e-14 behind a SiLU
 *         (tests/test_operators64.c). */
#ifndef DS_REFERENCE_OPERATORS64_H
#define DS_REFERENCE_OPERATORS64_H
#include "reference/math64.h"

REF_FN double linear64_add(double sum, double x, double weight) { return fma(weight, x, sum); }

enum { RMSNORM64_LANES = 32 }; /* of a warp, or of four AVX-512 registers: latency is hidden */
REF_FN double rmsnorm64_add(double sum, double x) { return fma(x, x, sum); }
/* Of squares up to 1e154. `root_D`: sqrt(D). */
REF_FN double rmsnorm64_rms(double squares, int D, double eps, double root_D) {
  return sqrt(fma((double)D, eps, squares)) / root_D;
}
REF_FN double rmsnorm64_value(double x, double rms, double gain) { return x / rms * gain; }

REF_FN double conv1d64_tap(double sum, double weight, double x) { return fma(weight, x, sum); }

REF_FN double scan64_rate(double A_log) { return -exp64(A_log); }
REF_FN double scan64_delta(double dt, double bias) { return softplus64(dt + bias); }
REF_FN double scan64_state(double h, double delta, double rate, double delta_u, double B) {
  return fma(exp64(delta * rate), h, delta_u * B);
}
REF_FN double scan64_see(double seen, double C, double h) { return fma(C, h, seen); }
REF_FN double scan64_out(double seen, double D, double u) { return fma(D, u, seen); }
REF_FN double scan64_gate(double y, double z) { return y * silu64(z); }

/* y [T, out] = x W^T; x [T, in], W [out, in]. */
void linear64(const double *x, int stride, int T, int in, const double *weight, int out, double *y,
              int y_stride);

/* y [T, D] = x / sqrt(mean(x^2) + eps) * gain; gain [D], or NULL: none. */
void rmsnorm64(const double *x, int stride, const double *gain, double eps, int T, int D, double *y,
               int y_stride);

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
