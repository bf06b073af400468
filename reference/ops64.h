/* ops64: every operator of the float64 reference as a call that is data, so that a block, a head
 * and a rewrite are written once (model64.c) and run where the table says. Same operators, same
 * arithmetic, same bits on every backend; only where the matrices live differs: every pointer that
 * a call is given is on that backend, the structs themselves are the caller's. On a device calls
 * are queued in order on one stream, and what goes wrong is kept for whoever waits (cuda64.h).
 * Shapes, units and what may overlap: operators64.h and model64.h; `y` may be `x` where one element
 * comes of one (copy, add, hadamard, scale_columns). */
#ifndef DS_REFERENCE_OPS64_H
#define DS_REFERENCE_OPS64_H
#include <stddef.h>
#include <stdint.h>

#include "reference/operators64.h"

typedef struct Ops64 {
  const char *backend; /* "cpu", "cuda" */
  void *context;       /* what every call is handed; it stays where it is as long as this is used */
  /* y [T, D] = the rows of `table` [vocab, D] that token [T] names, each below vocab. */
  void (*embed)(void *context, const double *table, const int32_t *token, int T, int D, double *y);
  void (*linear)(void *context, const double *x, int stride, int T, int in, const double *weight,
                 int out, double *y, int y_stride);
  void (*rmsnorm)(void *context, const double *x, int stride, const double *gain, double eps, int T,
                  int D, double *y, int y_stride);
  void (*conv1d)(void *context, const double *x, int stride, int T, int E, int K,
                 const double *weight, const double *bias, double *pre, double *silu);
  void (*scan)(void *context, const Scan64 *s);
  /* y [T, n] = H x / sqrt(n), row by row; and x [rows, cols] <- H x / sqrt(rows), in place. */
  void (*hadamard)(void *context, const double *x, int T, int n, double *y);
  void (*hadamard_columns)(void *context, double *x, int rows, int cols);
  /* y [n] = x, and y [n] = a + b. */
  void (*copy)(void *context, const double *x, size_t n, double *y);
  void (*add)(void *context, const double *a, const double *b, size_t n, double *y);
  /* x [rows, cols] <- every row times gain [cols]; y [n] = x rounded to the nearest float32. */
  void (*scale_columns)(void *context, double *x, int rows, int cols, const double *gain);
  void (*round32)(void *context, const double *x, size_t n, float *y);
} Ops64;

extern const Ops64 ops64_cpu;
#endif
