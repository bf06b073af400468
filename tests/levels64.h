/* levels64: the reference's operators once more, compiled for one level of x86-64 alone, which the
 * program chooses when it starts: tests/levels64_v1.c, …_v3.c and …_v4.c define LEVEL and include
 * this. Level 1 has no fused multiply-add (every fma is a call of libm's), 3 has AVX2, 4 AVX-512.
 */
#ifndef DS_TESTS_LEVELS64_H
#define DS_TESTS_LEVELS64_H
#ifdef LEVEL
#define LEVEL_JOIN_(a, b) a##b
#define LEVEL_JOIN(a, b) LEVEL_JOIN_(a, b)
#define LEVEL_NAMED(name) LEVEL_JOIN(name##_v, LEVEL)
#define REF_LEVEL LEVEL
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && LEVEL == 4
#define REF_CLONES __attribute__((target("arch=x86-64-v4")))
#elif defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && LEVEL == 3
#define REF_CLONES __attribute__((target("arch=x86-64-v3")))
#else
#define REF_CLONES
#endif

#define linear64 LEVEL_NAMED(linear64)
#define rmsnorm64 LEVEL_NAMED(rmsnorm64)
#define conv1d64 LEVEL_NAMED(conv1d64)
#define scan64 LEVEL_NAMED(scan64)
#define hadamard64 LEVEL_NAMED(hadamard64)
#define hadamard64_back LEVEL_NAMED(hadamard64_back)
#define hadamard64_columns LEVEL_NAMED(hadamard64_columns)
#define hadamard64_signs LEVEL_NAMED(hadamard64_signs)
#define hadamard64_factor LEVEL_NAMED(hadamard64_factor)
#define ops64_cpu LEVEL_NAMED(ops64_cpu)
#endif

#include "reference/ops64.h"

typedef struct Level64 {
  int level;
  Ops64 ops; /* linear, rmsnorm, conv1d, scan, hadamard, hadamard_columns */
  /* y [n] = the function of x, in a loop that may be vectorised. */
  void (*exp)(const double *x, int n, double *y);
  void (*log1p)(const double *x, int n, double *y);
  void (*softplus)(const double *x, int n, double *y);
  void (*silu)(const double *x, int n, double *y);
} Level64;

extern const Level64 level64_v1, level64_v3, level64_v4;
#endif

#ifdef LEVEL
#include "reference/conv1d64.c"
#include "reference/linear64.c"
#include "reference/ops64.c"
#include "reference/rmsnorm64.c"
#define LANES SCAN_LANES
#include "reference/scan64.c"
#undef LANES
#define LANES HADAMARD_LANES
#include "reference/hadamard64.c"
#undef LANES

REF_CLONES static void loop_exp(const double *x, int n, double *y) {
  for (int i = 0; i < n; i++) y[i] = exp64(x[i]);
}
REF_CLONES static void loop_log1p(const double *x, int n, double *y) {
  for (int i = 0; i < n; i++) y[i] = log1p64(x[i]);
}
REF_CLONES static void loop_softplus(const double *x, int n, double *y) {
  for (int i = 0; i < n; i++) y[i] = softplus64(x[i]);
}
REF_CLONES static void loop_silu(const double *x, int n, double *y) {
  for (int i = 0; i < n; i++) y[i] = silu64(x[i]);
}

const Level64 LEVEL_NAMED(level64) = {LEVEL,
                                      {.backend = "cpu",
                                       .embed = embed,
                                       .linear = linear,
                                       .rmsnorm = rmsnorm,
                                       .conv1d = conv1d,
                                       .scan = scan,
                                       .hadamard = hadamard,
                                       .hadamard_columns = hadamard_columns,
                                       .copy = copy,
                                       .add = add,
                                       .scale_columns = scale_columns,
                                       .round32 = round32},
                                      loop_exp,
                                      loop_log1p,
                                      loop_softplus,
                                      loop_silu};
#endif
