#include "kernels/peak.h"

#include <math.h>
#include <string.h>

#include "kernels/level.h"
#include "kernels/math32.h"
#include "kernels/tile_f32.h"
#include "kernels/tile_i8.h"

/* Sums at once: an fma takes 4 cycles and two start in each, so 8; of 16 registers 12 are left. */
enum { SUMS_AT_ONCE = 12, EXPS = 1024 };

/* The compiler knows nothing of what is in memory from here on. */
static inline void forget(void) { __asm__ volatile("" ::: "memory"); }

#if defined(__AVX512F__)
typedef __m512d Lanes64;
enum { LANES_64 = 8 };
ROOM_FN Lanes64 all_64(double x) { return _mm512_set1_pd(x); }
ROOM_FN Lanes64 add_64(Lanes64 sum, Lanes64 x) { return _mm512_fmadd_pd(sum, x, x); }
ROOM_FN double one_64(Lanes64 x) { return _mm512_cvtsd_f64(x); }
#elif defined(__AVX2__) && defined(__FMA__)
typedef __m256d Lanes64;
enum { LANES_64 = 4 };
ROOM_FN Lanes64 all_64(double x) { return _mm256_set1_pd(x); }
ROOM_FN Lanes64 add_64(Lanes64 sum, Lanes64 x) { return _mm256_fmadd_pd(sum, x, x); }
ROOM_FN double one_64(Lanes64 x) { return _mm256_cvtsd_f64(x); }
#else
typedef double Lanes64;
enum { LANES_64 = 1 };
ROOM_FN Lanes64 all_64(double x) { return x; }
ROOM_FN Lanes64 add_64(Lanes64 sum, Lanes64 x) { return fma(sum, x, x); }
ROOM_FN double one_64(Lanes64 x) { return x; }
#endif

static double fma32(int rounds, volatile double *kept) {
  Lanes sum[SUMS_AT_ONCE], x = lanes_all(0.5f);
#pragma GCC unroll 12
  for (int i = 0; i < SUMS_AT_ONCE; i++) sum[i] = lanes_all((float)i);
  for (int round = 0; round < rounds; round++)
#pragma GCC unroll 12
    for (int i = 0; i < SUMS_AT_ONCE; i++) sum[i] = lanes_add(x, sum[i], x);
  float out[LANES];
#pragma GCC unroll 12
  for (int i = 0; i < SUMS_AT_ONCE; i++) lanes_store(out, sum[i]), *kept = out[0];
  return (double)rounds * SUMS_AT_ONCE * LANES;
}

static double fma64(int rounds, volatile double *kept) {
  Lanes64 sum[SUMS_AT_ONCE], x = all_64(0.5);
#pragma GCC unroll 12
  for (int i = 0; i < SUMS_AT_ONCE; i++) sum[i] = all_64(i);
  for (int round = 0; round < rounds; round++)
#pragma GCC unroll 12
    for (int i = 0; i < SUMS_AT_ONCE; i++) sum[i] = add_64(sum[i], x);
#pragma GCC unroll 12
  for (int i = 0; i < SUMS_AT_ONCE; i++) *kept = one_64(sum[i]);
  return (double)rounds * SUMS_AT_ONCE * LANES_64;
}

/* One group of k of each of the tile's rows: x is read anew each round, w stays. */
static double i8(int rounds, volatile double *kept) {
  XGroup x[ROWS_I8];
  int8_t w[VECTORS_I8][SUMS * GROUP];
  int32_t out[ROWS_I8][VECTORS_I8][SUMS];
  Sums sum[ROWS_I8][VECTORS_I8];
  Weights weights[VECTORS_I8];
  memset(x, 1, sizeof x);
  memset(w, 1, sizeof w);
  memset(out, 0, sizeof out);
  __asm__ volatile("" : "+m"(w), "+m"(out)); /* no two sums are known to be the same */
#pragma GCC unroll 2
  for (int v = 0; v < VECTORS_I8; v++) {
    weights[v] = weights_load(w[v]);
#pragma GCC unroll 16
    for (int r = 0; r < ROWS_I8; r++) sum[r][v] = sums_load(out[r][v]);
  }
  for (int round = 0; round < rounds; round++) {
    __asm__ volatile("" : "+m"(x));
#pragma GCC unroll 16
    for (int r = 0; r < ROWS_I8; r++) {
      const XAll all = x_all(&x[r]);
#pragma GCC unroll 2
      for (int v = 0; v < VECTORS_I8; v++) sum[r][v] = sums_add(sum[r][v], all, weights[v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < ROWS_I8; r++)
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS_I8; v++) sums_store(out[r][v], sum[r][v]), *kept = out[r][v][0];
  return (double)rounds * ROWS_I8 * VECTORS_I8 * SUMS * GROUP;
}

static double exps(int rounds, volatile double *kept) {
  float x[EXPS], y[EXPS];
  for (int i = 0; i < EXPS; i++) x[i] = -0.01f * (float)i;
  for (int round = 0; round < rounds; round++) {
    forget();
    for (int i = 0; i < EXPS; i++) y[i] = exp32_near(x[i]);
    *kept = y[round % EXPS];
  }
  return (double)rounds * EXPS;
}

double ROOM_LEVEL(peak_work)(Peak kind, int rounds) {
  volatile double kept = 0;
  switch (kind) {
    case PEAK_FMA32: return fma32(rounds, &kept);
    case PEAK_FMA64: return fma64(rounds, &kept);
    case PEAK_I8: return i8(rounds, &kept);
    case PEAK_EXP: return exps(rounds, &kept);
    case PEAK_COUNT: break;
  }
  return 0;
}
