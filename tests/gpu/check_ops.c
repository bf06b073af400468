/* check_ops: every operator on the device against the CPU's, bit by bit, over types, orders, shapes
 * and strange values. */
#include "check.h"

#include "pair.h"

#include "variants.h"

#include "kernels/hadamard.h"
#include "kernels/residual.h"
#include "kernels/rmsnorm.h"

static uint32_t element_bits(const void *data, Format format, size_t i) {
  if (format == FORMAT_I8) return ((const uint8_t *)data)[i];
  uint32_t bits = format == FORMAT_F32 ? ((const uint32_t *)data)[i] : ((const uint16_t *)data)[i];
  uint32_t infinity = format == FORMAT_F32 ? 0x7f800000u : 0x7c00u,
           sign = format == FORMAT_F32 ? 0x80000000u : 0x8000u;
  return (bits & ~sign) > infinity ? infinity + 1 : bits;
}

static float element_value(const Tensor *t, const void *data, size_t i) {
  return t->format == FORMAT_I8    ? (float)((const int8_t *)data)[i]
         : t->format == FORMAT_F16 ? f32_of_f16(((const uint16_t *)data)[i])
                                   : ((const float *)data)[i];
}

static long cases, elements, differing;

/* Whether the output, the count of NaNs and the witness agree; prints the first difference. */
static void pair_compare(const char *what, Pair *p) {
  void *got = malloc(p->bytes);
  int64_t nans = 0;
  float scale = p->gpu.scale.value;
  cuda_to_host(&cuda, got, p->gpu.data, p->bytes);
  if (p->gpu.nans_at) cuda_to_host(&cuda, &nans, p->gpu.nans_at, sizeof nans);
  if (p->gpu.scale_at) cuda_to_host(&cuda, &scale, p->gpu.scale_at, sizeof scale);
  wait_or_exit();
  cases++;
  long before = differing;
  for (int row = 0; row < p->cpu.rows; row++)
    for (int col = 0; col < p->cpu.cols; col++) {
      size_t i = (size_t)row * (size_t)p->cpu.stride + (size_t)col;
      elements++;
      if (element_bits(got, p->cpu.format, i) == element_bits(p->cpu.data, p->cpu.format, i))
        continue;
      if (differing++ == before)
        printf("FAILED: %s: [%d, %d]: cuda %a, cpu %a\n", what, row, col,
               element_value(&p->cpu, got, i), element_value(&p->cpu, p->cpu.data, i));
    }
  if (differing > before)
    printf("        %ld of %d x %d differ\n", differing - before, p->cpu.rows, p->cpu.cols);
  if (nans != p->cpu.nans && ++differing)
    printf("FAILED: %s: NaNs: cuda %ld, cpu %ld\n", what, (long)nans, (long)p->cpu.nans);
  if (bits_of_f32(scale) != bits_of_f32(p->cpu.scale.value) && ++differing)
    printf("FAILED: %s: scale: cuda %a, cpu %a\n", what, scale, p->cpu.scale.value);
  size_t name = strlen(p->cpu.kernel) - strlen("cpu");
  if ((strncmp(p->cpu.kernel, p->gpu.kernel, name) || strcmp(p->gpu.kernel + name, "cuda")) &&
      ++differing)
    printf("FAILED: %s: witness: cuda '%s', cpu '%s'\n", what, p->gpu.kernel, p->cpu.kernel);
  free(got);
}

/* The device's side of an output is junk again, and has counted no NaN. */
static void pair_junk_again(Pair *p) {
  void *junk = malloc(p->bytes);
  memset(junk, 0x3c, p->bytes);
  cuda_to_device(&cuda, p->gpu.data, junk, p->bytes);
  if (p->gpu.nans_at) cuda_zero(&cuda, p->gpu.nans_at, sizeof(int64_t));
  wait_or_exit();
  free(junk);
}

static char what[256];
#define SAY(...) snprintf(what, sizeof what, __VA_ARGS__)

static int length[] = {1, 2, 3, 5, 33, 128, 129, 171, 257, 512, 513, 1025, 2048, 4100};
static int lengths = 14;
static Format real_formats[] = {FORMAT_F32, FORMAT_F16};

static void report(const char *name) {
  static long before;
  printf("%-12s %5ld comparisons %12ld elements  %s\n", name, cases, elements,
         differing == before ? "equal" : "DIFFERENT");
  fflush(stdout);
  before = differing;
  cases = elements = 0;
}

static void *to_device(const void *data, size_t bytes) {
  void *there = keep(cuda_reserve(&cuda, bytes), 1);
  cuda_to_device(&cuda, there, data, bytes);
  wait_or_exit();
  return there;
}

static void check_residual(int T, int D, int odd) {
  Pair table = pair_values(FORMAT_F32, 50, D, D, 0, 1, odd),
       y = pair_junk(FORMAT_F32, T, D, D + 3, 0);
  int32_t *token = keep(malloc((size_t)T * sizeof *token), 0);
  for (int t = 0; t < T; t++) token[t] = (int32_t)(random_bits() % 50);
  op_embedding(&ops_cpu, table.cpu.data, token, &y.cpu);
  op_embedding(&cuda.ops, table.gpu.data, to_device(token, (size_t)T * sizeof *token), &y.gpu);
  SAY("embedding T %d D %d", T, D);
  pair_compare(what, &y);
  for (int i = 0; i < 2; i++) {
    Pair branch = pair_values(real_formats[i], T, D, D + i, 0, 1, odd),
         sum = pair_junk(FORMAT_F32, T, D, D, 0);
    op_residual_add(&ops_cpu, &y.cpu, &branch.cpu, &sum.cpu);
    op_residual_add(&cuda.ops, &y.gpu, &branch.gpu, &sum.gpu);
    SAY("residual_add %s T %d D %d", format_name(branch.cpu.format), T, D);
    pair_compare(what, &sum);
  }
  kept_free();
}

static void check_rmsnorm(int T, int D, int odd) {
  Pair x = pair_values(FORMAT_F32, T, D, D + 1, 0, 3, odd),
       gain = pair_values(FORMAT_F32, 1, D, D, 0, 1, 0);
  for (int i8 = 0; i8 < 2; i8++)
    for (int with = 0; with < 2; with++) {
      Pair y = pair_junk(i8 ? FORMAT_I8 : FORMAT_F32, T, D, D + 2, i8 ? 0.021f : 0);
      op_rmsnorm(&ops_cpu, &x.cpu, with ? gain.cpu.data : NULL, 1e-5f, &y.cpu);
      op_rmsnorm(&cuda.ops, &x.gpu, with ? gain.gpu.data : NULL, 1e-5f, &y.gpu);
      SAY("rmsnorm %s T %d D %d%s", format_name(y.cpu.format), T, D, with ? " gain" : "");
      pair_compare(what, &y);
    }
  kept_free();
}

/* Three parts of a row, each normed by itself into columns of one tensor, which counts the NaNs of
 * all. */
static void check_norms(int T, int R, int N, int odd) {
  const int width[] = {R, N, N}, cols = R + 2 * N;
  Pair x = pair_values(FORMAT_F32, T, cols, cols, 0, 3, odd);
  for (int i8 = 0; i8 < 2; i8++) {
    Pair y = pair_junk(i8 ? FORMAT_I8 : FORMAT_F32, T, cols, cols, i8 ? 0.021f : 0);
    for (int part = 0, first = 0; part < 3; first += width[part++]) {
      Pair from = pair_columns(&x, first, width[part]), to = pair_columns(&y, first, width[part]);
      op_rmsnorm(&ops_cpu, &from.cpu, NULL, 1e-6f, &to.cpu);
      op_rmsnorm(&cuda.ops, &from.gpu, NULL, 1e-6f, &to.gpu);
      y.cpu.nans += to.cpu.nans;
      y.cpu.kernel = to.cpu.kernel, y.gpu.kernel = to.gpu.kernel;
    }
    SAY("rmsnorm of parts %s T %d R %d N %d", format_name(y.cpu.format), T, R, N);
    pair_compare(what, &y);
  }
  kept_free();
}

/* x: columns 3 … of a wider tensor where `view`, so that nothing is aligned. */
static void check_linear(int T, int in, int out, Format format, int view, int odd) {
  int i8 = format == FORMAT_I8;
  Pair wide = pair_values(format, T, in + 5 * view, in + 5 * view, i8 ? 0.013f : 0, 1, odd);
  Pair x = view ? pair_columns(&wide, 3, in) : wide,
       weight = pair_values(format, out, in, in, 0, 1, odd);
  void *panels = keep(malloc(linear_packed_bytes(out, in, format) + 64), 0);
  Linear w = linear_pack(weight.cpu.data, out, in, format, i8 ? 0.0017f : 0, panels), on_device = w;
  void *packed = keep(malloc(linear_cuda_packed_bytes(out, in, format)), 0);
  linear_cuda_pack(&w, packed);
  on_device.panels = to_device(packed, linear_cuda_packed_bytes(out, in, format));
  Format types[] = {FORMAT_F32, FORMAT_F16, FORMAT_I8};
  for (int i = 0; i < 3; i++) {
    Pair y =
        pair_junk(types[i], T, out, out + view, types[i] == FORMAT_I8 ? i8 ? 0.25f : 0.125f : 0);
    op_linear(&ops_cpu, &w, &x.cpu, &y.cpu);
    op_linear(&cuda.ops, &on_device, &x.gpu, &y.gpu);
    SAY("linear %s->%s T %d in %d out %d%s", format_name(format), format_name(types[i]), T, in, out,
        view ? " view" : "");
    pair_compare(what, &y);
    const int tiles = i8 ? LINEAR_I8_TILES : LINEAR_F32_TILES;
    for (int tile = 0; tile < tiles; tile++) {
      pair_junk_again(&y);
      linear_with_tile(&cuda, tile, &on_device, &x.gpu, &y.gpu);
      SAY("linear %s->%s T %d in %d out %d%s tile %d", format_name(format), format_name(types[i]),
          T, in, out, view ? " view" : "", tile);
      pair_compare(what, &y);
    }
  }
  kept_free();
}

static void check_conv1d(int T, int E, int K, int odd) {
  for (int form = 0; form < 6;
       form++) { /* f32 or i8 or i8 with the scale on the device; f32 or i8 out */
    Format format = form / 2 ? FORMAT_I8 : FORMAT_F32, output = form % 2 ? FORMAT_I8 : FORMAT_F32;
    Pair wide =
        pair_values(format, T, 2 * E + 1, 2 * E + 1, format == FORMAT_I8 ? 0.031f : 0, 2, odd);
    Pair x = pair_columns(&wide, 1, E), weight = pair_values(format, E, K, K, 0, 0.5f, odd);
    if (form / 2 == 2) {
      x.gpu.scale_at = to_device(&x.gpu.scale.value, sizeof(float));
      x.gpu.scale.value = 0;
    }
    Pair bias = pair_values(format, 1, E, E, 0, 0.5f, odd);
    Conv1d w = {.E = E, .K = K, .format = format, .weight = weight.cpu.data, .bias = bias.cpu.data};
    if (format == FORMAT_I8) w.weight_scale = 0.0071f, w.bias_scale = 0.0113f;
    Conv1d on_device = w;
    on_device.weight = weight.gpu.data;
    on_device.bias = bias.gpu.data;
    Pair pre = pair_junk(FORMAT_F32, T, E, E, 0),
         silu = pair_junk(output, T, E, E + 1, output == FORMAT_I8 ? 0.017f : 0);
    op_conv1d(&ops_cpu, &w, &x.cpu, &pre.cpu, &silu.cpu);
    op_conv1d(&cuda.ops, &on_device, &x.gpu, &pre.gpu, &silu.gpu);
    SAY("conv1d pre %s T %d E %d K %d", format_name(format), T, E, K);
    pair_compare(what, &pre);
    SAY("conv1d silu %s->%s T %d E %d K %d", format_name(format), format_name(output), T, E, K);
    pair_compare(what, &silu);
    kept_free();
  }
}

/* kinds: bit 0: u is i8; bits 1, 2: rest f32, i8, mixed; bit 3: gated is f16. */
static void check_scan(int T, int E, int N, int R, ScanOrder order, int kinds, int odd) {
  Format u_type = kinds & 1 ? FORMAT_I8 : FORMAT_F32,
         rest = (kinds >> 1 & 3) == 1 ? FORMAT_I8 : FORMAT_F32;
  Format other = kinds >> 1 & 3 ? FORMAT_I8 : FORMAT_F32; /* of z, D and B */
#define SCALE(type, scale) (type), T, E, E + 1, ((type) == FORMAT_I8 ? (scale) : 0)
  Pair u = pair_values(SCALE(u_type, 0.02f), 1, odd), dt = pair_values(SCALE(rest, 0.03f), 2, odd);
  Pair z = pair_values(SCALE(other, 0.05f), 2, odd);
  Pair dbc = pair_values(rest, T, R + 2 * N, R + 2 * N, rest == FORMAT_I8 ? 0.01f : 0, 1, odd);
  Pair B = pair_columns(&dbc, R, N), C = pair_columns(&dbc, R + N, N);
  Pair A_log = pair_values(rest, E, N, N, rest == FORMAT_I8 ? 0.02f : 0, 1.5f, odd);
  Pair D = pair_values(other, 1, E, E, other == FORMAT_I8 ? 0.01f : 0, 1, odd);
  Pair bias = pair_values(rest, 1, E, E, rest == FORMAT_I8 ? 0.02f : 0, 1, odd);
  Pair delta = pair_junk(FORMAT_F32, T, E, E, 0), y = pair_junk(FORMAT_F32, T, E, E, 0);
  Pair gated = pair_junk(kinds & 8 ? FORMAT_F16 : FORMAT_F32, T, E, E + 3, 0),
       state = pair_junk(FORMAT_F32, E, N, N, 0);
  ScanInputs in = {.u = &u.cpu,
                   .dt = &dt.cpu,
                   .B = &B.cpu,
                   .C = &C.cpu,
                   .z = &z.cpu,
                   .A_log = &A_log.cpu,
                   .D = &D.cpu,
                   .dt_bias = &bias.cpu};
  ScanInputs in_gpu = {.u = &u.gpu,
                       .dt = &dt.gpu,
                       .B = &B.gpu,
                       .C = &C.gpu,
                       .z = &z.gpu,
                       .A_log = &A_log.gpu,
                       .D = &D.gpu,
                       .dt_bias = &bias.gpu};
  ScanOutputs out = {&delta.cpu, &y.cpu, &gated.cpu, &state.cpu};
  ScanOutputs out_gpu = {&delta.gpu, &y.gpu, &gated.gpu, &state.gpu};
  op_scan(&ops_cpu, &in, order, &out, keep(malloc(scan_scratch_bytes(T, E, N, order)), 0));
  op_scan(&cuda.ops, &in_gpu, order, &out_gpu,
          keep(cuda_reserve(&cuda, scan_scratch_bytes(T, E, N, order)), 1));
  Pair *outputs[] = {&delta, &y, &gated, &state};
  for (int i = 0; i < 4; i++) {
    static const char *const name[] = {"delta", "y", "gated", "state"};
    SAY("scan %s %s T %d E %d N %d R %d kinds %d", order == SCAN_BLOCKED ? "blocked" : "sequential",
        name[i], T, E, N, R, kinds);
    pair_compare(what, outputs[i]);
  }
  kept_free();
}

static void check_hadamard(int T, int n, int odd) {
  for (int form = 0; form < 4; form++) {
    Format to = form / 2 ? FORMAT_I8 : FORMAT_F32;
    Pair x = pair_values(real_formats[form % 2], T, n, n + 1, 0, 1, odd);
    Pair y = pair_junk(to, T, n, n, to == FORMAT_I8 ? 0.25f : 0);
    op_hadamard(&ops_cpu, &x.cpu, &y.cpu);
    op_hadamard(&cuda.ops, &x.gpu, &y.gpu);
    SAY("hadamard %s->%s T %d n %d", format_name(x.cpu.format), format_name(to), T, n);
    pair_compare(what, &y);
  }
  kept_free();
}

/* Scale 0.25 puts f16 values on rounding ties. */
static void check_q8(int T, int E, float size, int odd) {
  for (int form = 0; form < 4; form++) {
    Pair x = pair_values(real_formats[form % 2], T, E, E + 1, 0, size, odd),
         y = pair_junk(FORMAT_I8, T, E, E, 0.25f);
    op_quantise(&ops_cpu, &x.cpu, form / 2 ? ROUND_EVEN : ROUND_AWAY, &y.cpu);
    op_quantise(&cuda.ops, &x.gpu, form / 2 ? ROUND_EVEN : ROUND_AWAY, &y.gpu);
    SAY("quantise %s %s T %d E %d", format_name(x.cpu.format), form / 2 ? "half-even" : "half-away",
        T, E);
    pair_compare(what, &y);
  }
  Pair x = pair_values(FORMAT_F32, T, E, 2 * E, 0, size, odd), q = pair_junk(FORMAT_I8, T, E, E, 0);
  q.gpu.scale_at = keep(cuda_reserve(&cuda, sizeof(float)), 1);
  op_quantise_dynamic(&ops_cpu, &x.cpu, &q.cpu);
  op_quantise_dynamic(&cuda.ops, &x.gpu, &q.gpu);
  SAY("quantise_dynamic T %d E %d size %g", T, E, (double)size);
  pair_compare(what, &q);
  Format types[] = {FORMAT_F32, FORMAT_F16, FORMAT_I8};
  for (int i = 0; i < 4; i++) {
    Pair from =
        i == 3 ? q
               : pair_values(types[i], T, E, E + 2, types[i] == FORMAT_I8 ? 0.07f : 0, size, odd);
    Pair to = pair_junk(FORMAT_F32, T, E, E, 0);
    op_dequantise(&ops_cpu, &from.cpu, &to.cpu);
    op_dequantise(&cuda.ops, &from.gpu, &to.gpu);
    SAY("dequantise %s T %d E %d", format_name(from.cpu.format), T, E);
    pair_compare(what, &to);
  }
  kept_free();
}

/* The tiles that smaller cards choose: 64 KiB of shared memory a block is compute capability 7.5,
 * 99 KiB 8.6, 8.9 and 12.0; 24 KiB is none, and makes blocks of one channel. */
static void check_small_cards(bool small) {
  const size_t of_this = cuda.card.shared, limit[] = {24 << 10, 64 << 10, 99 << 10};
  for (int i = 0; i < 3; i++) {
    cuda.card.shared = limit[i];
    for (int l = 0; l < lengths; l++)
      for (int odd = 0; odd < 2; odd++)
        check_scan(length[l], 37, odd ? 24 : 16, 3, SCAN_BLOCKED, odd ? 3 : 8, odd);
    if (limit[i] >= 64 << 10 && !small)
      check_scan(4100, 7, 1024, 3, SCAN_BLOCKED, 0, 0); /* the most states that a model may have */
    if (limit[i] >= 64 << 10) check_linear(256, 96, 640, FORMAT_F32, 0, 0);
    for (int n = 4096; n <= HADAMARD_MAX_N && !small; n += 4096)
      if (hadamard_factor(n) && hadamard_choice(n, &cuda.card).shared) check_hadamard(3, n, 0);
  }
  cuda.card.shared = of_this;
}

/* What a card cannot is refused by its name and size, and the next call goes well. */
static void check_refused(void) {
  const size_t of_this = cuda.card.shared;
  cuda.card.shared = 64 << 10;
  Pair x = pair_values(FORMAT_F32, 2, 32768, 32768, 0, 1, 0),
       y = pair_junk(FORMAT_F32, 2, 32768, 32768, 0);
  op_hadamard(&cuda.ops, &x.gpu, &y.gpu);
  char why[256] = "nothing";
  if ((cuda_wait(&cuda, why) || !strstr(why, "hadamard of 32768 columns") ||
       !strstr(why, "131072 bytes") || !strstr(why, "65536")) &&
      ++differing)
    printf("FAILED: hadamard on a card of 64 KiB says: %s\n", why);
  cuda.card.shared = of_this;
  kept_free();
}

/* The same bits when captured once and replayed. */
static void check_graph(void) {
  Pair x = pair_values(FORMAT_F32, 171, 1536, 1536, 0, 1, 0),
       y = pair_junk(FORMAT_I8, 171, 1536, 1536, 0);
  Pair z = pair_junk(FORMAT_F32, 171, 1536, 1536, 0);
  y.gpu.scale_at = keep(cuda_reserve(&cuda, sizeof(float)), 1);
  op_quantise_dynamic(&ops_cpu, &x.cpu, &y.cpu);
  op_dequantise(&ops_cpu, &y.cpu, &z.cpu);
  cuda_capture(&cuda);
  cuda_zero(&cuda, y.gpu.nans_at, sizeof(int64_t));
  op_quantise_dynamic(&cuda.ops, &x.gpu, &y.gpu);
  op_dequantise(&cuda.ops, &y.gpu, &z.gpu);
  void *graph = cuda_captured(&cuda);
  for (int i = 0; i < 3; i++) cuda_replay(&cuda, graph);
  pair_compare("graph quantise_dynamic", &y);
  pair_compare("graph dequantise", &z);
  cuda_forget(&cuda, graph);
  kept_free();
}

bool check_ops(bool small) {
  if (small) lengths = 9;

  for (int i = 0; i < lengths; i++)
    for (int odd = 0; odd < 2; odd++) check_residual(length[i], odd ? 333 : 256, odd);
  report("residual");
  static const int D[] = {1, 5, 16, 17, 768, 2049, 5000};
  for (int i = 0; i < 7; i++)
    for (int odd = 0; odd < 2; odd++) check_rmsnorm(33, D[i], odd);
  for (int i = 0; i < lengths; i++) check_rmsnorm(length[i], 768, 0);
  for (int odd = 0; odd < 2; odd++)
    check_norms(33, 4, 16, odd), check_norms(171, 256, 16, odd), check_norms(5, 3, 1, odd);
  report("rmsnorm");
  for (int i = 0; i < lengths; i++)
    for (int odd = 0; odd < 2; odd++) check_q8(length[i], odd ? 515 : 1536, odd ? 8 : 1, odd);
  check_q8(3, 70, 0, 0);
  report("q8");
  for (int n = 1; n <= (small ? 4096 : HADAMARD_MAX_N); n++)
    if (hadamard_factor(n) && (n < 64 || n % 64 == 0))
      check_hadamard(n > 4096 ? 2 : 5, n, n % 3 == 0);
  for (int i = 0; i < lengths; i++) check_hadamard(length[i], 1536, 0);
  report("hadamard");
  for (int i = 0; i < lengths; i++) {
    static const int taps[] = {1, 2, 4, 7};
    for (int k = 0; k < 4; k++)
      check_conv1d(length[i], k % 2 ? 77 : 512, taps[k], (i + k) % 3 == 0);
  }
  report("conv1d");
  static const int shape[][2] = {{1, 1},  {3, 70},    {16, 33},  {31, 64},
                                 {64, 5}, {192, 129}, {100, 80}, {768, 257}};
  for (int i = 0; i < lengths; i++)
    for (int s = small ? i % 2 : 0; s < 8; s += small ? 2 : 1)
      for (int i8 = 0; i8 < 2; i8++)
        check_linear(length[i], shape[s][0], shape[s][1], i8 ? FORMAT_I8 : FORMAT_F32, (i + s) % 2,
                     (i + s) % 5 == 0);
  if (!small) {
    static const int full[][2] = {{768, 3072}, {1536, 768}, {48, 1536}, {1536, 80}};
    static const int T[] = {171, 512, 2048};
    for (int t = 0; t < 3; t++)
      for (int s = 0; s < 4; s++)
        for (int i8 = 0; i8 < 2; i8++)
          check_linear(T[t], full[s][0], full[s][1], i8 ? FORMAT_I8 : FORMAT_F32, 0, 0);
    check_linear(3, LINEAR_I8_MAX_IN, 40, FORMAT_I8, 0, 0);
  }
  report("linear");
  static const int states[] = {16, 1, 5, 24, 64};
  for (int i = 0; i < lengths; i++)
    for (int kinds = 0; kinds < 16; kinds++) {
      if ((kinds >> 1 & 3) == 3 || (small && (kinds + i) % 4)) continue;
      int plain = (kinds + i) % 2;
      for (int order = 0; order < 2; order++)
        check_scan(length[i], plain ? 64 : 37, states[plain ? 0 : (kinds / 2 + i) % 5],
                   plain ? 4 : 3, (ScanOrder)order, kinds, (kinds + i) % 3 == 0);
    }
  if (!small)
    for (int order = 0; order < 2; order++) {
      check_scan(171, 1536, 16, 48, (ScanOrder)order, 11, 0);
      check_scan(2048, 1536, 16, 48, (ScanOrder)order, 0, 0);
    }
  report("scan");
  check_small_cards(small);
  check_refused();
  report("small cards");
  check_graph();
  report("graph");
  printf(differing ? "%ld elements differ\n" : "all equal\n", differing);
  return differing == 0;
}
