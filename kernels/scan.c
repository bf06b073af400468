/* scan: the CPU loops. A task is a tile of WIDTH channels over all tokens and depends on no other;
 * vector lanes are channels, so the order of the tokens is the operator's own. Tokens go through in
 * chunks that stay in the cache. */
#include "kernels/scan.h"
#include "kernels/f16.h"
#include "kernels/level.h"
#include "kernels/q8.h"
#include "kernels/tiles.h"
#include <assert.h>
#include <omp.h>
#include <string.h>

enum { WIDTH = 16, SEQUENTIAL_CHUNK = 128 };

typedef struct Row {
  float v[WIDTH];
} Row;

/* Working memory of one tile: [N] rows per state, [chunk] rows per token, [lanes] rows per lane. */
typedef struct Work {
  Row *A, *h, *carry_a,
      *carry_b;             /* [N]; h of the last token; the running prefix, blocked order alone */
  Row *delta, *delta_u, *y; /* [chunk] */
  Row *a, *b, *lane_a, *lane_b; /* [chunk] and [lanes], blocked order alone */
} Work;

static int chunk_tokens(int T, ScanOrder order) {
  ScanChunk chunk = scan_chunk(T);
  return order == SCAN_BLOCKED ? chunk.lanes * chunk.items : SEQUENTIAL_CHUNK;
}

static size_t work_rows(int T, int N, ScanOrder order) {
  size_t chunk = (size_t)chunk_tokens(T, order);
  return 4 * (size_t)N + 3 * chunk + (order == SCAN_BLOCKED ? 2 * chunk + 2 * SCAN_MAX_LANES : 0);
}

static Work work_at(Row *rows, int T, int N, ScanOrder order) {
  size_t n = (size_t)N, chunk = (size_t)chunk_tokens(T, order);
  Work w = {.A = rows, .h = rows + n, .carry_a = rows + 2 * n, .carry_b = rows + 3 * n};
  w.delta = rows + 4 * n;
  w.delta_u = w.delta + chunk;
  w.y = w.delta_u + chunk;
  if (order == SCAN_BLOCKED) {
    w.a = w.y + chunk;
    w.b = w.a + chunk;
    w.lane_a = w.b + chunk;
    w.lane_b = w.lane_a + SCAN_MAX_LANES;
  }
  return w;
}

/* B and C in float, [T, N] each, rounded up to whole rows. */
static size_t shared_rows(int T, int N) { return ((size_t)T * (size_t)N + WIDTH - 1) / WIDTH; }

#ifdef ROOM_ONCE
size_t scan_scratch_bytes(int T, int E, int N, ScanOrder order) {
  (void)E; /* tiles are done one after the other */
  size_t rows = 2 * shared_rows(T, N) + (size_t)omp_get_max_threads() * work_rows(T, N, order);
  size_t sequential = scan_laid_out(T, N, SCAN_SEQUENTIAL),
         blocked = scan_laid_out(T, N, SCAN_BLOCKED),
         device = 2 * sizeof(float) * (sequential > blocked ? sequential : blocked),
         host = rows * sizeof(Row);
  return (host > device ? host : device) + 63; /* rows start at multiples of 64 bytes */
}
#endif

/* Elements col … col + n - 1 of a row, dequantised; the rest of a Row stays 0. */
ROOM_FN void load(const Tensor *t, int row, int col, int n, float *x) {
  size_t at = (size_t)row * (size_t)t->stride + (size_t)col;
  if (t->format == FORMAT_I8)
    for (int c = 0; c < n; c++)
      x[c] = dq(((const int8_t *)t->data)[at + (size_t)c], t->scale.value);
  else
    for (int c = 0; c < n; c++) x[c] = ((const float *)t->data)[at + (size_t)c];
}

ROOM_FN Row load_row(const Tensor *t, int row, int col, int n) {
  Row r = {{0}};
  load(t, row, col, n, r.v);
  return r;
}

ROOM_FN void store_row(const Row *r, int n, Tensor *t, int row, int col) {
  size_t at = (size_t)row * (size_t)t->stride + (size_t)col;
  if (t->format == FORMAT_F16)
    for (int c = 0; c < n; c++) ((uint16_t *)t->data)[at + (size_t)c] = f16_of(r->v[c]);
  else
    for (int c = 0; c < n; c++) ((float *)t->data)[at + (size_t)c] = r->v[c];
}

/* The choice stands outside of the loops, so that each of them vectorises. */
ROOM_FN void narrow_row(Row *r, Precision to, float scale) {
  /* NOLINTBEGIN(bugprone-branch-clone): the branches differ in a constant */
  if (to == PRECISION_F16)
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) r->v[c] = narrow32(r->v[c], PRECISION_F16);
  else if (to == PRECISION_BF16)
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) r->v[c] = narrow32(r->v[c], PRECISION_BF16);
  else if (to == PRECISION_I8)
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) r->v[c] = narrow32_or_i8(r->v[c], PRECISION_I8, scale);
  /* NOLINTEND(bugprone-branch-clone) */
}

/* delta, delta * u and D * u of `tokens` tokens from `first` on. */
static void begin(const ScanInputs *in, const ScanOutputs *out, Work w, int first, int tokens,
                  int col, int n) {
  Row bias = load_row(in->dt_bias, 0, col, n), D = load_row(in->D, 0, col, n);
  for (int t = 0; t < tokens; t++) {
    Row dt = load_row(in->dt, first + t, col, n), u = load_row(in->u, first + t, col, n);
    Row delta;
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) delta.v[c] = scan_delta(dt.v[c], bias.v[c]);
    narrow_row(&delta, in->precision.softplus, 0);
    w.delta[t] = delta;
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) {
      w.delta_u[t].v[c] = scan_delta_u(delta.v[c], u.v[c]);
      w.y[t].v[c] = scan_skip(D.v[c], u.v[c]);
    }
    store_row(&w.delta[t], n, out->delta, first + t, col);
  }
}

static void finish(const ScanInputs *in, const ScanOutputs *out, Work w, int first, int tokens,
                   int col, int n) {
  for (int t = 0; t < tokens; t++) {
    Row z = load_row(in->z, first + t, col, n), gated;
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) gated.v[c] = scan_gate(w.y[t].v[c], z.v[c]);
    store_row(&w.y[t], n, out->y, first + t, col);
    store_row(&gated, n, out->gated, first + t, col);
  }
}

/* B, C: [tokens, N] of this chunk. Returns the NaNs that an int8 state turned into 0 in the first n
 * channels: those behind them are padding. */
ROOM_FN int64_t sequential_in(Work w, const float *B, const float *C, int N, int tokens, int n,
                              ScanPrecision precision) {
  int64_t nans = 0;
  for (int t = 0; t < tokens; t++) {
    Row delta = w.delta[t], delta_u = w.delta_u[t], y = w.y[t];
    for (int s = 0; s < N; s++) {
      float Bs = B[(size_t)t * (size_t)N + (size_t)s], Cs = C[(size_t)t * (size_t)N + (size_t)s];
      Row a, h;
#pragma omp simd
      for (int c = 0; c < WIDTH; c++) a.v[c] = scan_a(delta.v[c], w.A[s].v[c]);
      narrow_row(&a, precision.decay, 0);
#pragma omp simd
      for (int c = 0; c < WIDTH; c++) {
        h.v[c] = scan_step(a.v[c], w.h[s].v[c], scan_b(delta_u.v[c], Bs));
        y.v[c] = scan_output(y.v[c], h.v[c], Cs);
      }
      w.h[s] = h;
      narrow_row(&w.h[s], precision.state, precision.state_scale);
      if (precision.state == PRECISION_I8)
        for (int c = 0; c < n; c++) nans += h.v[c] != h.v[c];
    }
    w.y[t] = y;
  }
  return nans;
}

/* Float32 throughout stands apart, so that nothing of the choice is left in its loops. */
static void sequential(Work w, const float *B, const float *C, int N, int tokens) {
  sequential_in(w, B, C, N, tokens, 0,
                (ScanPrecision){PRECISION_F32, PRECISION_F32, PRECISION_F32, 0});
}
static int64_t sequential_narrow(Work w, const float *B, const float *C, int N, int tokens, int n,
                                 ScanPrecision precision) {
  return sequential_in(w, B, C, N, tokens, n, precision);
}

/* (a, b) = join(first, (a, b)), in every channel. */
ROOM_FN void join_rows(const Row *first_a, const Row *first_b, Row *a, Row *b) {
#pragma omp simd
  for (int c = 0; c < WIDTH; c++) {
    ScanPair joined =
        scan_join((ScanPair){first_a->v[c], first_b->v[c]}, (ScanPair){a->v[c], b->v[c]});
    a->v[c] = joined.a;
    b->v[c] = joined.b;
  }
}

/* Step 1 for state s: the pairs of all tokens, kept in w.a and w.b, and each lane's fold of
 * them. */
ROOM_FN void fold_lanes(Work w, const float *B, int N, int s, int tokens, ScanChunk chunk,
                        Precision decay) {
  Row A = w.A[s];
  for (int lane = 0; lane < chunk.lanes; lane++) {
    Row fold_a, fold_b;
    for (int i = 0; i < chunk.items; i++) {
      int t = lane * chunk.items + i;
      Row a, b;
      if (t < tokens) {
        Row delta = w.delta[t], delta_u = w.delta_u[t];
        float Bs = B[(size_t)t * (size_t)N + (size_t)s];
#pragma omp simd
        for (int c = 0; c < WIDTH; c++) {
          a.v[c] = scan_a(delta.v[c], A.v[c]);
          b.v[c] = scan_b(delta_u.v[c], Bs);
        }
        narrow_row(&a, decay, 0);
        w.a[t] = a;
        w.b[t] = b;
      } else {
#pragma omp simd
        for (int c = 0; c < WIDTH; c++) {
          a.v[c] = 1.0f;
          b.v[c] = 0.0f;
        }
      }
      if (i > 0) join_rows(&fold_a, &fold_b, &a, &b);
      fold_a = a;
      fold_b = b;
    }
    w.lane_a[lane] = fold_a;
    w.lane_b[lane] = fold_b;
  }
}

/* Step 2. Downwards, so that lane - distance still has its value of the previous distance. */
ROOM_FN void scan_warps(Work w, int lanes) {
  for (int warp = 0; warp < lanes; warp += SCAN_WARP)
    for (int distance = 1; distance < SCAN_WARP; distance *= 2)
      for (int lane = warp + SCAN_WARP - 1; lane >= warp + distance; lane--)
        join_rows(&w.lane_a[lane - distance], &w.lane_b[lane - distance], &w.lane_a[lane],
                  &w.lane_b[lane]);
}

/* Steps 3 to 5 for state s. */
ROOM_FN void apply_prefixes(Work w, const float *C, int N, int s, int tokens, ScanChunk chunk) {
  Row total_a, total_b; /* of the warps before this one */
  for (int lane = 0; lane < chunk.lanes; lane++) {
    Row a, b = w.carry_b[s]; /* the lane's prefix */
    if (lane > 0) {
      a = w.lane_a[lane -
                   1]; /* the lane exclusive; for lane 0 of a warp, the total of the warp before */
      b = w.lane_b[lane - 1];
      if (lane > SCAN_WARP) join_rows(&total_a, &total_b, &a, &b);
      if (lane % SCAN_WARP == 0) {
        total_a = a;
        total_b = b;
      }
      join_rows(&w.carry_a[s], &w.carry_b[s], &a, &b);
    }
    int t = lane * chunk.items, end = t + chunk.items < tokens ? t + chunk.items : tokens;
    if (t >= end) continue;
    for (; t < end; t++) {
      float Cs = C[(size_t)t * (size_t)N + (size_t)s];
#pragma omp simd
      for (int c = 0; c < WIDTH; c++) {
        b.v[c] = scan_step(w.a[t].v[c], b.v[c], w.b[t].v[c]);
        w.y[t].v[c] = scan_output(w.y[t].v[c], b.v[c], Cs);
      }
    }
    w.h[s] = b;
  }
  Row a = w.lane_a[chunk.lanes - 1], b = w.lane_b[chunk.lanes - 1];
  if (chunk.lanes > SCAN_WARP) join_rows(&total_a, &total_b, &a, &b);
  join_rows(&w.carry_a[s], &w.carry_b[s], &a, &b);
  w.carry_a[s] = a;
  w.carry_b[s] = b;
}

ROOM_FN void blocked_in(Work w, const float *B, const float *C, int N, int tokens, ScanChunk chunk,
                        Precision decay) {
  for (int s = 0; s < N; s++) {
    fold_lanes(w, B, N, s, tokens, chunk, decay);
    scan_warps(w, chunk.lanes);
    apply_prefixes(w, C, N, s, tokens, chunk);
  }
}

static void blocked(Work w, const float *B, const float *C, int N, int tokens, ScanChunk chunk) {
  blocked_in(w, B, C, N, tokens, chunk, PRECISION_F32);
}
static void blocked_narrow(Work w, const float *B, const float *C, int N, int tokens,
                           ScanChunk chunk, Precision decay) {
  blocked_in(w, B, C, N, tokens, chunk, decay);
}

static void start_states(const ScanInputs *in, Work w, int N, int col, int n) {
  for (int s = 0; s < N; s++) {
    Row A_log = {{0}};
    for (int c = 0; c < n; c++) load(in->A_log, col + c, s, 1, &A_log.v[c]);
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) {
      w.A[s].v[c] = scan_A(A_log.v[c]);
      w.h[s].v[c] = 0.0f;
      w.carry_a[s].v[c] = 1.0f;
      w.carry_b[s].v[c] = 0.0f;
    }
  }
}

/* Returns the NaNs that an int8 state turned into 0. */
static int64_t scan_tile(const ScanInputs *in, ScanOrder order, const ScanOutputs *out,
                         const float *B, const float *C, Work w, int col) {
  int T = in->u->rows, N = in->B->cols, left = in->u->cols - col, n = left < WIDTH ? left : WIDTH;
  int chunk = chunk_tokens(T, order);
  const ScanPrecision *p = &in->precision;
  int64_t nans = 0;
  start_states(in, w, N, col, n);
  for (int first = 0; first < T; first += chunk) {
    int tokens = T - first < chunk ? T - first : chunk;
    const float *chunk_B = B + (size_t)first * (size_t)N, *chunk_C = C + (size_t)first * (size_t)N;
    begin(in, out, w, first, tokens, col, n);
    if (order == SCAN_BLOCKED && p->decay == PRECISION_F32)
      blocked(w, chunk_B, chunk_C, N, tokens, scan_chunk(T));
    else if (order == SCAN_BLOCKED)
      blocked_narrow(w, chunk_B, chunk_C, N, tokens, scan_chunk(T), p->decay);
    else if (p->decay == PRECISION_F32 && p->state == PRECISION_F32)
      sequential(w, chunk_B, chunk_C, N, tokens);
    else
      nans += sequential_narrow(w, chunk_B, chunk_C, N, tokens, n, *p);
    finish(in, out, w, first, tokens, col, n);
  }
  for (int c = 0; c < n; c++)
    for (int s = 0; s < N; s++)
      ((float *)out->state->data)[(size_t)(col + c) * (size_t)out->state->stride + (size_t)s] =
          w.h[s].v[c];
  return nans;
}

#ifdef ROOM_ONCE
ScanKind scan_kind(const ScanInputs *in, ScanOrder order) {
  const Tensor *rest[] = {in->dt, in->B, in->C, in->z, in->A_log, in->D, in->dt_bias};
  int count = sizeof rest / sizeof *rest, i8 = 0;
  for (int i = 0; i < count; i++) i8 += rest[i]->format == FORMAT_I8;
  Format all = i8 == 0 ? FORMAT_F32 : i8 == count ? FORMAT_I8 : FORMAT_COUNT;
  return (ScanKind){.u = in->u->format, .rest = all, .order = order, .precision = in->precision};
}

const char *scan_witness(const ScanKind *kind, Format output, Backend backend) {
#define OUTPUTS(name)                                                                              \
  { WITNESS(name "->f32"), WITNESS(name "->f16") }
#define STATES(name)                                                                               \
  {                                                                                                \
    OUTPUTS(name), OUTPUTS(name " state:f16"), OUTPUTS(name " state:bf16"),                        \
        OUTPUTS(name " state:i8")                                                                  \
  }
#define DECAYS(name)                                                                               \
  { STATES(name), STATES(name " decay:f16"), STATES(name " decay:bf16") }
#define SOFTPLUS(name)                                                                             \
  { DECAYS(name), DECAYS(name " softplus:f16"), DECAYS(name " softplus:bf16") }
#define ORDERS(name)                                                                               \
  { SOFTPLUS(name " sequential"), SOFTPLUS(name " blocked") }
#define RESTS(name)                                                                                \
  { ORDERS(name " rest:f32"), ORDERS(name " rest:i8"), ORDERS(name " rest:mixed") }
  static const char *const name[2][3][2][3][3][4][2][BACKEND_COUNT] = {RESTS("scan u:f32"),
                                                                       RESTS("scan u:i8")};
#undef RESTS
#undef ORDERS
#undef SOFTPLUS
#undef DECAYS
#undef STATES
#undef OUTPUTS
  const ScanPrecision *p = &kind->precision;
  int rest = kind->rest == FORMAT_F32 ? 0 : kind->rest == FORMAT_I8 ? 1 : 2;
  return name[kind->u == FORMAT_I8][rest][kind->order == SCAN_BLOCKED][p->softplus][p->decay]
             [p->state][output == FORMAT_F16][backend];
}
#endif

void ROOM_LEVEL(scan)(const ScanInputs *in, ScanOrder order, const ScanOutputs *out,
                      void *scratch) {
  int T = in->u->rows, E = in->u->cols, N = in->B->cols;
  assert(in->dt->rows == T && in->dt->cols == E && in->z->rows == T && in->z->cols == E &&
         in->B->rows == T);
  assert(in->C->rows == T && in->C->cols == N && in->A_log->rows == E && in->A_log->cols == N);
  assert(in->D->cols == E && in->dt_bias->cols == E && out->state->rows == E &&
         out->state->cols == N);
  assert(out->delta->format == FORMAT_F32 && out->y->format == FORMAT_F32 &&
         out->state->format == FORMAT_F32);
  assert(out->gated->format == FORMAT_F32 || out->gated->format == FORMAT_F16);
  assert(in->precision.softplus < PRECISION_I8 && in->precision.decay < PRECISION_I8);
  assert(in->precision.state == PRECISION_F32 || order == SCAN_SEQUENTIAL);

  Row *rows = (Row *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63);
  float *B = (float *)rows, *C = (float *)(rows + shared_rows(T, N));
  Row *work = rows + 2 * shared_rows(T, N);
  for (int t = 0; t < T; t++) {
    load(in->B, t, 0, N, B + (size_t)t * (size_t)N);
    load(in->C, t, 0, N, C + (size_t)t * (size_t)N);
  }
  int64_t nans = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : nans)
  for (int col = 0; col < E; col += WIDTH)
    nans += scan_tile(
        in, order, out, B, C,
        work_at(work + (size_t)omp_get_thread_num() * work_rows(T, N, order), T, N, order), col);

  ScanKind kind = scan_kind(in, order);
  Tensor *written[] = {out->delta, out->y, out->gated, out->state};
  for (int i = 0; i < 4; i++) {
    written[i]->nans = 0;
    written[i]->kernel = scan_witness(&kind, written[i]->format, BACKEND_CPU);
  }
  out->state->nans = nans;
}
