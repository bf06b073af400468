/* time_ops: microseconds of each operator of the 130M shape: in a graph of COPIES, and launched
 * alone. Medians. */
#include "check.h"
#include "pair.h"

enum { COPIES = 20, REPLAYS = 15, ALONE = 30, D = 768, E = 1536, N = 16, R = 48 };

typedef void Op(void *context);

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static const char *wanted;
/* NAME may go on with the length: "scan sequential f32 T 8192". */
static bool is_wanted(const char *name, int T) {
  char line[96];
  snprintf(line, sizeof line, "%s T %d ", name, T);
  return strstr(line, wanted);
}

static void time_op(const char *name, int T, Op *op, void *context, double bytes,
                    double operations) {
  if (!is_wanted(name, T)) return;
  void *from = cuda_mark(&cuda), *to = cuda_mark(&cuda);
  double seconds[ALONE], alone, replayed;
  for (int i = 0; i < 3; i++) op(context);
  wait_or_exit();
  for (int i = 0; i < ALONE; i++) {
    cuda_mark_operators(&cuda, from);
    op(context);
    cuda_mark_operators(&cuda, to);
    wait_or_exit();
    seconds[i] = cuda_seconds(&cuda, from, to);
  }
  qsort(seconds, ALONE, sizeof *seconds, by_value);
  alone = seconds[ALONE / 2];
  cuda_capture(&cuda);
  for (int i = 0; i < COPIES; i++) op(context);
  void *graph = cuda_captured(&cuda);
  for (int i = -2; i < REPLAYS; i++) {
    cuda_mark_operators(&cuda, from);
    cuda_replay(&cuda, graph);
    cuda_mark_operators(&cuda, to);
    wait_or_exit();
    if (i >= 0) seconds[i] = cuda_seconds(&cuda, from, to) / COPIES;
  }
  qsort(seconds, REPLAYS, sizeof *seconds, by_value);
  replayed = seconds[REPLAYS / 2];
  printf("%-30s T %5d  %8.2f us  alone %8.2f us", name, T, replayed * 1e6, alone * 1e6);
  if (bytes > 0) printf("  %6.0f GB/s", bytes / replayed * 1e-9);
  if (operations > 0) printf("  %7.2f T op/s", operations / replayed * 1e-12);
  printf("\n");
  fflush(stdout);
  cuda_forget(&cuda, graph);
  cuda_unmark(&cuda, from);
  cuda_unmark(&cuda, to);
}

typedef struct ScanCall {
  ScanInputs in;
  ScanOutputs out;
  ScanOrder order;
  void *scratch;
} ScanCall;
static void call_scan(void *context) {
  ScanCall *call = context;
  op_scan(&cuda.ops, &call->in, call->order, &call->out, call->scratch);
}
static void time_scan(int T, int i8, ScanOrder order) {
  Format format = i8 ? FORMAT_I8 : FORMAT_F32;
  float scale = i8 ? 0.02f : 0;
  char name[64];
  snprintf(name, sizeof name, "scan %s %s", order == SCAN_BLOCKED ? "blocked" : "sequential",
           format_name(format));
  if (!is_wanted(name, T)) return;
  Pair u = pair_values(format, T, E, E, scale, 1, 0),
       dt = pair_values(format, T, E, E, scale, 1, 0);
  Pair xz = pair_values(format, T, 2 * E, 2 * E, scale, 1, 0),
       dbc = pair_values(format, T, R + 2 * N, R + 2 * N, scale, 1, 0);
  Pair z = pair_columns(&xz, E, E), B = pair_columns(&dbc, R, N), C = pair_columns(&dbc, R + N, N);
  Pair A_log = pair_values(format, E, N, N, scale, 0.8f, 0),
       skip = pair_values(format, 1, E, E, scale, 1, 0);
  Pair bias = pair_values(format, 1, E, E, scale, 1, 0);
  Pair delta = pair_junk(FORMAT_F32, T, E, E, 0), y = pair_junk(FORMAT_F32, T, E, E, 0);
  Pair gated = pair_junk(FORMAT_F16, T, E, E, 0), state = pair_junk(FORMAT_F32, E, N, N, 0);
  ScanCall call = {.in = {.u = &u.gpu,
                          .dt = &dt.gpu,
                          .B = &B.gpu,
                          .C = &C.gpu,
                          .z = &z.gpu,
                          .A_log = &A_log.gpu,
                          .D = &skip.gpu,
                          .dt_bias = &bias.gpu},
                   .out = {&delta.gpu, &y.gpu, &gated.gpu, &state.gpu},
                   .order = order,
                   .scratch = keep(cuda_reserve(&cuda, scan_scratch_bytes(T, E, N, order)), 1)};
  time_op(name, T, call_scan, &call, (double)T * E * (3 * (double)format_size(format) + 10), 0);
  kept_free();
}

typedef struct ConvCall {
  Conv1d w;
  Tensor x, pre, silu;
} ConvCall;
static void call_conv(void *context) {
  ConvCall *call = context;
  op_conv1d(&cuda.ops, &call->w, &call->x, &call->pre, &call->silu);
}
static void time_conv(int T, int i8, int i8_out) {
  Format format = i8 ? FORMAT_I8 : FORMAT_F32, output = i8_out ? FORMAT_I8 : FORMAT_F32;
  Pair xz = pair_values(format, T, 2 * E, 2 * E, 0.02f, 1, 0),
       w = pair_values(format, E, 4, 4, 0, 1, 0);
  Pair bias = pair_values(format, 1, E, E, 0, 1, 0), pre = pair_junk(FORMAT_F32, T, E, E, 0);
  Pair silu = pair_junk(output, T, E, E, 0.02f);
  ConvCall call = {.w = {.E = E,
                         .K = 4,
                         .format = format,
                         .weight = w.gpu.data,
                         .bias = bias.gpu.data,
                         .weight_scale = 0.02f,
                         .bias_scale = 0.02f},
                   .x = tensor_columns(&xz.gpu, 0, E),
                   .pre = pre.gpu,
                   .silu = silu.gpu};
  char name[64];
  snprintf(name, sizeof name, "conv1d %s->%s", format_name(format), format_name(output));
  time_op(name, T, call_conv, &call,
          (double)T * E * (double)(format_size(format) + 4 + format_size(output)), 0);
  kept_free();
}

typedef struct LinearCall {
  Linear w;
  Tensor x, y;
} LinearCall;
static void call_linear(void *context) {
  LinearCall *call = context;
  op_linear(&cuda.ops, &call->w, &call->x, &call->y);
}
static void time_linear(int T, int in, int out, Format format) {
  char name[64];
  snprintf(name, sizeof name, "linear %s %d->%d", format_name(format), in, out);
  if (!is_wanted(name, T)) return;
  Pair x = pair_values(format, T, in, in, 0.02f, 1, 0),
       weight = pair_values(format, out, in, in, 0, 1, 0);
  Pair y = pair_junk(format, T, out, out, 0.2f);
  void *panels = keep(malloc(linear_packed_bytes(out, in, format) + 64), 0);
  Linear w = linear_pack(weight.cpu.data, out, in, format, 0.01f, panels);
  void *packed = keep(malloc(linear_cuda_packed_bytes(out, in, format)), 0);
  linear_cuda_pack(&w, packed);
  w.panels = keep(cuda_reserve(&cuda, linear_cuda_packed_bytes(out, in, format)), 1);
  cuda_to_device(&cuda, w.panels, packed, linear_cuda_packed_bytes(out, in, format));
  LinearCall call = {w, x.gpu, y.gpu};
  double operations = 2.0 * T * in * out;
  time_op(name, T, call_linear, &call, 0, operations);
  kept_free();
}

typedef struct RowCall {
  Tensor x, y;
} RowCall;
static void call_norm(void *context) {
  RowCall *call = context;
  op_rmsnorm(&cuda.ops, &call->x, NULL, 1e-5f, &call->y);
}
static void call_hadamard(void *context) {
  RowCall *call = context;
  op_hadamard(&cuda.ops, &call->x, &call->y);
}
static void call_quantise(void *context) {
  RowCall *call = context;
  op_quantise(&cuda.ops, &call->x, ROUND_EVEN, &call->y);
}
static void call_dynamic(void *context) {
  RowCall *call = context;
  op_quantise_dynamic(&cuda.ops, &call->x, &call->y);
}
static void call_dequantise(void *context) {
  RowCall *call = context;
  op_dequantise(&cuda.ops, &call->y, &call->x);
}
static void time_rows(int T) {
  Pair x = pair_values(FORMAT_F32, T, E, E, 0, 1, 0),
       f16 = pair_values(FORMAT_F16, T, E, E, 0, 1, 0);
  Pair y = pair_junk(FORMAT_I8, T, E, E, 0.02f), d = pair_values(FORMAT_F32, T, D, D, 0, 1, 0);
  Pair q = pair_junk(FORMAT_I8, T, D, D, 0.02f), dynamic = y;
  dynamic.gpu.scale_at = keep(cuda_reserve(&cuda, sizeof(float)), 1);
  time_op("rmsnorm f32->i8", T, call_norm, &(RowCall){d.gpu, q.gpu}, (double)T * D * 5, 0);
  time_op("hadamard f16->i8", T, call_hadamard, &(RowCall){f16.gpu, y.gpu}, (double)T * E * 3, 0);
  time_op("quantise f32->i8", T, call_quantise, &(RowCall){x.gpu, y.gpu}, (double)T * E * 5, 0);
  time_op("quantise_dynamic", T, call_dynamic, &(RowCall){x.gpu, dynamic.gpu}, (double)T * E * 9,
          0);
  time_op("dequantise i8->f32", T, call_dequantise, &(RowCall){x.gpu, y.gpu}, (double)T * E * 5, 0);
  kept_free();
}

void time_ops(const char *only) {
  wanted = only;
  static const int lengths[] = {171, 512, 2048, 8192};
  for (int i = 0; i < 4; i++)
    for (int i8 = 0; i8 < 2; i8++)
      for (int order = 0; order < 2; order++) time_scan(lengths[i], i8, (ScanOrder)order);
  for (int i = 0; i < 4; i++) {
    time_conv(lengths[i], 1, 1);
    time_conv(lengths[i], 0, 0);
  }
  for (int i = 0; i < 3; i++) time_rows(lengths[i]);
  for (int i = 0; i < 4; i++)
    for (int i8 = 0; i8 < 2; i8++) {
      Format format = i8 ? FORMAT_I8 : FORMAT_F32;
      time_linear(lengths[i], D, 2 * E, format);
      time_linear(lengths[i], E, D, format);
      time_linear(lengths[i], E, R + 2 * N, format);
      time_linear(lengths[i], R, E, format);
    }
}
