/* hadamard64: x [T, n] <- H x / sqrt(n) in float64, row by row and in place, H = P (x) H_2^k,
 * element i = p 2^k + j.
 *
 * P of order 12 and 20 is Paley's first construction (q = 11, 19), of order 28 his second (q = 13).
 * With chi the quadratic character mod q and Q[i][j] = chi(i - j):
 *   first,  order q + 1:      P = I + [[0, 1^T], [-1, Q]]
 *   second, order 2 (q + 1):  C = [[0, 1^T], [1, Q]],
 *                             P = C (x) [[1, 1], [1, -1]] + I (x) [[1, -1], [-1, -1]]
 * Another order than the kernels': P goes first, then the halvings from the widest stride down,
 * then a true division. */
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "reference/model64.h"
#include "reference/room.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum { MAX_ORDER = HADAMARD64_MAX_ORDER, MAX_Q = 19 };
enum {
  LANES = 8 /* a cache line */,
  SUMS = 4 /* divides 12, 20 and 28 */,
  SMALL = 1 << 14 /* values; below, one thread */
};

typedef struct Paley {
  int order;
  bool turned; /* P^T */
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

static void fill_signs(Paley *P) {
  static const int double_C[2][2] = {{1, 1}, {1, -1}}, double_I[2][2] = {{1, -1}, {-1, -1}};
  const bool second = P->order == 28;
  const int q = second ? P->order / 2 - 1 : P->order - 1;
  int chi[MAX_Q];
  character(q, chi);
  for (int i = 0; i < P->order; i++)
    for (int j = 0; j < P->order; j++)
      P->sign[i][j] = second ? bordered(chi, q, 1, i / 2, j / 2) * double_C[i % 2][j % 2] +
                                   (i / 2 == j / 2) * double_I[i % 2][j % 2]
                             : bordered(chi, q, -1, i, j) + (i == j);
}

static void turn_signs(Paley *P) {
  for (int i = 0; i < P->order; i++)
    for (int j = 0; j < i; j++) {
      const double sign = P->sign[i][j];
      P->sign[i][j] = P->sign[j][i];
      P->sign[j][i] = sign;
    }
}

/* Each thread keeps the one that it asked for last: a call for a few rows would spend its time on
 * making it. */
static const Paley *paley_of(int order, bool turned) {
  static _Thread_local Paley last = {.order = 1, .sign = {{1}}};
  assert(order);
  if (last.order == order && last.turned == turned) return &last;
  last = (Paley){.order = order, .turned = turned, .sign = {{1}}};
  if (order > 1) fill_signs(&last);
  if (turned) turn_signs(&last);
  return &last;
}

static const Paley *paley(int order) { return paley_of(order, false); }

/* --- four lanes: neighbours of a row, or of a panel of columns, that go through the same steps ---
 * As a type of the compiler: left to itself it unrolls loops of four and keeps no sum in a
 * register. */
typedef double Four __attribute__((vector_size(32), aligned(8), may_alias));

ALWAYS_INLINE Four *four(double *x) { return (Four *)x; }

/* y[p y_step + lane] <- sum over c = 0 … order - 1 of P[p][c] x[c x_step + lane], in that order
 * from 0, of eight lanes; y may be x. Four sums of them fill eight of AVX2's sixteen registers, and
 * hide the latency of an addition. */
ALWAYS_INLINE void paley_lanes(const Paley *P, double *x, ptrdiff_t x_step, double *y,
                               ptrdiff_t y_step) {
  Four column[MAX_ORDER][2];
  for (int c = 0; c < P->order; c++)
    column[c][0] = *four(x + c * x_step), column[c][1] = *four(x + c * x_step + 4);
  for (int p = 0; p < P->order; p += SUMS) {
    Four sum[SUMS][2] = {{{0}}};
    for (int c = 0; c < P->order; c++)
      for (int s = 0; s < SUMS; s++) {
        sum[s][0] += P->sign[p + s][c] * column[c][0];
        sum[s][1] += P->sign[p + s][c] * column[c][1];
      }
    for (int s = 0; s < SUMS; s++)
      *four(y + (p + s) * y_step) = sum[s][0], *four(y + (p + s) * y_step + 4) = sum[s][1];
  }
}

/* The halvings of `count` rows of four, count 2, 4 or 8, in registers: H_count. */
ALWAYS_INLINE void halve_lanes(double *x, ptrdiff_t step, int count) {
  Four row[8];
  for (int k = 0; k < count; k++) row[k] = *four(x + k * step);
  for (int stride = count / 2; stride; stride /= 2)
    for (int k = 0; k < count; k++) {
      if (k & stride) continue;
      const Four a = row[k], b = row[k + stride];
      row[k] = a + b;
      row[k + stride] = a - b;
    }
  for (int k = 0; k < count; k++) *four(x + k * step) = row[k];
}

/* The halvings of x [n] as far as strides of `least` and more, powers of two. Up to three strides
 * at once, so that a value is loaded and stored once for them. */
ALWAYS_INLINE void halve_wide(double *x, ptrdiff_t n, ptrdiff_t least) {
  for (ptrdiff_t block = n, part; block > least; block = part) {
    const int count = block >= 8 * least ? 8 : (int)(block / least);
    part = block / count;
    for (ptrdiff_t at = 0; at < n; at += block)
      for (ptrdiff_t j = at; j < at + part; j += 4)
        if (count == 8)
          halve_lanes(x + j, part, 8);
        else if (count == 4)
          halve_lanes(x + j, part, 4);
        else
          halve_lanes(x + j, part, 2);
  }
}

/* The halvings of strides 4, 2 and 1 of eight neighbours, and the division: letters are those of
 * the pair that the stride before left, upper halves beside lower ones. */
ALWAYS_INLINE void halve_eight(double *x, double length) {
  const Four a = *four(x), b = *four(x + 4), s = a + b, d = a - b;
  const Four low = {s[0], s[1], d[0], d[1]}, high = {s[2], s[3], d[2], d[3]};
  const Four t = low + high, e = low - high;
  const Four even = {t[0], e[0], t[2], e[2]}, odd = {t[1], e[1], t[3], e[3]};
  const Four u = (even + odd) / length, f = (even - odd) / length;
  *four(x) = (Four){u[0], f[0], u[1], f[1]};
  *four(x + 4) = (Four){u[2], f[2], u[3], f[3]};
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Rows whose blocks are shorter than LANES. */
static void rotate_short(const Paley *P, double *x, int width, double length) {
  for (int j = 0; P->order > 1 && j < width; j++) {
    double column[MAX_ORDER];
    for (int p = 0; p < P->order; p++) column[p] = x[p * width + j];
    for (int p = 0; p < P->order; p++) {
      double sum = 0;
      for (int c = 0; c < P->order; c++) sum += P->sign[p][c] * column[c];
      x[p * width + j] = sum;
    }
  }
  for (int stride = width / 2; stride; stride /= 2)
    for (int i = 0; i < P->order * width; i++) {
      if (i & stride) continue;
      const double a = x[i], b = x[i + stride];
      x[i] = a + b;
      x[i + stride] = a - b;
    }
  for (int i = 0; i < P->order * width; i++) x[i] /= length;
}

void hadamard64_signs(int order, double *sign) {
  const Paley *P = paley(order);
  for (int i = 0; i < order; i++)
    for (int j = 0; j < order; j++) sign[i * order + j] = P->sign[i][j];
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

REF_CLONES static void rotate_row(const Paley *P, double *x, int n) {
  const int width = n / P->order;
  const double length = sqrt(n);
  if (width < LANES) {
    rotate_short(P, x, width, length);
  } else {
    for (int j = 0; P->order > 1 && j < width; j += LANES)
      paley_lanes(P, x + j, width, x + j, width);
    for (int p = 0; p < P->order; p++) halve_wide(x + (ptrdiff_t)p * width, width, LANES);
    for (int i = 0; i < n; i += LANES) halve_eight(x + i, length);
  }
}

static void rotate_rows(const Paley *P, double *x, int T, int n) {
#pragma omp parallel for schedule(static) if ((ptrdiff_t)T * n > SMALL)
  for (int t = 0; t < T; t++) rotate_row(P, x + (ptrdiff_t)t * n, n);
}

void hadamard64(double *x, int T, int n) { rotate_rows(paley(hadamard64_factor(n)), x, T, n); }

void hadamard64_back(double *x, int T, int n) {
  rotate_rows(paley_of(hadamard64_factor(n), true), x, T, n);
}

/* --- columns ---------------------------------------------------------------------------------- */

/* Columns that go together: four cache lines of a row, so that a page of the matrix is looked up
 * seldom, while their panel stays within a second-level cache (1 MiB); one line where there are
 * more rows. */
static int panel_lanes(int rows) { return rows <= 4096 ? 4 * LANES : LANES; }

/* x [rows, lanes], its rows `stride` apart, through panel [rows, lanes]: in the matrix they stand
 * at strides that caches map onto each other. x may be the panel. */
REF_CLONES static void rotate_panel(const Paley *P, double *x, int rows, int lanes,
                                    ptrdiff_t stride, double *panel) {
  const int width = rows / P->order;
  const double length = sqrt(rows);
  for (int j = 0; j < width; j++)
    for (int l = 0; l < lanes; l += LANES) {
      double *from = x + j * stride + l, *to = panel + (ptrdiff_t)j * lanes + l;
      if (P->order > 1)
        paley_lanes(P, from, width * stride, to, (ptrdiff_t)width * lanes);
      else
        memmove(to, from, LANES * sizeof *to);
    }
  for (int p = 0; p < P->order; p++) {
    double *block = panel + (ptrdiff_t)p * width * lanes, *to = x + (ptrdiff_t)p * width * stride;
    halve_wide(block, (ptrdiff_t)width * lanes, lanes);
    for (int j = 0; j < width; j++)
      for (int l = 0; l < lanes; l += 4)
        *four(to + j * stride + l) = *four(block + (ptrdiff_t)j * lanes + l) / length;
  }
}

/* Columns first … first + count - 1 of x [rows, cols], at most `lanes`. */
static void rotate_columns(const Paley *P, double *x, int rows, int cols, int first, int count) {
  const int lanes = panel_lanes(rows);
  double panel[rows][lanes];
  if (count == lanes) {
    rotate_panel(P, x + first, rows, lanes, cols, panel[0]);
    return;
  }
  memset(panel, 0, sizeof panel);
  for (int r = 0; r < rows; r++)
    memcpy(panel[r], x + (ptrdiff_t)r * cols + first, (size_t)count * sizeof *x);
  rotate_panel(P, panel[0], rows, lanes, lanes, panel[0]);
  for (int r = 0; r < rows; r++)
    memcpy(x + (ptrdiff_t)r * cols + first, panel[r], (size_t)count * sizeof *x);
}

void hadamard64_columns(double *x, int rows, int cols) {
  const Paley *P = paley(hadamard64_factor(rows));
  const int lanes = panel_lanes(rows);
#pragma omp parallel for schedule(static) if ((ptrdiff_t)rows * cols > SMALL)
  for (int first = 0; first < cols; first += lanes)
    rotate_columns(P, x, rows, cols, first, cols - first < lanes ? cols - first : lanes);
}
