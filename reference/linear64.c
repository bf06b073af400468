/* linear64: y [T, out] = x W^T in float64, x [T, in], W [out, in], each output the sum over k = 0 …
 * in - 1 in that order.
 *
 * The lanes of a vector are tokens: x is packed into panels [k][tokens], and one weight, spread
 * over a register, serves a panel. So W, which is read once a call and stands row by row in a
 * layer's cache, is never packed. A share is a strip of tokens times some outputs; k goes in blocks
 * that continue the same sums, so that a strip's panels stay in a second-level cache. How the work
 * is cut shows in no bit.
 *
 * Speed: of the time of one core of an EPYC (Zen 4, 29.3 G fma/s in the same run, other work beside
 * it) the four products of a layer of the 130M shape at 171 tokens take 26.5 ms, 1.21 of what that
 * peak allows; by AVX2 28.1 ms, 1.29. */
#include <assert.h>
#include <omp.h>
#include <stddef.h>
#include <string.h>

#include "reference/operators64.h"

enum {
  STRIP = 96,  /* tokens */
  DEPTH = 768, /* of k: panels of a strip are at most 576 KiB */
  SHARE = 512, /* outputs, each of which a strip's packing is spread over */
  LEAST = 40,  /* outputs; fewer would not be worth packing again */
  MOST_OUTPUTS = 8,
  PANEL_VECTORS = 3,
  MOST_TOKENS = 24 /* of a panel */
};

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

#ifdef REF_LEVELS
#include <immintrin.h>
/* 8 x 3 sums, three vectors and a weight take 28 of 32 registers. */
#define VECTOR __m512d
#define WIDTH 8
#define LOAD _mm512_loadu_pd
#define STORE _mm512_storeu_pd
#define SPREAD _mm512_set1_pd
#define FMA _mm512_fmadd_pd
#define OUTPUTS 8
#define TILE tile_avx512
#define TARGET __attribute__((target("avx512f")))
#include "reference/linear64_tile.h"
/* 4 x 3 sums, three vectors and a weight take all 16 registers. */
#define VECTOR __m256d
#define WIDTH 4
#define LOAD _mm256_loadu_pd
#define STORE _mm256_storeu_pd
#define SPREAD _mm256_set1_pd
#define FMA _mm256_fmadd_pd
#define OUTPUTS 4
#define TILE tile_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "reference/linear64_tile.h"
#endif

#define VECTOR double
#define WIDTH 1
#define LOAD(from) (*(from))
#define STORE(to, value) (*(to) = (value))
#define SPREAD(weight) (weight)
#define FMA(w, x, sum) linear64_add(sum, x, w)
#define OUTPUTS 8
#define TILE tile_plain
#define TARGET
#include "reference/linear64_tile.h"

typedef struct Path {
  int width, outputs;
  void (*tile)(const double *const w[], const double *panel, int depth, int vectors, double *sum);
} Path;

static Path path_here(void) {
#ifdef REF_LEVELS
#ifndef REF_LEVEL
#define REF_LEVEL 4
#endif
  if (REF_LEVEL >= 4 && __builtin_cpu_supports("avx512f")) return (Path){8, 8, tile_avx512};
  if (REF_LEVEL >= 3 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return (Path){4, 4, tile_avx2};
#endif
  return (Path){1, 8, tile_plain};
}

static int smaller(int a, int b) { return a < b ? a : b; }
static int parts(int all, int each) { return (all + each - 1) / each; }

typedef double Four __attribute__((vector_size(32), aligned(8), may_alias));

/* to [cols, rows] = from [rows, cols] turned; rows are so far apart. */
REF_CLONES static void turn(const double *from, ptrdiff_t from_step, int rows, int cols, double *to,
                            ptrdiff_t to_step) {
  int r = 0;
  for (; r + 4 <= rows; r += 4, from += 4 * from_step) {
    int c = 0;
    for (; c + 4 <= cols; c += 4) {
      const double *at = from + c;
      const Four a = *(const Four *)at, b = *(const Four *)(at + from_step),
                 d = *(const Four *)(at + 2 * from_step), e = *(const Four *)(at + 3 * from_step);
      double *out = to + c * to_step + r;
      *(Four *)out = (Four){a[0], b[0], d[0], e[0]};
      *(Four *)(out + to_step) = (Four){a[1], b[1], d[1], e[1]};
      *(Four *)(out + 2 * to_step) = (Four){a[2], b[2], d[2], e[2]};
      *(Four *)(out + 3 * to_step) = (Four){a[3], b[3], d[3], e[3]};
    }
    for (; c < cols; c++)
      for (int j = 0; j < 4; j++) to[c * to_step + r + j] = from[j * from_step + c];
  }
  for (; r < rows; r++, from += from_step)
    for (int c = 0; c < cols; c++) to[c * to_step + r] = from[c];
}

typedef struct Product {
  Path path;
  const double *x, *weight;
  double *y;
  int stride, in, y_stride;
} Product;

/* A strip's tokens in panels, as evenly as whole vectors allow. */
typedef struct Panels {
  int tokens, vectors, count;
} Panels;

/* The first vector of a panel; of the panel past the last one, how many there are. */
static int panel_at(const Panels *p, int panel) { return p->vectors * panel / p->count; }

/* depth numbers of each token, from x on. */
static void pack(const Product *m, const Panels *p, const double *x, int depth, double *panels) {
  for (int i = 0; i < p->count; i++) {
    const int first = panel_at(p, i) * m->path.width, end = panel_at(p, i + 1) * m->path.width,
              here = smaller(p->tokens, end) - first;
    double *to = panels + (ptrdiff_t)first * depth;
    if (first + here < end) memset(to, 0, (size_t)(end - first) * (size_t)depth * sizeof *to);
    turn(x + (ptrdiff_t)first * m->stride, m->stride, here, depth, to, end - first);
  }
}

/* Some outputs, at most those of a tile, of all panels: the products of k = from … from + depth
 * - 1. w: the rows of W at `from`; y: the first token's outputs. */
static void add_products(const Product *m, const Panels *p, const double *const w[], int outputs,
                         int from, int depth, const double *panels, double *y) {
  double sum[MOST_OUTPUTS * MOST_TOKENS];
  for (int i = 0; i < p->count; i++) {
    const int vectors = panel_at(p, i + 1) - panel_at(p, i), lanes = vectors * m->path.width,
              first = panel_at(p, i) * m->path.width, here = smaller(p->tokens - first, lanes);
    double *at = y + (ptrdiff_t)first * m->y_stride;
    memset(sum, 0, sizeof sum);
    if (from > 0) turn(at, m->y_stride, here, outputs, sum, lanes);
    m->path.tile(w, panels + (ptrdiff_t)first * depth, depth, vectors, sum);
    turn(sum, lanes, outputs, here, at, m->y_stride);
  }
}

/* Tokens token … token + tokens - 1, at most STRIP, and outputs first … first + outputs - 1. */
static void share(const Product *m, int token, int tokens, int first, int outputs) {
  const int vectors = parts(tokens, m->path.width), together = m->path.outputs;
  const Panels p = {tokens, vectors, parts(vectors, PANEL_VECTORS)};
  double panels[(size_t)(vectors * m->path.width) * (size_t)smaller(m->in, DEPTH)];
  for (int k = 0; k < m->in; k += DEPTH) {
    const int depth = smaller(DEPTH, m->in - k);
    pack(m, &p, m->x + (ptrdiff_t)token * m->stride + k, depth, panels);
    for (int o = first; o < first + outputs; o += together) {
      const int count = smaller(together, first + outputs - o);
      const double *w[MOST_OUTPUTS]; /* a missing output repeats the last one and is not stored */
      for (int j = 0; j < together; j++)
        w[j] = m->weight + (ptrdiff_t)(o + smaller(j, count - 1)) * m->in + k;
      add_products(m, &p, w, count, k, depth, panels, m->y + (ptrdiff_t)token * m->y_stride + o);
    }
  }
}

void linear64(const double *x, int stride, int T, int in, const double *weight, int out, double *y,
              int y_stride) {
  const Product m = {path_here(), x, weight, y, stride, in, y_stride};
  assert(in > 0);
  /* Two shares a thread where there is so much: who is late makes nobody wait long. */
  int strips = parts(T, STRIP), cuts = parts(out, SHARE);
  while (strips * cuts < 2 * omp_get_max_threads()) {
    if (T >= 2 * strips * MOST_TOKENS)
      strips *= 2;
    else if (out >= 2 * cuts * LEAST)
      cuts *= 2;
    else
      break;
  }
  const int tokens = parts(parts(T, strips), m.path.width) * m.path.width;
  const int outputs = parts(parts(out, cuts), m.path.outputs) * m.path.outputs;
#pragma omp parallel for collapse(2) schedule(dynamic)
  for (int o = 0; o < out; o += outputs)
    for (int t = 0; t < T; t += tokens)
      share(&m, t, smaller(tokens, T - t), o, smaller(outputs, out - o));
}
