/* hadamard64: x [T, n] <- H x / sqrt(n) in float64, row by row and in place, H = P (x) H_2^k, element i = p 2^k + j.
 *
 * P of order 12 and 20 is Paley's first construction (q = 11, 19), of order 28 his second (q = 13). With chi the
 * quadratic character mod q and Q[i][j] = chi(i - j): first,  order q + 1:      P = I + [[0, 1^T], [-1, Q]] second,
 * order 2 (q + 1):  C = [[0, 1^T], [1, Q]],  P = C (x) [[1, 1], [1, -1]] + I (x) [[1, -1], [-1, -1]] Another order than
 * the kernels': P goes first, then the halvings from the widest stride down, then a true division. */
#include <assert.h>
#include <math.h>
#include <stddef.h>

#include "reference/model64.h"

enum { MAX_ORDER = HADAMARD64_MAX_ORDER, MAX_Q = 19 };

typedef struct Paley {
  int order;
  double sign[MAX_ORDER][MAX_ORDER];
} Paley;

/* chi: 0 for 0, +1 for the squares mod q, -1 for the rest. */
static void character(int q, int chi[MAX_Q]) {
  chi[0] = 0;
  for (int r = 1; r < q; r++) chi[r] = -1;
  for (int r = 1; r < q; r++) chi[r * r % q] = 1;
}

/* Entry (i, j) of [[0, 1^T], [border, Q]]. */
static int bordered(const int *chi, int q, int border, int i, int j) {
  if (i == 0) return j > 0;
  return j == 0 ? border : chi[(i - j + q) % q];
}

static Paley paley(int order) {
  static const int double_C[2][2] = {{1, 1}, {1, -1}}, double_I[2][2] = {{1, -1}, {-1, -1}};
  const bool second = order == 28;
  const int q = second ? order / 2 - 1 : order - 1;
  int chi[MAX_Q];
  character(q, chi);
  Paley P = {.order = order};
  for (int i = 0; i < order; i++)
    for (int j = 0; j < order; j++)
      P.sign[i][j] = second ? bordered(chi, q, 1, i / 2, j / 2) * double_C[i % 2][j % 2] +
                                  (i / 2 == j / 2) * double_I[i % 2][j % 2]
                            : bordered(chi, q, -1, i, j) + (i == j);
  return P;
}

/* x [order, width] <- P x. */
static void apply_paley(const Paley *P, double *x, int width) {
  for (int j = 0; j < width; j++) {
    double column[MAX_ORDER];
    for (int p = 0; p < P->order; p++) column[p] = x[(ptrdiff_t)p * width + j];
    for (int p = 0; p < P->order; p++) {
      double sum = 0;
      for (int c = 0; c < P->order; c++) sum += P->sign[p][c] * column[c];
      x[(ptrdiff_t)p * width + j] = sum;
    }
  }
}

/* x [n] <- H_2^k x, n = 2^k, by halves: H_2n [a; b] = [H_n (a + b); H_n (a - b)]. */
static void halve(double *x, int n) {
  if (n == 1) return;
  double *upper = x + n / 2;
  for (int j = 0; j < n / 2; j++) {
    const double a = x[j], b = upper[j];
    x[j] = a + b;
    upper[j] = a - b;
  }
  halve(x, n / 2);
  halve(upper, n / 2);
}

void hadamard64_signs(int order, double *sign) {
  const Paley P = order > 1 ? paley(order) : (Paley){.order = 1, .sign = {{1}}};
  for (int i = 0; i < order; i++)
    for (int j = 0; j < order; j++) sign[i * order + j] = P.sign[i][j];
}

int hadamard64_factor(int n) {
  static const int orders[] = {1, 12, 20, 28};
  if (n > HADAMARD64_MAX_N) return 0;
  for (int i = 0; i < 4; i++) {
    const int width = n / orders[i];
    if (n > 0 && n % orders[i] == 0 && (width & (width - 1)) == 0) return orders[i];
  }
  return 0;
}

void hadamard64(double *x, int T, int n) {
  const int order = hadamard64_factor(n);
  assert(order);
  const int width = n / order;
  const Paley P = order > 1 ? paley(order) : (Paley){.order = 1};
  const double length = sqrt(n);
#pragma omp parallel for schedule(static)
  for (int t = 0; t < T; t++) {
    double *row = x + (ptrdiff_t)t * n;
    if (order > 1) apply_paley(&P, row, width);
    for (int p = 0; p < order; p++) halve(row + (ptrdiff_t)p * width, width);
    for (int i = 0; i < n; i++) row[i] /= length;
  }
}
