/* bounds: for every operator the float64 result and, computed along with it, a bound on the
 * absolute error that the operator's own float32 arithmetic may make on the same inputs, whatever
 * those are. A result outside it is a bug.
 *
 * What is counted: half a unit of the last place for each fmaf, product, sum, quotient and square
 * root, in the order that belongs to the operator (subnormals included); the stated error of exp32,
 * log1p32, softplus32 and silu32; the rounding of a dequantised input and of an f16 output; half a
 * scale and what saturates for an int8 output; and what all later steps make of these. What float64
 * itself rounds is counted too. Nothing is estimated: each step's bound is a theorem about that
 * step (approx.h), so the whole is one.
 *
 * Source: standard rounding analysis (Higham, Accuracy and Stability of Numerical Algorithms), step
 * by step.
 * Error:  no output of any kernel was beyond its bound, of 12,000 random cases of every operator
 *         and kind of input (tests/test_bounds.c); a kernel that is broken on purpose is
 *         (tests/test_bounds_broken.c).
 *
 * Matrices are row-major, every buffer belongs to the caller, no output may overlap an input.
 * Numbers are float64; a bound has the unit of what it bounds. Nothing fails: where nothing can be
 * promised, the bound is infinite. Results are the same for any number of threads. */
#ifndef DS_REFERENCE_BOUNDS_H
#define DS_REFERENCE_BOUNDS_H
#include <stdbool.h>
#include <stddef.h>

/* What an operator reads: the very numbers that the kernel reads. */
typedef struct BoundIn {
  const double *value; /* [rows, cols]; NULL where an operator may go without it */
  int stride;          /* elements from one row to the next */
  double scale; /* 0: float values. Else int8: value holds whole numbers -128 … 127, each meaning
                   value * scale */
} BoundIn;

typedef enum BoundType { BOUND_F32, BOUND_F16, BOUND_I8_AWAY, BOUND_I8_EVEN } BoundType;

/* What an operator writes, [rows, cols] without gaps. */
typedef struct BoundOut {
  BoundType type;
  double scale; /* int8 types: the scale of the output */
  double *want,
      *bound; /* the float64 result, before any quantisation; bound on |got - want|. An infinite
                 bound says that nothing is promised: float32 may overflow on the way, or an input
                 is not finite. Where an f16 must be infinite, so is want, with bound 0 */
  double *low, *high; /* int8 types: the least and the greatest whole number that may come out,
                         mostly the same one; else not touched, may be NULL */
} BoundOut;

/* The part of its bound that element i uses: |got - want| / bound; above 1 (infinity where the
 * bound is 0, or an int8 is not within low … high) is a bug. `got` is the number that the kernel
 * wrote: for int8 types the whole number, before its scale. 0 where nothing is promised; NaN counts
 * as infinitely wrong. */
double bound_used(const BoundOut *out, size_t i, double got);

/* The float32 functions, elementwise on n float32 numbers. */
typedef enum BoundFunction { BOUND_EXP, BOUND_LOG1P, BOUND_SOFTPLUS, BOUND_SILU } BoundFunction;
void bound_scalar(BoundFunction f, const double *x, size_t n, const BoundOut *y);

/* y [T, cols], int8, of x [T, cols], float32 or f16 numbers. */
void bound_quantise(const BoundIn *x, int T, int cols, const BoundOut *y);

/* y [T, out] = x [T, in] W^T, W [out, in]; both float (fmaf, k = 0 … in-1) or both int8 (exact
 * sum). */
void bound_linear(const BoundIn *x, int T, int in, const BoundIn *weight, int out,
                  const BoundOut *y);

/* y [T, D] = x / sqrt(mean(x^2) + eps) * gain; gain [D] or value NULL. Squares are summed in 16
 * lanes, then by halves. */
void bound_rmsnorm(const BoundIn *x, const BoundIn *gain, double eps, int T, int D,
                   const BoundOut *y);

/* y [T, n] = H x / sqrt(n). `room`: bound_hadamard_room bytes, aligned as a double is. */
size_t bound_hadamard_room(int n);
void bound_hadamard(const BoundIn *x, int T, int n, const BoundOut *y, void *room);

/* x [T, E], weight [E, K], bias [E], all float or all int8 -> pre [T, E] (f32, before SiLU) and
 * silu [T, E]. */
void bound_conv1d(const BoundIn *x, int T, int E, int K, const BoundIn *weight, const BoundIn *bias,
                  const BoundOut *pre, const BoundOut *silu);

typedef struct BoundScan {
  int T, E, N;
  BoundIn u, dt, z;   /* [T, E] */
  BoundIn B, C;       /* [T, N] */
  BoundIn A_log;      /* [E, N] */
  BoundIn D, dt_bias; /* [E] */
  int lanes, items; /* the chunk of the blocked order, lanes in warps of 32; lanes 0: the sequential
                       order */
  BoundOut delta, y; /* [T, E], f32; y is before the gate */
  BoundOut gated;    /* [T, E], f32 or f16 */
  BoundOut state;    /* [E, N], f32, after the last token */
  BoundOut states;   /* [T, E, N], f32: the state after every token; want NULL: not asked for */
} BoundScan;
/* `room`: bound_scan_room bytes, aligned as a double is: some for each thread. */
size_t bound_scan_room(int T);
void bound_scan(const BoundScan *s, void *room);

#endif
