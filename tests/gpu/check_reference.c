/* check_reference: the float64 reference on the device against the CPU's, bit by bit: every
 * operator over shapes that fill no tile and over hard numbers, then whole blocks and a head. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/cuda64.h"
#include "reference/model64.h"
#include "tests/values64.h"

/* Numbers twice: for the CPU and for the device. */
typedef struct Twin {
  double *cpu, *gpu;
  size_t n;
} Twin;

static Twin twin[128];
static int twins;
static Cuda64 device;
static Ops64 gpu;
static long cases, elements, differing;

static void wait_or_exit(void) {
  char why[256];
  if (cuda_wait(&cuda, why) && !device.first_error[0]) return;
  printf("FAILED: %s\n", device.first_error[0] ? device.first_error : why);
  exit(1);
}

/* Both start as junk, different on either side. */
static Twin junk(size_t n) {
  const size_t bytes = (n ? n : 1) * sizeof(double);
  Twin t = {malloc(bytes), cuda_reserve(&cuda, bytes), n};
  if (!t.cpu || !t.gpu || twins == 128) {
    fprintf(stderr, "no memory\n");
    exit(2);
  }
  memset(t.cpu, 0x5a, bytes);
  cuda_to_device(&cuda, t.gpu, t.cpu, bytes);
  wait_or_exit();
  memset(t.cpu, 0xa5, bytes);
  return twin[twins++] = t;
}

static Twin values(size_t n, Hard64 kind, double size) {
  Twin t = junk(n);
  for (size_t i = 0; i < n; i++) t.cpu[i] = value64(kind, size);
  cuda_to_device(&cuda, t.gpu, t.cpu, n * sizeof(double));
  wait_or_exit();
  return t;
}

static void free_twins(void) {
  wait_or_exit();
  while (twins > 0) {
    free(twin[--twins].cpu);
    cuda_release(&cuda, twin[twins].gpu);
  }
}

static char what[160];
#define SAY(...) snprintf(what, sizeof what, __VA_ARGS__)

/* Prints the first difference. */
static void compare(const char *name, const Twin *t) {
  double *got = malloc((t->n ? t->n : 1) * sizeof *got);
  long here = 0;
  cuda_to_host(&cuda, got, t->gpu, t->n * sizeof *got);
  wait_or_exit();
  cases++;
  elements += (long)t->n;
  for (size_t i = 0; i < t->n; i++)
    if (same_bits64(got[i]) != same_bits64(t->cpu[i]) && !here++)
      printf("FAILED: %s: %s[%zu]: cuda %a, cpu %a\n", what, name, i, got[i], t->cpu[i]);
  if (here) printf("        %ld of %zu differ\n", here, t->n);
  differing += here;
  free(got);
}

static void report(const char *name) {
  static long before;
  printf("%-16s %5ld comparisons %12ld elements  %s\n", name, cases, elements,
         differing == before ? "equal" : "DIFFERENT");
  fflush(stdout);
  before = differing;
  cases = elements = 0;
}

/* --- operators -------------------------------------------------------------------------------- */

static void check_linear(int T, int in, int out, Hard64 kind) {
  const int stride = in + 3, y_stride = out + 1;
  Twin x = values((size_t)T * (size_t)stride, kind, 1),
       w = values((size_t)out * (size_t)in, kind == STRANGE ? PLAIN : kind, 1),
       y = junk((size_t)T * (size_t)y_stride);
  /* What lies between the rows belongs to nobody, and must stay. */
  cuda_to_device(&cuda, y.gpu, y.cpu, y.n * sizeof(double));
  ops64_cpu.linear(NULL, x.cpu, stride, T, in, w.cpu, out, y.cpu, y_stride);
  gpu.linear(gpu.context, x.gpu, stride, T, in, w.gpu, out, y.gpu, y_stride);
  SAY("linear T %d, %d -> %d, kind %d", T, in, out, kind);
  compare("y", &y);
  free_twins();
}

static void check_rmsnorm(int T, int D, Hard64 kind) {
  const int stride = D + 3, y_stride = D + 1;
  Twin x = values((size_t)T * (size_t)stride, kind, 2), gain = values((size_t)D, PLAIN, 1);
  for (int with = 0; with < 2; with++) {
    Twin y = junk((size_t)T * (size_t)y_stride);
    cuda_to_device(&cuda, y.gpu, y.cpu, y.n * sizeof(double)); /* between the rows it stays */
    ops64_cpu.rmsnorm(NULL, x.cpu, stride, with ? gain.cpu : NULL, 1e-5, T, D, y.cpu, y_stride);
    gpu.rmsnorm(gpu.context, x.gpu, stride, with ? gain.gpu : NULL, 1e-5, T, D, y.gpu, y_stride);
    SAY("rmsnorm T %d, D %d, kind %d%s", T, D, kind, with ? ", gain" : "");
    compare("y", &y);
  }
  free_twins();
}

static void check_conv1d(int T, int E, int K, Hard64 kind) {
  const int stride = 2 * E + 1;
  Twin x = values((size_t)T * (size_t)stride, kind, 2), w = values((size_t)E * (size_t)K, PLAIN, 1),
       bias = values((size_t)E, PLAIN, 1);
  for (int with = 0; with < 2; with++) {
    Twin pre = junk((size_t)T * (size_t)E), silu = junk(pre.n);
    ops64_cpu.conv1d(NULL, x.cpu, stride, T, E, K, w.cpu, with ? bias.cpu : NULL, pre.cpu,
                     silu.cpu);
    gpu.conv1d(gpu.context, x.gpu, stride, T, E, K, w.gpu, with ? bias.gpu : NULL, pre.gpu,
               silu.gpu);
    SAY("conv1d T %d, E %d, K %d, kind %d%s", T, E, K, kind, with ? ", bias" : "");
    compare("pre", &pre);
    compare("silu", &silu);
  }
  free_twins();
}

static void check_scan(int T, int E, int N, Hard64 kind) {
  const int row = 2 * N + 3, z_stride = 2 * E;
  const size_t inner = (size_t)T * (size_t)E;
  Twin u = values(inner, kind, 1), dt = values(inner, kind, 2),
       BC = values((size_t)T * (size_t)row, kind, 1), z = values(2 * inner, kind, 3),
       A_log = values((size_t)E * (size_t)N, kind == STRANGE ? PLAIN : kind, 1),
       D = values((size_t)E, PLAIN, 1), bias = values((size_t)E, PLAIN, 1), delta = junk(inner),
       y = junk(inner), gated = junk(inner), state = junk((size_t)E * (size_t)N);
#define SCAN(side)                                                                                 \
  {                                                                                                \
    .T = T, .E = E, .N = N, .u = u.side, .dt = dt.side, .B = BC.side + 1, .C = BC.side + 2 + N,    \
    .BC_stride = row, .z = z.side + E, .z_stride = z_stride, .A_log = A_log.side, .D = D.side,     \
    .dt_bias = bias.side, .delta = delta.side, .y = y.side, .gated = gated.side,                   \
    .state = state.side                                                                            \
  }
  const Scan64 here = SCAN(cpu), there = SCAN(gpu);
#undef SCAN
  ops64_cpu.scan(NULL, &here);
  gpu.scan(gpu.context, &there);
  SAY("scan T %d, E %d, N %d, kind %d", T, E, N, kind);
  compare("delta", &delta);
  compare("y", &y);
  compare("gated", &gated);
  compare("state", &state);
  free_twins();
}

static void check_hadamard(int n, int count, Hard64 kind) {
  const size_t all = (size_t)n * (size_t)count;
  Twin x = values(all, kind, 1), y = junk(all);
  ops64_cpu.hadamard(NULL, x.cpu, count, n, y.cpu);
  gpu.hadamard(gpu.context, x.gpu, count, n, y.gpu);
  SAY("hadamard n %d, %d rows, kind %d", n, count, kind);
  compare("y", &y);
  compare("x", &x); /* is read only */
  ops64_cpu.hadamard(NULL, x.cpu, count, n, x.cpu);
  gpu.hadamard(gpu.context, x.gpu, count, n, x.gpu);
  SAY("hadamard n %d, %d rows in place, kind %d", n, count, kind);
  compare("x", &x);
  ops64_cpu.hadamard_columns(NULL, y.cpu, n, count);
  gpu.hadamard_columns(gpu.context, y.gpu, n, count);
  SAY("hadamard n %d, %d columns, kind %d", n, count, kind);
  compare("y", &y);
  free_twins();
}

static void check_elements(int rows, int cols, Hard64 kind) {
  enum { VOCAB = 50 };
  const size_t n = (size_t)rows * (size_t)cols;
  Twin table = values((size_t)VOCAB * (size_t)cols, kind, 1), a = values(n, kind, 1),
       gain = values((size_t)cols, PLAIN, 1), sum = junk(n), copy = junk(n),
       rounded = junk((n + 1) / 2);
  int32_t *token = malloc(n * sizeof *token);
  for (int t = 0; t < rows; t++) token[t] = (int32_t)(random_bits() % VOCAB);
  Twin tokens = junk(n);
  cuda_to_device(&cuda, tokens.gpu, token, (size_t)rows * sizeof *token);
  SAY("elements %d x %d, kind %d", rows, cols, kind);
  ops64_cpu.embed(NULL, table.cpu, token, rows, cols, copy.cpu);
  gpu.embed(gpu.context, table.gpu, (const int32_t *)tokens.gpu, rows, cols, copy.gpu);
  compare("embed", &copy);
  ops64_cpu.add(NULL, copy.cpu, a.cpu, n, sum.cpu);
  gpu.add(gpu.context, copy.gpu, a.gpu, n, sum.gpu);
  compare("add", &sum);
  ops64_cpu.scale_columns(NULL, a.cpu, rows, cols, gain.cpu);
  gpu.scale_columns(gpu.context, a.gpu, rows, cols, gain.gpu);
  compare("scale_columns", &a);
  ops64_cpu.copy(NULL, a.cpu, n, copy.cpu);
  gpu.copy(gpu.context, a.gpu, n, copy.gpu);
  compare("copy", &copy);
  /* Floats of no NaN, two to a number. */
  if (kind != STRANGE && n % 2 == 0) {
    ops64_cpu.round32(NULL, a.cpu, n, (float *)rounded.cpu);
    gpu.round32(gpu.context, a.gpu, n, (float *)rounded.gpu);
    compare("round32", &rounded);
  }
  wait_or_exit();
  free(token);
  free_twins();
}

/* --- a block and a head ----------------------------------------------------------------------- */

typedef struct Shape {
  int T, D, N, R, K, vocab;
  bool hadamard, normed; /* normed: dt, B and C */
} Shape;

#define MATRIX(rows, cols, size) values((size_t)(rows) * (size_t)(cols), PLAIN, size)
#define ROOM(rows, cols) junk((size_t)(rows) * (size_t)(cols))

static void check_block(Shape s, Hard64 kind) {
  const int D = s.D, E = 2 * D, dbc = s.R + 2 * s.N, T = s.T;
  Twin norm = MATRIX(1, D, 1), in_proj = MATRIX(2 * E, D, 0.1), conv = MATRIX(E, s.K, 0.5),
       conv_bias = MATRIX(1, E, 0.5), x_proj = MATRIX(dbc, E, 0.1), dt_proj = MATRIX(E, s.R, 0.3),
       dt_bias = MATRIX(1, E, 1), A_log = MATRIX(E, s.N, 1), skip = MATRIX(1, E, 1),
       out_proj = MATRIX(D, E, 0.1), head = MATRIX(s.vocab, D, 0.3),
       x = values((size_t)T * (size_t)D, kind, 1);
  struct {
    const char *name;
    Twin t;
  } out[] = {{"norm", ROOM(T, D)},        {"in_proj", ROOM(T, 2 * E)}, {"conv1d", ROOM(T, E)},
             {"conv1d_silu", ROOM(T, E)}, {"x_proj", ROOM(T, dbc)},    {"dt_proj", ROOM(T, E)},
             {"delta", ROOM(T, E)},       {"scan", ROOM(T, E)},        {"gated", ROOM(T, E)},
             {"out_proj_in", ROOM(T, E)}, {"out_proj", ROOM(T, D)},    {"block_out", ROOM(T, D)},
             {"ssm_state", ROOM(E, s.N)}, {"norm_f", ROOM(T, D)},      {"logits", ROOM(T, s.vocab)},
             {"dbc_norm", ROOM(T, dbc)}};
  const size_t outs = sizeof out / sizeof *out - !s.normed;
#define RUN(side, ops)                                                                             \
  do {                                                                                             \
    const Layer64 layer = {norm.side,    in_proj.side, conv.side,  conv_bias.side, x_proj.side,    \
                           dt_proj.side, dt_bias.side, A_log.side, skip.side,      out_proj.side}; \
    const Model64 m = {.D = D,                                                                     \
                       .E = E,                                                                     \
                       .N = s.N,                                                                   \
                       .R = s.R,                                                                   \
                       .K = s.K,                                                                   \
                       .layers = 1,                                                                \
                       .vocab = s.vocab,                                                           \
                       .eps = 1e-5,                                                                \
                       .dbc_eps = s.normed ? 1e-6 : 0,                                             \
                       .hadamard = s.hadamard,                                                     \
                       .norm_f = norm.side,                                                        \
                       .head = head.side,                                                          \
                       .layer = &layer};                                                           \
    const Block64 b = {.norm = out[0].t.side,                                                      \
                       .in_proj = out[1].t.side,                                                   \
                       .conv1d = out[2].t.side,                                                    \
                       .conv1d_silu = out[3].t.side,                                               \
                       .x_proj = out[4].t.side,                                                    \
                       .dt_proj = out[5].t.side,                                                   \
                       .delta = out[6].t.side,                                                     \
                       .scan = out[7].t.side,                                                      \
                       .gated = out[8].t.side,                                                     \
                       .out_proj_in = out[9].t.side,                                               \
                       .out_proj = out[10].t.side,                                                 \
                       .block_out = out[11].t.side,                                                \
                       .ssm_state = out[12].t.side,                                                \
                       .dbc_norm = s.normed ? out[15].t.side : NULL};                              \
    block64(ops, &m, 0, x.side, T, &b);                                                            \
    head64(ops, &m, b.block_out, T, out[13].t.side, out[14].t.side);                               \
  } while (0)
  RUN(cpu, &ops64_cpu);
  RUN(gpu, &gpu);
#undef RUN
  SAY("block T %d, D %d, N %d, R %d, kind %d%s", T, D, s.N, s.R, kind,
      s.normed     ? ", dt, B, C normed"
      : s.hadamard ? ", rotated"
                   : "");
  for (size_t i = 0; i < outs; i++) compare(out[i].name, &out[i].t);
  free_twins();
}

/* --- all -------------------------------------------------------------------------------------- */

bool check_reference(bool small) {
  static const int length[] = {1, 7, 33, 171, 512}, width[] = {1, 31, 48, 100, 257, 768};
  const int lengths = small ? 3 : 5, widths = small ? 4 : 6;
  device = cuda64_on(cuda.operators);
  gpu = ops64_cuda(&device);
  for (int kind = 0; kind < HARD64_KINDS; kind++)
    for (int t = 0; t < lengths; t++) {
      const Hard64 hard = (Hard64)kind;
      for (int i = 0; i < widths; i++)
        for (int o = 0; o < widths; o += 2) check_linear(length[t], width[i], width[o] + t, hard);
    }
  report("linear64");
  for (int kind = 0; kind < HARD64_KINDS; kind++)
    for (int t = 0; t < lengths; t++)
      for (int i = 0; i < widths; i++) {
        check_rmsnorm(length[t], width[i], (Hard64)kind);
        check_conv1d(length[t], width[i], 4, (Hard64)kind);
        check_elements(length[t], width[i], (Hard64)kind);
      }
  check_conv1d(9, 40, 7, SPREAD);
  report("by elements");
  for (int kind = 0; kind < HARD64_KINDS; kind++)
    for (int t = 0; t < lengths; t++)
      for (int i = 0; i < widths; i++)
        check_scan(length[t], width[i], i % 3 == 0 ? 16 : i % 3 == 1 ? 5 : 40, (Hard64)kind);
  report("scan64");
  static const int size[] = {1, 2, 8, 12, 24, 20, 28, 64, 224, 768, 1536, 2560, 8192, 32768};
  for (int kind = 0; kind < HARD64_KINDS; kind++)
    for (int i = 0; i < (small ? 10 : 14); i++)
      check_hadamard(size[i], i % 2 ? 37 : 1, (Hard64)kind);
  report("hadamard64");
  for (int kind = 0; kind < HARD64_KINDS; kind++)
    for (int t = 0; t < lengths; t++) {
      const Shape odd = {length[t], 50, 16, 5, 4, 300, false, false},
                  rotated = {length[t], 96, 16, 6, 4, 999, true, false},
                  normed = {length[t], 64, 7, 3, 4, 101, true, true};
      check_block(odd, (Hard64)kind);
      check_block(rotated, (Hard64)kind);
      check_block(normed, (Hard64)kind);
    }
  if (!small) check_block((Shape){171, 768, 16, 48, 4, 50280, true, false}, PLAIN);
  report("block64, head64");
  return differing == 0;
}
