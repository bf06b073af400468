/* scan: against the outputs of Quamba's kernel, and both orders against a plain emulation, the
 * blocked one thread by thread as CUB's BlockScan does it. exp32 and log1p32 are taken over: the
 * subject here is the order. */
#include "kernels/q8.h"
#include "kernels/scan.h"
#include "tests/golden.h"
#include "tests/held.h"
#include <omp.h>

/* --- the emulation ---------------------------------------------------------------------------- */

typedef struct Pair {
  float a, b;
} Pair;

/* The operator of the kernels: first happens before second. */
static Pair op(Pair first, Pair second) {
  return (Pair){second.a * first.a, fmaf(second.a, first.b, second.b)};
}

/* BlockScan<threads, BLOCK_SCAN_WARP_SCANS>::InclusiveScan(items[per_thread]) with a prefix
 * callback. */
static void block_inclusive_scan(Pair *item, int threads, int per_thread, Pair *running_prefix) {
  Pair value[128], exclusive[128], warp_aggregate[4];
  int warps = threads / 32;
  for (int thread = 0; thread < threads; thread++) { /* ThreadReduce */
    value[thread] = item[thread * per_thread];
    for (int i = 1; i < per_thread; i++)
      value[thread] = op(value[thread], item[thread * per_thread + i]);
  }
  for (int warp = 0; warp < warps; warp++) { /* WarpScanShfl */
    Pair *lane = value + warp * 32;
    for (int step = 0; step < 5; step++) {
      Pair from[32];
      memcpy(from, lane, sizeof from); /* what every lane offers to its shuffle */
      for (int i = 0; i < 32; i++)
        if (i >= 1 << step) lane[i] = op(from[i - (1 << step)], lane[i]);
    }
    warp_aggregate[warp] = lane[31];
    for (int i = 1; i < 32; i++) exclusive[warp * 32 + i] = lane[i - 1];
  }
  Pair warp_prefix[4], block_aggregate = warp_aggregate[0]; /* ComputeWarpPrefix */
  for (int warp = 1; warp < warps; warp++) {
    warp_prefix[warp] = block_aggregate;
    block_aggregate = op(block_aggregate, warp_aggregate[warp]);
  }
  for (int thread = 32; thread < threads; thread++) {
    Pair prefix = warp_prefix[thread / 32];
    exclusive[thread] = thread % 32 == 0 ? prefix : op(prefix, exclusive[thread]);
  }
  Pair block_prefix = *running_prefix; /* the callback */
  *running_prefix = op(*running_prefix, block_aggregate);
  for (int thread = 0; thread < threads; thread++) {
    exclusive[thread] = thread == 0 ? block_prefix : op(block_prefix, exclusive[thread]);
    Pair inclusive = exclusive[thread]; /* ThreadScanInclusive */
    for (int i = 0; i < per_thread; i++) {
      inclusive = op(inclusive, item[thread * per_thread + i]);
      item[thread * per_thread + i] = inclusive;
    }
  }
}

/* h of every token of one channel and state, from its pairs. */
static void emulate_blocked(const Pair *pair, int T, float *h) {
  int threads = T > 1024 ? 128 : T > 512 ? 64 : 32, per_thread = T > 256 ? 16 : T > 128 ? 8 : 4;
  int chunk = threads * per_thread;
  Pair running_prefix = {1, 0}, item[128 * 16];
  for (int first = 0; first < T; first += chunk) {
    for (int i = 0; i < chunk; i++) item[i] = first + i < T ? pair[first + i] : (Pair){1, 0};
    block_inclusive_scan(item, threads, per_thread, &running_prefix);
    for (int i = 0; i < chunk && first + i < T; i++) h[first + i] = item[i].b;
  }
}

/* Returns what is stored after the last token. */
static float emulate_sequential(const Pair *pair, int T, float *h, ScanPrecision precision) {
  float stored = 0;
  for (int t = 0; t < T; t++) {
    h[t] = fmaf(pair[t].a, stored, pair[t].b);
    stored = held(h[t], precision.state, precision.state_scale);
  }
  return stored;
}

/* --- problems --------------------------------------------------------------------------------- */

enum { U, DT, B, C, Z, A_LOG, D, BIAS, INPUTS, DELTA = INPUTS, Y, GATED, STATE, TENSORS };

typedef struct Problem {
  int T, E, N;
  Tensor t[TENSORS];
  ScanPrecision precision;
} Problem;

static Tensor spaced(Format format, int rows, int cols, float scale) {
  Tensor t = golden_junk_tensor(format, rows, cols + 3, scale);
  t.cols = cols;
  return t;
}

static uint32_t seed = 1;
static float noise(float low, float high) {
  seed = seed * 1664525u + 1013904223u;
  return low + (high - low) * (float)(seed >> 8) * 0x1p-24f;
}

/* Bit i of `int8`: input i is int8. Rows lie further apart than they are long. */
static Problem make_problem(int T, int E, int N, unsigned int8, Format gated) {
  static const float low[INPUTS] = {-2, -4, -1, -1, -4, -1, -1, -3},
                     high[INPUTS] = {2, 2, 1, 1, 4, 2.5f, 1, 1};
  const int rows[TENSORS] = {T, T, T, T, T, E, 1, 1, T, T, T, E},
            cols[TENSORS] = {E, E, N, N, E, N, E, E, E, E, E, N};
  Problem p = {.T = T, .E = E, .N = N};
  for (int i = 0; i < TENSORS; i++) {
    Format format = i == GATED ? gated : i < INPUTS && (int8 >> i & 1) ? FORMAT_I8 : FORMAT_F32;
    p.t[i] = spaced(format, rows[i], cols[i], format == FORMAT_I8 ? high[i] / 127 : 0);
    int count = i < INPUTS ? rows[i] * p.t[i].stride : 0;
    for (int j = 0; j < count; j++)
      if (format == FORMAT_I8)
        ((int8_t *)p.t[i].data)[j] = (int8_t)noise(-128, 128);
      else
        ((float *)p.t[i].data)[j] = noise(low[i], high[i]);
  }
  return p;
}

static void free_problem(Problem *p) {
  for (int i = 0; i < TENSORS; i++) free(p->t[i].data);
}

static void run(Problem *p, ScanOrder order) {
  for (int i = DELTA; i < TENSORS; i++)
    memset(p->t[i].data, 0xa5,
           (size_t)p->t[i].rows * (size_t)p->t[i].stride * format_size(p->t[i].format));
  Tensor *t = p->t;
  ScanInputs in = {&t[U], &t[DT], &t[B], &t[C], &t[Z], &t[A_LOG], &t[D], &t[BIAS], p->precision};
  ScanOutputs out = {&t[DELTA], &t[Y], &t[GATED], &t[STATE]};
  void *scratch = golden_junk(scan_scratch_bytes(p->T, p->E, p->N, order));
  scan(&in, order, &out, scratch);
  free(scratch);
}

static float value(const Tensor *t, int row, int col) {
  int i = row * t->stride + col;
  if (t->format == FORMAT_I8) return (float)((int8_t *)t->data)[i] * t->scale.value;
  if (t->format == FORMAT_F32) return ((float *)t->data)[i];
  return half_value(((uint16_t *)t->data)[i]);
}

static void same(const char *what, const Problem *p, const char *kernel, int row, int col,
                 float got, float want) {
  cr_assert(bits_of_f32(got) == bits_of_f32(want) || (isnan(got) && isnan(want)),
            "%s, T %d E %d N %d: %s[%d][%d]: got %a, want %a", kernel, p->T, p->E, p->N, what, row,
            col, got, want);
}

/* Every output of `run` against the emulation, bit for bit, and the memory between rows against its
 * junk. */
static void check(Problem *p, ScanOrder order) {
  int T = p->T, N = p->N;
  const Tensor *t = p->t;
  const char *kernel = t[GATED].kernel;
  Pair *pair = golden_junk((size_t)T * sizeof *pair);
  float *h = golden_junk((size_t)T * sizeof *h), *delta = golden_junk((size_t)T * sizeof *delta);
  float *y = golden_junk((size_t)T * sizeof *y);
  for (int e = 0; e < p->E; e++) {
    for (int i = 0; i < T; i++) {
      float d = value(&t[DT], i, e) + value(&t[BIAS], 0, e);
      delta[i] = held(d <= 20 ? log1p32(exp32(d)) : d, p->precision.softplus, 0);
      y[i] = value(&t[D], 0, e) * value(&t[U], i, e);
    }
    for (int n = 0; n < N; n++) {
      float A = -exp32(value(&t[A_LOG], e, n));
      for (int i = 0; i < T; i++)
        pair[i] = (Pair){held(exp32(delta[i] * A), p->precision.decay, 0),
                         delta[i] * value(&t[U], i, e) * value(&t[B], i, n)};
      if (order == SCAN_BLOCKED) emulate_blocked(pair, T, h);
      float last = order == SCAN_BLOCKED ? h[T - 1] : emulate_sequential(pair, T, h, p->precision);
      for (int i = 0; i < T; i++) y[i] = fmaf(h[i], value(&t[C], i, n), y[i]);
      same("state", p, kernel, e, n, value(&t[STATE], e, n), last);
    }
    for (int i = 0; i < T; i++) {
      float z = value(&t[Z], i, e), gated = y[i] * z / (1 + exp32(-z));
      same("delta", p, kernel, i, e, value(&t[DELTA], i, e), delta[i]);
      same("y", p, kernel, i, e, value(&t[Y], i, e), y[i]);
      same("gated", p, kernel, i, e, value(&t[GATED], i, e),
           t[GATED].format == FORMAT_F16 ? half_round(gated) : gated);
    }
  }
  for (int i = DELTA; i < TENSORS; i++)
    for (int row = 0; row < t[i].rows; row++)
      for (int byte = 0; byte < 3 * (int)format_size(t[i].format); byte++) {
        const uint8_t *end = (uint8_t *)t[i].data +
                             (size_t)(row * t[i].stride + t[i].cols) * format_size(t[i].format);
        cr_assert(end[byte] == 0xa5, "%s: tensor %d written behind row %d", kernel, i, row);
      }
  free(pair);
  free(h);
  free(delta);
  free(y);
}

static void run_and_check(Problem *p, ScanOrder order) {
  run(p, order);
  check(p, order);
}

/* --- the orders ------------------------------------------------------------------------------- */

Test(scan, blocked_order_equals_an_emulation_of_blockscan_bit_for_bit) {
  static const int length[] = {1,   31,  32,   128,  129,  171,  256, 257,
                               512, 513, 1024, 1025, 2048, 2049, 4100};
  for (size_t i = 0; i < sizeof length / sizeof *length; i++) {
    Problem p = make_problem(length[i], 3, 2, 0, FORMAT_F16);
    run_and_check(&p, SCAN_BLOCKED);
    free_problem(&p);
  }
}

Test(scan, both_orders_equal_their_emulation_for_any_shape_and_type) {
  static const int shape[][3] = {{1, 1, 1},   {2, 17, 3},    {3, 37, 16}, {5, 16, 17},
                                 {33, 33, 5}, {171, 31, 16}, {300, 5, 7}};
  static const unsigned types[] = {0, 0xff, 0xfe, 0x01, 0x55, 0x80};
  for (int s = 0; s < 7; s++)
    for (int k = 0; k < 6; k++)
      for (int order = 0; order < 2; order++) {
        Problem p = make_problem(shape[s][0], shape[s][1], shape[s][2], types[k],
                                 (s + k) % 2 ? FORMAT_F16 : FORMAT_F32);
        run_and_check(&p, order);
        free_problem(&p);
      }
}

Test(scan, nan_and_infinity_go_where_the_formulas_send_them) {
  static const float planted[] = {NAN, INFINITY, -INFINITY, 3e38f, -0.0f, 1e-40f};
  for (int tensor = 0; tensor < INPUTS; tensor++)
    for (int k = 0; k < 6; k++)
      for (int order = 0; order < 2; order++) {
        Problem p = make_problem(40, 18, 3, 0, FORMAT_F16);
        Tensor *t = &p.t[tensor];
        ((float *)t->data)[(t->rows / 2) * t->stride + t->cols / 2] = planted[k];
        run_and_check(&p, order);
        free_problem(&p);
      }
}

Test(scan, is_bit_equal_on_any_thread_count) {
  for (int order = 0; order < 2; order++) {
    Problem p = make_problem(171, 117, 16, 0xff, FORMAT_F16);
    size_t bytes = 171 * (117 + 3) * sizeof(float);
    void *one = malloc(bytes);
    for (int threads = 1; threads <= 3; threads++) {
      omp_set_num_threads(threads);
      run(&p, order);
      if (threads == 1) memcpy(one, p.t[Y].data, bytes);
      cr_expect(memcmp(one, p.t[Y].data, bytes) == 0, "%s: %d threads differ from one",
                p.t[Y].kernel, threads);
    }
    check(&p, order);
    free(one);
    free_problem(&p);
  }
}

Test(scan, witness_names_the_types_that_went_through) {
  static const struct {
    unsigned int8;
    Format gated;
    ScanOrder order;
    const char *gated_kernel, *y_kernel;
  } by_hand[] = {
      {0xff, FORMAT_F16, SCAN_BLOCKED, "scan u:i8 rest:i8 blocked->f16 cpu",
       "scan u:i8 rest:i8 blocked->f32 cpu"},
      {0xfe, FORMAT_F16, SCAN_SEQUENTIAL, "scan u:f32 rest:i8 sequential->f16 cpu",
       "scan u:f32 rest:i8 sequential->f32 cpu"},
      {0x00, FORMAT_F32, SCAN_SEQUENTIAL, "scan u:f32 rest:f32 sequential->f32 cpu",
       "scan u:f32 rest:f32 sequential->f32 cpu"},
      {0x7f, FORMAT_F32, SCAN_BLOCKED, "scan u:i8 rest:mixed blocked->f32 cpu",
       "scan u:i8 rest:mixed blocked->f32 cpu"},
      {0x01, FORMAT_F16, SCAN_BLOCKED, "scan u:i8 rest:f32 blocked->f16 cpu",
       "scan u:i8 rest:f32 blocked->f32 cpu"},
  };
  for (size_t i = 0; i < sizeof by_hand / sizeof *by_hand; i++) {
    Problem p = make_problem(3, 2, 2, by_hand[i].int8, by_hand[i].gated);
    run(&p, by_hand[i].order);
    cr_expect_str_eq(p.t[GATED].kernel, by_hand[i].gated_kernel);
    cr_expect_str_eq(p.t[Y].kernel, by_hand[i].y_kernel);
    cr_expect_str_eq(p.t[DELTA].kernel, by_hand[i].y_kernel);
    cr_expect_str_eq(p.t[STATE].kernel, by_hand[i].y_kernel);
    free_problem(&p);
  }
}

/* --- narrower stages -------------------------------------------------------------------------- */

Test(scan, narrower_stages_equal_their_emulation_and_the_witness_names_them) {
  for (int order = 0; order < 2; order++)
    for (Precision softplus = 0; softplus < PRECISION_I8; softplus++)
      for (Precision decay = 0; decay < PRECISION_I8; decay++)
        for (Precision state = 0; state < (order == SCAN_BLOCKED ? 1 : PRECISION_COUNT); state++) {
          Problem p = make_problem(150, 19, 5, (softplus + decay) % 2 ? 0xff : 0, FORMAT_F16);
          p.precision = (ScanPrecision){softplus, decay, state, 0.04f};
          run_and_check(&p, order);
          static const char *const name[] = {"", ":f16", ":bf16", ":i8"};
          char want[96], *w = want;
          w += sprintf(w, "scan u:%s rest:%s %s", p.t[U].format == FORMAT_I8 ? "i8" : "f32",
                       p.t[U].format == FORMAT_I8 ? "i8" : "f32",
                       order == SCAN_BLOCKED ? "blocked" : "sequential");
          if (softplus) w += sprintf(w, " softplus%s", name[softplus]);
          if (decay) w += sprintf(w, " decay%s", name[decay]);
          if (state) w += sprintf(w, " state%s", name[state]);
          strcpy(w, "->f16 cpu");
          cr_expect_str_eq(p.t[GATED].kernel, want);
          cr_expect_eq(p.t[STATE].nans, 0);
          free_problem(&p);
        }
}

/* h is NaN at the token whose input is, and 0 after it was stored: the tokens behind it do not see
 * the NaN. */
Test(scan, an_int8_state_counts_the_nans_that_it_loses) {
  Problem p = make_problem(40, 18, 3, 0, FORMAT_F16);
  p.precision = (ScanPrecision){PRECISION_F32, PRECISION_F32, PRECISION_I8, 0.04f};
  ((float *)p.t[U].data)[30 * p.t[U].stride + 17] = NAN;
  run_and_check(&p, SCAN_SEQUENTIAL);
  cr_expect_eq(p.t[STATE].nans, 3, "one a state of that token and channel: got %ld",
               (long)p.t[STATE].nans);
  free_problem(&p);
}

/* Lanes behind the last channel compute 0 times infinity: no channel's NaN. */
Test(scan, lanes_that_are_no_channel_count_no_nans) {
  for (int E = 1; E <= 17; E++) {
    Problem p = make_problem(3, E, 1, 0, FORMAT_F16);
    p.precision = (ScanPrecision){PRECISION_F32, PRECISION_F32, PRECISION_I8, 0.04f};
    ((float *)p.t[B].data)[p.t[B].stride] = INFINITY;
    run(&p, SCAN_SEQUENTIAL);
    cr_expect_eq(p.t[STATE].nans, 0, "%d channels: got %ld, want 0", E, (long)p.t[STATE].nans);
    free_problem(&p);
  }
}

/* --- Quamba's kernel -------------------------------------------------------------------------- */

static Problem golden_problem(const char *test_case) {
  static const char *const name[INPUTS] = {"scan/u", "scan/dt",    "scan/B", "scan/C",
                                           "scan/z", "scan/A_log", "scan/D", "scan/dt_bias"};
  Problem p = {0};
  for (int i = 0; i < INPUTS; i++) p.t[i] = golden_tensor(test_case, name[i]);
  p.T = p.t[U].rows;
  p.E = p.t[U].cols;
  p.N = p.t[B].cols;
  for (int i = DELTA; i < STATE; i++)
    p.t[i] = golden_junk_tensor(i == GATED ? FORMAT_F16 : FORMAT_F32, p.T, p.E, 0);
  p.t[STATE] = golden_junk_tensor(FORMAT_F32, p.E, p.N, 0);
  return p;
}

/* A half as a whole number that grows by one a step. */
static int steps(uint16_t half) { return half & 0x8000 ? -(half & 0x7fff) : half; }

static void check_gated(const Problem *p, const char *test_case, const char *output, double least) {
  Tensor want = golden_tensor(test_case, output);
  int equal = 0, far = 0, worst = 0, count = p->T * p->E;
  for (int i = 0; i < count; i++) {
    int off = abs(steps(((uint16_t *)p->t[GATED].data)[i]) - steps(((uint16_t *)want.data)[i]));
    equal += off == 0;
    far += off > 1; /* where y nearly cancels */
    worst = off > worst ? off : worst;
  }
  double share = 100.0 * equal / count;
  cr_log_info("%s %s, %s: %.4f %% equal, %d more than a step off, worst %d\n", test_case, output,
              p->t[GATED].kernel, share, far, worst);
  cr_expect(share >= least, "%s %s, %s: got %.4f %% equal, want %.2f %%", test_case, output,
            p->t[GATED].kernel, share, least);
  cr_expect(far <= count / 10000, "%s %s, %s: %d of %d more than a step off, worst %d", test_case,
            output, p->t[GATED].kernel, far, count, worst);
  free(want.data);
}

/* The kernel's normal build uses fast math, and its exp, log and division are the GPU's: that is
 * the residue. */
Test(scan, int8_inputs_give_quamba_kernel_outputs_in_both_orders) {
  static const char *const test_case[] = {"bytes10m_T100_layer11", "bytes10m_T1000_layer11",
                                          "bytes10m_T171_layer0", "bytes10m_T171_layer23",
                                          "heavy_tail_130m_T171"};
  for (int i = 0; i < 5; i++) {
    Problem p = golden_problem(test_case[i]);
    for (int order = 0; order < 2; order++) {
      run(&p, order);
      check_gated(&p, test_case[i], "scan/y_gated", 99.79);
      if (i >= 2) continue; /* the other cases have no such outputs */
      check_gated(&p, test_case[i], "scan/y_gated_ieee", 99.88);
      Tensor state = golden_tensor(test_case[i], "scan/state_q8");
      for (int j = 0; j < p.E * p.N; j++) {
        float h = ((float *)p.t[STATE].data)[j];
        int got = q8_away(h, state.scale.value), want = ((int8_t *)state.data)[j];
        cr_assert(got == want, "%s state[%d][%d]: got %d, want %d (%a)", test_case[i], j / p.N,
                  j % p.N, got, want, h);
      }
      free(state.data);
    }
    free_problem(&p);
  }
}

Test(scan, the_two_orders_differ_on_the_golden_inputs) {
  Problem p = golden_problem("bytes10m_T171_layer0");
  size_t bytes = (size_t)p.T * (size_t)p.E * sizeof(float);
  float *sequential = malloc(bytes);
  run(&p, SCAN_SEQUENTIAL);
  memcpy(sequential, p.t[Y].data, bytes);
  run(&p, SCAN_BLOCKED);
  int differ = 0;
  for (int i = 0; i < p.T * p.E; i++) differ += sequential[i] != ((float *)p.t[Y].data)[i];
  cr_log_info("y differs in %d of %d\n", differ, p.T * p.E);
  cr_expect(differ > 0);
  free(sequential);
  free_problem(&p);
}

/* What the kernels of a device ask once for many: on both sides of the limit, and with what has no
 * order. */
Test(scan, where_the_farthest_are_near_all_are_and_nowhere_else) {
  enum { ITEMS = 16, ROUNDS = 20000 };
  static const float odd[] = {0.0f, -0.0f, NAN, -NAN, INFINITY, 0x1p-149f, EXP32_NEAR, 1.0f};
  int64_t near = 0;
  srand(7);
  for (int round = 0; round < ROUNDS; round++) {
    float delta[ITEMS], A[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
      delta[i] = (float)rand() / (float)RAND_MAX * 10.0f;
      A[i] = -(float)rand() / (float)RAND_MAX * 10.0f;
    }
    if (round % 2) delta[rand() % ITEMS] = odd[rand() % 8];
    if (round % 3 == 0) A[rand() % ITEMS] = -odd[rand() % 8];
    bool all = true, of_far = scan_is_near(scan_farthest(delta, ITEMS), scan_farthest(A, ITEMS));
    for (int n = 0; n < ITEMS; n++) {
      const bool state = scan_are_near(delta, A[n], ITEMS);
      cr_assert(scan_is_near(scan_farthest(delta, ITEMS), A[n]) == state, "round %d", round);
      all = all && state;
    }
    cr_assert(of_far ? all : true, "round %d: not all are near", round);
    near += of_far;
  }
  cr_assert(near > ROUNDS / 10 && near < ROUNDS * 9 / 10, "%lld of %d", (long long)near, ROUNDS);
}
