/* scan: the CPU loops. A task is a tile of WIDTH channels, a line of the cache, over all tokens,
 * and depends on no other; vector lanes are channels, so the order of the tokens is the operator's
 * own. Tokens go through in chunks that stay in the cache.
 *
 * Where no delta * A of a token's channels is beyond EXP32_NEAR, its exps are exp32_near: the same
 * bits in half the operations. */
#include "kernels/scan.h"
#include "kernels/level.h"
#include "kernels/scan_blocked.h"
#include "kernels/scan_rows.h"
#include "kernels/scan_work.h"
#include "kernels/tiles.h"
#include <assert.h>
#include <omp.h>

/* B and C in float, [T, N] each. */
static size_t shared_bytes(int T, int N) {
  return up_to((size_t)T * (size_t)N, WIDTH) * sizeof(float);
}

#ifdef ROOM_ONCE
size_t scan_scratch_bytes(int T, int E, int N, ScanOrder order) {
  (void)E; /* tiles are done one after the other */
  size_t host = 2 * shared_bytes(T, N) + (size_t)omp_get_max_threads() * work_bytes(T, N, order);
  size_t sequential = scan_laid_out(T, N, SCAN_SEQUENTIAL),
         blocked = scan_laid_out(T, N, SCAN_BLOCKED),
         device = 2 * sizeof(float) * (sequential > blocked ? sequential : blocked);
  return (host > device ? host : device) + 63; /* rows start at multiples of 64 bytes */
}
#endif

/* delta, delta * u and D * u of `tokens` tokens from `first` on. */
static void begin(const ScanInputs *in, const ScanOutputs *out, Work w, int first, int tokens,
                  int col, int n) {
  Row bias, D, one;
  set_row(&one, 1.0f);
  load_row(in->dt_bias, 0, col, n, &bias);
  load_row(in->D, 0, col, n, &D);
  for (int t = 0; t < tokens; t++) {
    Row dt, u, e, *delta = &w.delta[t];
    load_row(in->dt, first + t, col, n, &dt);
    load_row(in->u, first + t, col, n, &u);
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) dt.v[c] = scan_dt(dt.v[c], bias.v[c]);
    exps(&dt, &one, is_near(&dt, &one), &e);
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) delta->v[c] = softplus32_by(dt.v[c], e.v[c]); /* scan_delta */
    narrow_lanes(delta->v, WIDTH, in->precision.softplus, 0);
    w.near[t] = is_near(delta, w.far);
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) {
      w.delta_u[t].v[c] = scan_delta_u(delta->v[c], u.v[c]);
      w.y[t].v[c] = scan_skip(D.v[c], u.v[c]);
    }
    store_row(&w.delta[t], n, out->delta, first + t, col);
  }
}

static void finish(const ScanInputs *in, const ScanOutputs *out, Work w, int first, int tokens,
                   int col, int n) {
  Row minus;
  set_row(&minus, -1.0f);
  for (int t = 0; t < tokens; t++) {
    Row z, e, gated;
    load_row(in->z, first + t, col, n, &z);
    exps(&z, &minus, is_near(&z, &minus), &e);
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) gated.v[c] = scan_gate_by(w.y[t].v[c], z.v[c], e.v[c]);
    store_row(&w.y[t], n, out->y, first + t, col);
    store_row(&gated, n, out->gated, first + t, col);
  }
}

/* A token, all states, VECTOR channels from `v` on. B, C: [N] of this token. Returns the NaNs that
 * an int8 state turned into 0 in the first n channels: those behind them are padding. */
ROOM_FN int64_t token_in(Work w, const float *B, const float *C, int N, int t, int v, bool near,
                         int n, ScanPrecision precision) {
  const float *delta = w.delta[t].v + v, *delta_u = w.delta_u[t].v + v;
  int64_t nans = 0;
  float y[VECTOR];
  *(Lanes *)y = *(const Lanes *)(w.y[t].v + v);
  for (int s = 0; s < N; s++) {
    const float *A = w.A[s].v + v;
    float *h = w.h[s].v + v, a[VECTOR];
#pragma omp simd
    for (int c = 0; c < VECTOR; c++)
      a[c] = near ? exp32_near(delta[c] * A[c]) : scan_a(delta[c], A[c]);
    narrow_lanes(a, VECTOR, precision.decay, 0);
#pragma omp simd
    for (int c = 0; c < VECTOR; c++) {
      h[c] = scan_step(a[c], h[c], scan_b(delta_u[c], B[s]));
      y[c] = scan_output(y[c], h[c], C[s]);
    }
    if (precision.state == PRECISION_I8)
      for (int c = 0; v + c < n && c < VECTOR; c++) nans += h[c] != h[c];
    narrow_lanes(h, VECTOR, precision.state, precision.state_scale);
  }
  *(Lanes *)(w.y[t].v + v) = *(const Lanes *)y;
  return nans;
}

ROOM_FN int64_t sequential_in(Work w, const float *B, const float *C, int N, int tokens, int n,
                              ScanPrecision precision) {
  int64_t nans = 0;
  for (int t = 0; t < tokens; t++, B += N, C += N)
    for (int v = 0; v < WIDTH; v += VECTOR)
      nans += w.near[t] ? token_in(w, B, C, N, t, v, true, n, precision)
                        : token_in(w, B, C, N, t, v, false, n, precision);
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

static void blocked(Work w, const float *B, const float *C, int N, int tokens, ScanChunk chunk) {
  blocked_in(w, B, C, N, tokens, chunk, PRECISION_F32);
}
static void blocked_narrow(Work w, const float *B, const float *C, int N, int tokens,
                           ScanChunk chunk, Precision decay) {
  blocked_in(w, B, C, N, tokens, chunk, decay);
}

static void start_states(const ScanInputs *in, Work w, int N, int col, int n) {
  *w.far = (Row){{0}};
  for (int s = 0; s < N; s++) {
    Row A_log = {{0}};
    for (int c = 0; c < n; c++) load(in->A_log, col + c, s, 1, &A_log.v[c]);
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) {
      float A = scan_A(A_log.v[c]);
      w.A[s].v[c] = A;
      w.far->v[c] =
          A < w.far->v[c] || A != A ? A : w.far->v[c]; /* A is never above 0; a NaN stays */
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

  char *memory = (char *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63);
  float *B = (float *)(void *)memory, *C = (float *)(void *)(memory + shared_bytes(T, N));
  const size_t own = work_bytes(T, N, order);
  memory += 2 * shared_bytes(T, N);
  for (int t = 0; t < T; t++) {
    load(in->B, t, 0, N, B + (size_t)t * (size_t)N);
    load(in->C, t, 0, N, C + (size_t)t * (size_t)N);
  }
  int64_t nans = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : nans)
  for (int col = 0; col < E; col += WIDTH)
    nans += scan_tile(in, order, out, B, C,
                      work_at(memory + (size_t)omp_get_thread_num() * own, T, N, order), col);

  ScanKind kind = scan_kind(in, order);
  Tensor *written[] = {out->delta, out->y, out->gated, out->state};
  for (int i = 0; i < 4; i++) {
    written[i]->nans = 0;
    written[i]->kernel = scan_witness(&kind, written[i]->format, BACKEND_CPU);
  }
  out->state->nans = nans;
}
